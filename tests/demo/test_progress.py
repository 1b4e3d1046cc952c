"""What the demo reads from the ledger: a real one, on a real server."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from dayhand.demo.cases.search.story import SEARCH
from dayhand.demo.progress import Part
from dayhand.demo.screen import Lines, open_screen, quote, tell_ends, words_of
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
    Task,
    TaskKind,
)
from dayhand.verification import Finding, Verdict, Verification

FINDING = Finding("lint", "ruff check .", Verdict.PASSES, None)
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
    task = Task(f"t-{kind.name[:3]}", repository, 1, 1, SEARCH.title, SEARCH.body, ask, "main", 0.0)
    return ledger.open(task, delivery=task.id, meaning=task.id).task_id


def part(kind: TaskKind = TaskKind.FIX) -> Part:
    return Part("search", SEARCH, kind, "http://127.0.0.1:1/ada/recipe-box/issues/1")


def finished(ledger: Ledger, state: State, outcome: Ending | None, reason: str = "") -> Part:
    claim = ledger.claim(opened(ledger), "me")
    assert claim
    ledger.finish(claim, state, outcome=outcome, reason=reason)
    seen = part()
    seen.look(LogReader(ledger.redis), ledger.recent())
    return seen


def test_a_part_follows_its_own_task_only(ledger: Ledger) -> None:
    opened(ledger, TaskKind.FOLLOW_UP)
    opened(ledger, repository="ada/elsewhere")
    seen = part()
    seen.look(LogReader(ledger.redis), ledger.recent())
    assert seen.record is None
    assert not seen.over


def test_the_last_words_are_shown_while_it_runs(ledger: Ledger) -> None:
    claim = ledger.claim(opened(ledger), "me")
    assert claim
    say = TaskLog(ledger, claim)
    with say.stage(Stage.SOLVE):
        say.line("command", "npm test\nmore")
        say.line("output", "a wall of text")
    seen = part()
    seen.look(LogReader(ledger.redis), ledger.recent())
    assert (seen.now, seen.over) == ("npm test", False)


def test_a_pull_request_that_passes_is_a_success(ledger: Ledger) -> None:
    told = finished(ledger, State.PROPOSED, PROPOSED)
    assert not told.failed
    assert told.as_json() | {"seconds": 0} == {
        "case": "search",
        "task": "t-FIX",
        "issue": "http://127.0.0.1:1/ada/recipe-box/issues/1",
        "pull_url": "http://127.0.0.1:1/ada/recipe-box/pull/2",
        "check_url": "",
        "conclusion": "success",
        "seconds": 0,
        "verification": [{"check": "lint", "command": "ruff check .", "verdict": "passes"}],
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
    told = finished(ledger, state, outcome, "The model went home.")
    assert told.failed
    assert told.as_json()["conclusion"] == conclusion
    assert told.as_json()["reason"] == "The model went home."


def test_lines_tell_each_stage_once(ledger: Ledger) -> None:
    heard = io.StringIO()
    lines = Lines(Console(file=heard))
    seen = finished(ledger, State.PROPOSED, PROPOSED)
    for shown in (part(), part(), seen, seen):
        lines.show([shown])
    assert heard.getvalue().count("asked") == 1
    assert heard.getvalue().count("ready for review") == 1


def test_the_table_holds_every_case(ledger: Ledger) -> None:
    heard = io.StringIO()
    console = Console(file=heard, force_terminal=True, width=100)
    with open_screen(console) as screen:
        screen.show([part(), finished(ledger, State.PROPOSED, PROPOSED)])
    assert "asked" in heard.getvalue()
    assert "ready for review" in heard.getvalue()


def test_the_end_names_every_address_whole(ledger: Ledger) -> None:
    heard = io.StringIO()
    tell_ends(Console(file=heard, width=40), [finished(ledger, State.PROPOSED, PROPOSED)], "http://x/tasks")
    assert "http://127.0.0.1:1/ada/recipe-box/pull/2\n" in heard.getvalue()
    assert "http://x/tasks/t-FIX\n" in heard.getvalue()
    assert "ruff check .: passes" in heard.getvalue()


def test_an_answer_is_folded_between_its_words(ledger: Ledger) -> None:
    heard = io.StringIO()
    words = "The function is ours; SQLite gets to know it in `recipes/store.py`, line 29.\n\nSo it is there."
    quote(Console(file=heard, width=40, force_terminal=True), words)
    lines = heard.getvalue().splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[-2:] == ["  │", "  │ So it is there."]
    assert " ".join(line.removeprefix("  │ ") for line in lines[:-2]) == words.splitlines()[0]


def test_what_could_not_be_run_is_not_called_passing(ledger: Ledger) -> None:
    lint = replace(FINDING, verdict=Verdict.CANNOT_RUN)
    verification = Verification("7ree", (lint, FINDING))
    told = finished(ledger, State.PROPOSED, replace(PROPOSED, verification=verification))
    assert not told.failed
    assert words_of(told) == "● ready for review; what could be run here passes"
