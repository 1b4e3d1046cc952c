"""The folder of a demo: fresh where it must be, shared with no other demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.demo.data_dir import lock_data_dir
from dayhand.errors import SettingsError


def test_environments_are_kept_and_the_rest_begins_anew(tmp_path: Path) -> None:
    with lock_data_dir(tmp_path) as data_dir:
        for name in ("sandbox/states/one", "redis", "github/ada", "mirrors"):
            (data_dir / name).mkdir(parents=True)
    with lock_data_dir(tmp_path) as again:
        assert again == data_dir
        assert sorted(path.name for path in again.iterdir()) == ["lock", "sandbox"]
        assert (again / "sandbox/states/one").is_dir()


def test_two_demos_at_once_play_in_two_folders(tmp_path: Path) -> None:
    with lock_data_dir(tmp_path) as first, lock_data_dir(tmp_path) as second:
        assert first != second


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot write to") as caught, lock_data_dir(tmp_path / "data"):
        pass
    assert "DAYHAND_DATA" in caught.value.advice
