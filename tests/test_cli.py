"""The command line: what it says when something is wrong, and its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dayhand.cli import main
from dayhand.errors import EXIT_MEANINGS, ExitCode
from tests.app_key import app_key_pem


def dayhand(*args: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own, without this process' settings."""
    with start(*args, cwd=cwd, **environ) as process:
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(args, process.returncode, out, err)


def start(*args: str, cwd: Path, **environ: str) -> subprocess.Popen[str]:
    """Start it."""
    plain = {
        k: v for k, v in os.environ.items() if not k.startswith(("DAYHAND_", "GITHUB_", "OPENAI_", "REDIS_"))
    }
    command = [sys.executable, "-m", "dayhand.cli", *args]
    env = {**plain, "DAYHAND_DATA": str(cwd / "data"), **environ}
    return subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(f"    {command} " in text for command in ("demo", "up", "web", "work", "run"))
    assert all(f"\n  {code:<4} {meaning}\n" in text for code, meaning in EXIT_MEANINGS.items())


def test_a_wrong_setting_ends_with_a_sentence_and_what_to_do(tmp_path: Path) -> None:
    done = dayhand("up", cwd=tmp_path, DAYHAND_LABLE="x")
    assert done.returncode == 2
    assert (
        done.stderr
        == "dayhand: DAYHAND_LABLE is not a setting of Dayhand.\n  → Did you mean DAYHAND_LABEL?\n"
    )


@pytest.mark.parametrize("command", ["up", "web", "work"])
def test_without_an_app_nothing_starts_and_what_is_missing_is_named(tmp_path: Path, command: str) -> None:
    done = dayhand(command, cwd=tmp_path)
    assert done.returncode == 2
    assert "GITHUB_APP_ID" in done.stderr
    assert "Run `dayhand setup`" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_name_in_an_error_steers_the_terminal(tmp_path: Path) -> None:
    done = dayhand(
        "run", "--repo", "\x1b]0;title\x07\x1b[31mred", "mend it", cwd=tmp_path, OPENAI_API_KEY="none"
    )
    assert done.returncode == 1
    assert "/red is not a folder" in done.stderr
    assert "\x1b" not in done.stderr
    assert "\x07" not in done.stderr


def test_a_terminal_without_unicode_is_no_reason_to_end(tmp_path: Path) -> None:
    done = dayhand("demo", "--case", "chess", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert done.stderr.startswith('dayhand: There is no case "chess".')
    result = dayhand("doctor", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert result.returncode in (0, 1)
    assert "Traceback" not in result.stderr


def test_every_exit_code_has_a_meaning() -> None:
    assert set(EXIT_MEANINGS) == set(ExitCode)


WRONG_SETTINGS = {
    "DAYHAND_DATA": ("up", "{tmp}/file/data"),
    "GITHUB_APP_PRIVATE_KEY_PATH": ("up", "{tmp}/binary.pem"),
    "GITHUB_APP_PRIVATE_KEY": ("dispatch", "not a key"),
    "REDIS_URL": ("web", "localhost:6379"),
    "DAYHAND_PRICES": ("work", "{tmp}/binary.pem"),
}


@pytest.mark.parametrize("name", WRONG_SETTINGS)
def test_a_wrong_setting_is_named_with_exit_code_2(tmp_path: Path, name: str) -> None:
    command, value = WRONG_SETTINGS[name]
    (tmp_path / "binary.pem").write_bytes(b"\xff\x00")
    (tmp_path / "file").touch()
    app = {"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY": app_key_pem(), "GITHUB_WEBHOOK_SECRET": "s"}
    if name == "GITHUB_APP_PRIVATE_KEY_PATH":
        app["GITHUB_APP_PRIVATE_KEY"] = ""
    environ = app | {name: value.format(tmp=tmp_path)}
    done = dayhand(command, cwd=tmp_path, **environ)
    assert done.returncode == 2, done.stderr
    assert name in done.stderr or "private key" in done.stderr or "price file" in done.stderr
    assert "  → " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_that_needs_no_app_works_beside_a_key_file_that_is_missing(tmp_path: Path) -> None:
    done = dayhand("environment", "nowhere", cwd=tmp_path, GITHUB_APP_PRIVATE_KEY_PATH="/no/such.pem")
    assert done.returncode == 1
    assert "nowhere is not a folder." in done.stderr


def test_a_former_name_gives_one_notice_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DAYHAND_MOST_TURNS=7\nDAYHAND_MOST_LINES=8\n")
    done = dayhand("environment", "nowhere", cwd=tmp_path)
    assert done.stdout == ""
    assert done.stderr.count("DAYHAND_MOST_TURNS is now DAYHAND_MAX_TURNS") == 1
    assert done.stderr.startswith("dayhand: DAYHAND_MOST_LINES is now DAYHAND_MAX_LINES, ")
