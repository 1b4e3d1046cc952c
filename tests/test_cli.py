"""The command line: what it says when something is wrong, and its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dayhand.cli import main


def dayhand(*args: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own, without this process' settings."""
    plain = {
        k: v for k, v in os.environ.items() if not k.startswith(("DAYHAND_", "GITHUB_", "OPENAI_", "REDIS_"))
    }
    command = [sys.executable, "-m", "dayhand.cli", *args]
    env = {**plain, "DAYHAND_DATA": str(cwd / "data"), **environ}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(f"    {command} " in said for command in ("demo", "up", "web", "work", "run"))


def test_a_wrong_setting_ends_with_a_sentence_and_what_to_do(tmp_path: Path) -> None:
    done = dayhand("up", cwd=tmp_path, DAYHAND_LABLE="x")
    assert done.returncode == 1
    assert (
        done.stderr
        == "dayhand: DAYHAND_LABLE is not a setting of Dayhand.\n  → Did you mean DAYHAND_LABEL?\n"
    )


@pytest.mark.parametrize("command", ["up", "web", "work"])
def test_without_an_app_nothing_starts_and_what_is_missing_is_named(tmp_path: Path, command: str) -> None:
    done = dayhand(command, cwd=tmp_path)
    assert done.returncode == 1
    assert "GITHUB_APP_ID" in done.stderr
    assert "app.yml" in done.stderr
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
    assert done.returncode == 1
    assert done.stderr.startswith("dayhand: There is no case ?chess?.")
    told = dayhand("doctor", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert told.returncode in (0, 1)
    assert "Traceback" not in told.stderr
