"""What applies to bubblewrap alone: only what is on the list of mounts is visible."""

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


def test_folders_that_are_not_on_the_list_are_not_visible(box):
    names = box.run("ls /").text().split()

    assert "workspace" in names
    assert {"home", "root", "var", "work", "mnt", "sys", "boot"}.isdisjoint(names)


@pytest.mark.parametrize("path", ["/etc/shadow", "/root", "/home", "/proc/1/root/root", "/sys"])
def test_files_that_are_not_on_the_list_are_not_visible(box, path):
    assert not box.run(f"test -e {path} && ls -la {path}").passed


def test_folders_that_were_deleted_meanwhile_are_created_again():
    with tempfile.TemporaryDirectory(prefix="dayhand-sandbox-") as folder:
        Path(folder).chmod(0o755)
        sandbox = BubblewrapSandbox(Path(folder))
        sandbox.self_test()
        shutil.rmtree(Path(folder) / "sandbox")
        sandbox.self_test()
        with sandbox.open() as box:
            assert box.run(["true"]).passed


def test_a_bwrap_that_mounts_overlays_is_preferred_to_an_older_one_that_comes_first(data):
    sandbox = BubblewrapSandbox(data / "older", capacity=SMALL)
    newer = sandbox.config().bwrap
    if not sandbox.config().overlay:
        pytest.skip("this machine's boxes cannot mount overlays")
    older, broken = data / "older-bwrap", data / "broken-bwrap"
    older.write_text(
        f'#!/bin/sh\ncase " $* " in *" --overlay-src "*) echo unknown option >&2; exit 1;; esac\nexec {newer} "$@"\n'
    )
    broken.write_text("#!/bin/sh\nexit 1\n")
    counted, tries = data / "counted-bwrap", data / "tries"
    counted.write_text(f'#!/bin/sh\necho >> {tries}\nexec {newer} "$@"\n')
    for program in (older, broken, counted):
        program.chmod(0o755)
    tries.touch(mode=0o666)
    tries.chmod(0o666)  # for the box's own user
    assert sandbox.choose_bwrap([counted]).overlay
    assert tries.read_text() == "\n", "one box shows both, that it opens and that it mounts an overlay"
    for programs, chosen in (([older, newer], newer), ([broken, older], older), ([newer, older], newer)):
        config = sandbox.choose_bwrap(programs)
        assert (config.bwrap, config.overlay) == (chosen, chosen == newer)
