"""What holds for bubblewrap alone: nothing is there but what is on the list."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from tests.sandbox.conftest import SMALL


@pytest.fixture(scope="module")
def box(data):
    sandbox = BubblewrapSandbox(data / "listed", capacity=SMALL)
    sandbox.self_test()
    with sandbox.open() as opened:
        yield opened


def test_folders_that_are_not_on_the_list_are_not_there(box):
    told = box.run("ls /").text().split()

    assert "workspace" in told
    assert {"home", "root", "var", "work", "mnt", "sys", "boot"}.isdisjoint(told)


@pytest.mark.parametrize("path", ["/etc/shadow", "/root", "/home", "/proc/1/root/root", "/sys"])
def test_files_that_are_not_on_the_list_are_not_there(box, path):
    assert not box.run(f"test -e {path} && ls -la {path}").passed


def test_a_disk_that_was_cleared_meanwhile_is_laid_out_anew():
    with tempfile.TemporaryDirectory(prefix="dayhand-sandbox-") as folder:
        Path(folder).chmod(0o755)
        mine = BubblewrapSandbox(Path(folder))
        mine.self_test()
        shutil.rmtree(Path(folder) / "sandbox")
        mine.self_test()
        with mine.open() as box:
            assert box.run(["true"]).passed
