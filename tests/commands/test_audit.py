"""``dayhand audit``: an entry stays one line, whatever a stranger wrote into it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dayhand.cli import main
from dayhand.commands.audit import parse_since
from dayhand.errors import DayhandError, ExitCode
from dayhand.ledger.redis_server import connect, embedded
from dayhand.ledger.telemetry.audit import Action, audit

HOSTILE = "ada\n2026-01-01 push: forged \x1b[2K\u202e ghp_0123456789012345678901234567890123456789"


@pytest.fixture(autouse=True)
def _audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with embedded(tmp_path / "redis") as url, connect(url) as redis:
        monkeypatch.setenv("REDIS_URL", url)
        monkeypatch.setenv("DAYHAND_DATA", str(tmp_path))
        audit(redis, Action.ASKED, who=HOSTILE, task="t1")
        audit(redis, Action.PUSH, commit="abc", branch="dayhand/1-x")
        yield


def test_it_prints_a_line_for_each_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit"]) == ExitCode.OK
    first, second = capsys.readouterr().out.splitlines()
    assert " asked: who=ada 2026-01-01 push: forged  [redacted] task=t1" in first
    assert second.endswith(" push: commit=abc branch=dayhand/1-x")


def test_json_has_an_object_for_each_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--json", "--since", "5m"]) == ExitCode.OK
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["who"] == HOSTILE
    assert (second["action"], second["commit"]) == ("push", "abc")


@pytest.mark.parametrize("text", ["yesterday", "7", "-1d", "1e9d", "2026-13-01", "9999999d"])
def test_a_wrong_time_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(DayhandError, match="neither an age nor a date") as refused:
        parse_since(text)
    assert "7d" in refused.value.advice
