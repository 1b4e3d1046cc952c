"""The progress that the demo shows, read from a real ledger."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from dayhand.demo.cases.search.story import SEARCH
from dayhand.demo.display import LineDisplay, open_display, print_quote, print_summary, status_text
from dayhand.demo.progress import TaskProgress
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader, TaskLog
from dayhand.ledger.redis_server import connect, embedded
from dayhand.task import (
    Answered,
    Ask,
    Ending,
    Proposed,
    Solution,
    Stage,
    State,
    TaskKind,
)
from dayhand.verification import Finding, Verdict, Verification
from tests.tasks import make_task

FINDING = Finding("test", "pytest -q", Verdict.PASSES, None)
PROPOSED = Proposed(
    "http://127.0.0.1:1/ada/recipe-box/pull/2",
    "c0ffee",
    Verification("7ree", (FINDING,)),
    Solution("Sort it", "Yes."),
)
FAILING = Verification("7ree", (replace(FINDING, verdict=Verdict.NEW_FAILURE),))


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded(tmp_path_factory.mktemp("ledger")) as url:
        yield url


@pytest.fixture
def ledger(redis_url: str) -> Iterator[Ledger]:
    with connect(redis_url) as redis:
        redis.flushall()
        yield Ledger(redis)


def opened(ledger: Ledger, kind: TaskKind = TaskKind.FIX, repository: str = SEARCH.repository) -> str:
    ask = Ask(kind, "words", "ada")
    task = make_task(
        id=f"t-{kind.name[:3]}",
        repository=repository,
        installation=1,
        number=1,
        title=SEARCH.title,
        body=SEARCH.body,
        ask=ask,
        created_at=0.0,
    )
    return ledger.open(task, delivery=task.id, thread=task.id).task_id


def progress(kind: TaskKind = TaskKind.FIX) -> TaskProgress:
    return TaskProgress("search", SEARCH, kind, "http://127.0.0.1:1/ada/recipe-box/issues/1")


def finished_task(ledger: Ledger, state: State, outcome: Ending | None, reason: str = "") -> TaskProgress:
    claim = ledger.claim(opened(ledger), "me")
    assert claim
    ledger.finish(claim, state, outcome=outcome, reason=reason)
    task = progress()
    task.update(LogReader(ledger.redis), ledger.recent())
    return task


def test_a_part_follows_its_own_task_only(ledger: Ledger) -> None:
    opened(ledger, TaskKind.QUESTION)
    opened(ledger, repository="ada/elsewhere")
    task = progress()
    task.update(LogReader(ledger.redis), ledger.recent())
    assert task.record is None
    assert not task.finished


def test_the_last_words_are_shown_while_it_runs(ledger: Ledger) -> None:
    claim = ledger.claim(opened(ledger), "me")
    assert claim
    log = TaskLog(ledger, claim)
    with log.stage(Stage.SOLVE):
        log.line("command", "npm test\nmore")
        log.line("output", "a wall of text")
    task = progress()
    task.update(LogReader(ledger.redis), ledger.recent())
    assert (task.last_line, task.finished) == ("npm test", False)


def test_a_pull_request_that_passes_is_a_success(ledger: Ledger) -> None:
    result = finished_task(ledger, State.PROPOSED, PROPOSED)
    assert not result.failed
    assert result.as_json() | {"seconds": 0} == {
        "case": "search",
        "task": "t-FIX",
        "issue": "http://127.0.0.1:1/ada/recipe-box/issues/1",
        "pull_url": "http://127.0.0.1:1/ada/recipe-box/pull/2",
        "check_url": "",
        "conclusion": "success",
        "seconds": 0,
        "verification": [{"check": "test", "command": "pytest -q", "verdict": "passes"}],
    }


@pytest.mark.parametrize(
    ("state", "outcome", "conclusion"),
    [
        (State.FAILED, None, "failure"),
        (State.STOPPED, None, "failure"),
        (State.PROPOSED, replace(PROPOSED, verification=FAILING), "failure"),
        (State.ANSWERED, Answered(Solution("No", "No.")), "answered"),
    ],
)
def test_a_fix_that_ends_otherwise_has_failed(
    ledger: Ledger, state: State, outcome: Ending | None, conclusion: str
) -> None:
    result = finished_task(ledger, state, outcome, "The model went home.")
    assert result.failed
    assert result.as_json()["conclusion"] == conclusion
    assert result.as_json()["reason"] == "The model went home."


def test_lines_tell_each_stage_once(ledger: Ledger) -> None:
    output = io.StringIO()
    lines = LineDisplay(Console(file=output))
    task = finished_task(ledger, State.PROPOSED, PROPOSED)
    for shown in (progress(), progress(), task, task):
        lines.show([shown])
    assert output.getvalue().count("asked") == 1
    assert output.getvalue().count("ready for review") == 1


def test_the_table_holds_every_case(ledger: Ledger) -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100)
    with open_display(console) as display:
        display.show([progress(), finished_task(ledger, State.PROPOSED, PROPOSED)])
    assert "asked" in output.getvalue()
    assert "ready for review" in output.getvalue()


def test_the_end_names_every_address_whole(ledger: Ledger) -> None:
    output = io.StringIO()
    print_summary(
        Console(file=output, width=40), [finished_task(ledger, State.PROPOSED, PROPOSED)], "http://x/tasks"
    )
    assert "http://127.0.0.1:1/ada/recipe-box/pull/2\n" in output.getvalue()
    assert "http://x/tasks/t-FIX\n" in output.getvalue()
    assert "pytest -q: passes" in output.getvalue()


def test_an_answer_is_folded_between_its_words(ledger: Ledger) -> None:
    output = io.StringIO()
    words = "The function is ours; SQLite gets to know it in `recipes/store.py`, line 29.\n\nSo it is there."
    print_quote(Console(file=output, width=40, force_terminal=True), words)
    lines = output.getvalue().splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[-2:] == ["  │", "  │ So it is there."]
    assert " ".join(line.removeprefix("  │ ") for line in lines[:-2]) == words.splitlines()[0]


def test_what_could_not_be_run_is_not_called_passing(ledger: Ledger) -> None:
    lint = replace(FINDING, verdict=Verdict.CANNOT_RUN)
    verification = Verification("7ree", (lint, FINDING))
    result = finished_task(ledger, State.PROPOSED, replace(PROPOSED, verification=verification))
    assert not result.failed
    assert status_text(result) == "● ready for review, the checks that can run here pass"
