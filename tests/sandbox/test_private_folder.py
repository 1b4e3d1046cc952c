"""Folders of the worker alone: made private, narrowed if they were open to others."""

from __future__ import annotations

from pathlib import Path

from dayhand.sandbox.private_folder import make_private


def modes(top: Path) -> dict[str, str]:
    return {path.name: oct(path.lstat().st_mode & 0o777) for path in (top, *top.rglob("*"))}


def test_a_new_folder_is_private(tmp_path: Path) -> None:
    assert modes(make_private(tmp_path / "above" / "new")) == {"new": "0o700"}


def test_a_folder_that_others_could_enter_is_narrowed_with_everything_in_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    folder = tmp_path / "wide"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "file").write_text("x")
    (folder / "below" / "program").write_text("x")
    (folder / "link").symlink_to(outside)
    for name, mode in (("", 0o755), ("below", 0o777), ("below/file", 0o664), ("below/program", 0o755)):
        (folder / name).chmod(mode)
    make_private(folder)
    found = modes(folder)
    assert found.pop("link") == "0o777"
    assert found == {"wide": "0o700", "below": "0o700", "file": "0o600", "program": "0o700"}
    assert oct(outside.stat().st_mode & 0o777) == "0o755", "what a link points to is left"


def test_a_private_folder_is_not_walked_again(tmp_path: Path) -> None:
    folder = make_private(tmp_path / "private")
    (folder / "file").touch()
    (folder / "file").chmod(0o644)
    make_private(folder)
    assert modes(folder)["file"] == "0o644", (
        "nobody else reaches it, and a large mirror is not walked for each task"
    )
