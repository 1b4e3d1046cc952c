"""The live log: numbered lines, stages with their times, and listeners."""

from __future__ import annotations

import pytest
from redis import Redis

from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import MAX_CHARS, LogReader, Note, TaskLog
from dayhand.task import Stage
from tests.ledger.conftest import TASK, claimed


def test_lines_are_numbered_from_one_and_go_on_after_a_resume(ledger: Ledger, claim: Claim) -> None:
    log = TaskLog(ledger, claim)
    assert [log.line("say", text) for text in ("a", "b")] == [1, 2]
    claim.release()
    assert TaskLog(ledger, claimed(ledger, "two")).line("say", "c") == 3
    assert [note.text for note in LogReader(ledger.redis).read(TASK.id)] == ["a", "b", "c"]


def test_a_stage_is_timed_and_marks_its_lines(redis: Redis, claim: Claim) -> None:
    now = 10.0
    ledger = Ledger(redis, clock=lambda: now)
    log = TaskLog(ledger, claim)
    with log.stage(Stage.FETCH):
        log.line("command", "git fetch")
        now = 12.5
    with log.stage(Stage.SOLVE):
        record = ledger.record(TASK.id)
        assert record.stage == "solve"
        assert [(time.stage, time.started, time.ended) for time in record.stages] == [
            ("fetch", 10.0, 12.5),
            ("solve", 12.5, None),
        ]
    assert [(note.stage, note.kind, note.text) for note in LogReader(redis).read(TASK.id)] == [
        ("fetch", "stage", "fetch"),
        ("fetch", "command", "git fetch"),
        ("solve", "stage", "solve"),
    ]


def test_a_stage_that_fails_has_an_end_too(ledger: Ledger, claim: Claim) -> None:
    with pytest.raises(ZeroDivisionError), TaskLog(ledger, claim).stage(Stage.TAKE):
        raise ZeroDivisionError
    assert ledger.record(TASK.id).stages[0].ended is not None


def test_long_text_is_one_line_that_is_cut_in_the_middle(ledger: Ledger, claim: Claim) -> None:
    log = TaskLog(ledger, claim)
    log.line("output", "x" * MAX_CHARS)
    log.line("output", "begin" + "x" * 10 * MAX_CHARS + "end")
    whole, cut = LogReader(ledger.redis).read(TASK.id)
    assert whole.text == "x" * MAX_CHARS
    assert len(cut.text) < MAX_CHARS + 20
    assert cut.text.startswith("begin")
    assert cut.text.endswith("end")
    assert "… cut …" in cut.text


def test_listeners_hear_each_line_after_it_is_written(ledger: Ledger, claim: Claim) -> None:
    heard: list[tuple[Note, int]] = []
    log = TaskLog(ledger, claim)
    log.listen(lambda note: heard.append((note, len(LogReader(ledger.redis).read(TASK.id)))))
    log.line("say", "a")
    log.line("error", "b")
    assert [(note.line, note.kind, note.text, written) for note, written in heard] == [
        (1, "say", "a", 1),
        (2, "error", "b", 2),
    ]


def test_no_credential_is_written_and_no_half_of_one(ledger: Ledger, claim: Claim) -> None:
    token = "gl" + "pat-" + "aB3_-xYz9" * 3
    heard: list[Note] = []
    log = TaskLog(ledger, claim)
    log.listen(heard.append)
    log.line("output", f"TOKEN={token[:6]}\u200b{token[6:]}\n")
    log.line("output", "x" * (MAX_CHARS // 2 - 10) + f" {token} " + "y" * MAX_CHARS)
    assert heard[0].text == "TOKEN=[redacted]\n"
    assert [note.text for note in LogReader(ledger.redis).read(TASK.id)] == [note.text for note in heard]
    assert "glpat" not in heard[1].text
