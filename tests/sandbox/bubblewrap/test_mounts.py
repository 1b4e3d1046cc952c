"""The fingerprint of what a bubblewrap box sees of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dayhand.sandbox.bubblewrap import mounts

FIXED = ("--ro-bind", "/usr", "/usr")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in folder of the box's PATH, with one language in it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "node-20").write_text("#!/bin/sh\necho v20\n")
    (tmp_path / "bin" / "node").symlink_to(tmp_path / "node-20")
    monkeypatch.setattr(mounts, "SYSTEM_PATH", str(tmp_path / "bin"))
    return tmp_path


def install(folder: Path) -> None:
    (folder / "bin" / "go").write_text("")


def upgrade_the_target_of_a_link(folder: Path) -> None:
    (folder / "node-20").write_text("#!/bin/sh\necho v20.1\n")


def replace_with_the_same_size_and_time(folder: Path) -> None:
    before = (folder / "node-20").stat()
    temporary = folder / "half"
    temporary.write_text("#!/bin/sh\necho v22\n")
    os.utime(temporary, ns=(before.st_atime_ns, before.st_mtime_ns))
    temporary.rename(folder / "node-20")


def change_the_target_of_a_link(folder: Path) -> None:
    (folder / "node-22").write_text("#!/bin/sh\necho v22\n")
    (folder / "bin" / "node").unlink()
    (folder / "bin" / "node").symlink_to(folder / "node-22")


def remove(folder: Path) -> None:
    (folder / "bin" / "node").unlink()


CHANGES = (
    install,
    upgrade_the_target_of_a_link,
    replace_with_the_same_size_and_time,
    change_the_target_of_a_link,
    remove,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_the_fingerprint_changes_with_the_programs(folder, change) -> None:
    before = mounts.fingerprint(FIXED)
    assert mounts.fingerprint(FIXED) == before
    change(folder)
    assert mounts.fingerprint(FIXED) != before


def test_the_fingerprint_changes_with_an_sdk_that_is_installed_beside_its_program(
    folder, monkeypatch
) -> None:
    (folder / "sdk").mkdir()
    monkeypatch.setattr(mounts, "SDK_FOLDERS", f"{folder / 'none'}:{folder / 'sdk'}")
    before = mounts.fingerprint(FIXED)
    (folder / "sdk" / "9.0.100").mkdir()
    assert mounts.fingerprint(FIXED) != before


def test_the_fingerprint_changes_with_the_mounts(folder) -> None:
    assert mounts.fingerprint(FIXED) != mounts.fingerprint((*FIXED, "--ro-bind", "/opt", "/opt"))


HOST = """
import sys
from pathlib import Path
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox

with BubblewrapSandbox(Path(sys.argv[1])).open() as box:
    print(box.run("cat /usr/etc/npmrc /usr/local/etc/npmrc /usr/local/etc/*/*; echo x > /usr/local/etc/x; node -v; git --version").text())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount other folders over the machine's")
def test_the_configuration_of_package_managers_below_usr_is_not_visible():
    """On a machine that has some: a mount namespace of this test alone, in which these folders are others."""
    folders = [path for path in ("/usr/etc", "/usr/local/etc") if Path(path).is_dir()]
    mounts = [
        f"mount -t tmpfs none {path} && mkdir {path}/deep && "
        f"echo //registry.example.org/:_authToken=do-not-tell | tee {path}/npmrc {path}/deep/file && "
        for path in folders
    ]
    with tempfile.TemporaryDirectory(prefix="dayhand-sandbox-") as home:
        Path(home).chmod(0o755)
        script = f'{"".join(mounts)} exec >&2; exec "$@"'
        words = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-c", HOST, home]
        process = subprocess.run(words, capture_output=True, text=True, check=True)

    assert "do-not-tell" in process.stdout, "the machine has it"
    assert "git version" in process.stderr
    assert "do-not-tell" not in process.stderr
    assert "Read-only file system" in process.stderr
