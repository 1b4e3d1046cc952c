"""The dashboard's token: made once, the same after a restart and in every process, and private."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dayhand.errors import SettingsError
from dayhand.settings.dashboard_token import FILE, dashboard_link, dashboard_token, read_token
from dayhand.settings.table import Settings, read_settings

OWN = "an-own-token-of-at-least-32-letters"
GOOD = "x" * 43


def test_it_is_made_once_and_stays_the_same(tmp_path: Path) -> None:
    data = tmp_path / "not" / "there yet"
    first = dashboard_token(Settings(data=data))
    assert len(first) == 43
    assert dashboard_token(Settings(data=data)) == first
    assert dashboard_token(Settings(data=tmp_path)) != first, "another installation has another one"


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        dashboard_token(Settings(data=tmp_path))
    finally:
        os.umask(before)
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from dayhand.settings.table import Settings;"
        "from dayhand.settings.dashboard_token import dashboard_token;"
        "print('ready', flush=True); sys.stdin.readline(); print(dashboard_token(Settings(data=Path(sys.argv[1]))))"
    )
    pipe = subprocess.PIPE
    together = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdin=pipe, stdout=pipe, text=True)
        for _ in range(6)
    ]
    for process in together:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in together:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    tokens = {process.communicate(timeout=100)[0] for process in together}
    assert len(tokens) == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_operators_own_wins_and_is_not_repeated(tmp_path: Path) -> None:
    settings = read_settings({"DAYHAND_DATA": str(tmp_path), "DAYHAND_DASHBOARD_TOKEN": OWN}, dotenv=None)
    assert dashboard_token(settings) == OWN
    assert list(tmp_path.iterdir()) == []
    assert OWN not in dashboard_link(settings, OWN)
    assert "DAYHAND_DASHBOARD_TOKEN" in dashboard_link(settings, OWN)


def test_the_link_is_one_word(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, url="https://dayhand.example.org")
    token = dashboard_token(settings)
    assert dashboard_link(settings, token) == f"https://dayhand.example.org/tasks?token={token}"


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o604, 0o660, 0o606, 0o620])
def test_a_token_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    dashboard_token(Settings(data=tmp_path))
    (tmp_path / FILE).chmod(mode)
    with pytest.raises(SettingsError, match=f"open to other users \\(mode {mode:o}\\)") as refused:
        dashboard_token(Settings(data=tmp_path))
    assert refused.value.advice.startswith("Remove it")


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"short", b"x" * 2000, f"{GOOD}\n{GOOD}".encode(), b"\xff" * 43, b"a token" * 9]
)
def test_a_file_that_holds_no_token_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / FILE
    file.touch(mode=0o600)
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="does not hold a token"):
        read_token(file)


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "fifo"])
def test_what_is_not_a_file_is_neither_followed_nor_waited_for(tmp_path: Path, kind: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    file = tmp_path / FILE
    match kind:
        case "link":
            elsewhere.touch(mode=0o600)
            elsewhere.write_text(GOOD)
            file.symlink_to(elsewhere)
        case "dangling":
            file.symlink_to(elsewhere)
        case "folder":
            file.mkdir(mode=0o700)
        case _:
            os.mkfifo(file, mode=0o600)
    with pytest.raises(SettingsError) as refused:
        dashboard_token(Settings(data=tmp_path))
    assert str(file) in str(refused.value)
    assert kind != "dangling" or not elsewhere.exists()


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be written") as refused:
        dashboard_token(Settings(data=tmp_path / "file"))
    assert "DAYHAND_DASHBOARD_TOKEN" in refused.value.advice
