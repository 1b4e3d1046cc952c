"""The fingerprint of what a bubblewrap box sees of this machine."""

from __future__ import annotations

import os
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
