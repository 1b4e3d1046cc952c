"""The stamp of what a bubblewrap box has of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dayhand.sandbox.bubblewrap import mounts

FIXED = ("--ro-bind", "/usr", "/usr")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the box's PATH, with one language in it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "node-20").write_text("#!/bin/sh\necho v20\n")
    (tmp_path / "bin" / "node").symlink_to(tmp_path / "node-20")
    monkeypatch.setattr(mounts, "SYSTEM_PATH", str(tmp_path / "bin"))
    return tmp_path


def install(place: Path) -> None:
    (place / "bin" / "go").write_text("")


def upgrade_what_a_link_leads_to(place: Path) -> None:
    (place / "node-20").write_text("#!/bin/sh\necho v20.1\n")


def write_anew_with_the_same_size_and_time(place: Path) -> None:
    before = (place / "node-20").stat()
    half = place / "half"
    half.write_text("#!/bin/sh\necho v22\n")
    os.utime(half, ns=(before.st_atime_ns, before.st_mtime_ns))
    half.rename(place / "node-20")


def choose_another(place: Path) -> None:
    (place / "node-22").write_text("#!/bin/sh\necho v22\n")
    (place / "bin" / "node").unlink()
    (place / "bin" / "node").symlink_to(place / "node-22")


def remove(place: Path) -> None:
    (place / "bin" / "node").unlink()


CHANGES = (
    install,
    upgrade_what_a_link_leads_to,
    write_anew_with_the_same_size_and_time,
    choose_another,
    remove,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_the_stamp_changes_with_the_programs(place, change) -> None:
    before = mounts.fingerprint(FIXED)
    assert mounts.fingerprint(FIXED) == before
    change(place)
    assert mounts.fingerprint(FIXED) != before


def test_the_stamp_changes_with_a_kit_that_is_installed_beside_its_program(place, monkeypatch) -> None:
    (place / "sdk").mkdir()
    monkeypatch.setattr(mounts, "SDK_FOLDERS", f"{place / 'none'}:{place / 'sdk'}")
    before = mounts.fingerprint(FIXED)
    (place / "sdk" / "9.0.100").mkdir()
    assert mounts.fingerprint(FIXED) != before


def test_the_stamp_changes_with_what_is_let_in(place) -> None:
    assert mounts.fingerprint(FIXED) != mounts.fingerprint((*FIXED, "--ro-bind", "/opt", "/opt"))
