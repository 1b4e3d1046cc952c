"""Tasks and outcomes survive Redis unchanged, and a stranger's record is refused."""

from __future__ import annotations

import json

import pytest

from dayhand.errors import LedgerError
from dayhand.ledger.codec import VERSION, decode_outcome, decode_task, encode_outcome, encode_task
from dayhand.task import (
    Answered,
    Blocked,
    Citation,
    Ending,
    Examined,
    ExaminedCheck,
    Proposed,
    SetupStep,
    Solution,
    Unfinished,
)
from dayhand.usage import (
    Limit,
    LimitHit,
    Resource,
    Usage,
)
from dayhand.verification import (
    Finding,
    Run,
    Verdict,
    Verification,
)
from tests.ledger.conftest import TASK

SOLUTION = Solution(
    "Sort the other way",
    "I turned it “round”.",
    questions=("Is 3 right?",),
    citations=(Citation("sql/search.sql", 12, "ORDER BY rank"),),
    usage=Usage("m", turns=3, input_tokens=10, dollars=0.5),
    limit_hit=LimitHit(Limit(Resource.MONEY, 5, "DAYHAND_MAX_DOLLARS"), 4.9, exceeded=True),
)
HEAD = Run("pytest -q", 0, "exit", 1.5, "1 passed", line=42)
FINDINGS = (
    Finding("test", "pytest -q", Verdict.FIXED, HEAD, Run("pytest -q", 1, "exit", 1.0, "1 failed")),
    Finding("lint", "eslint", Verdict.CANNOT_RUN, None, missing="eslint"),
)
PROPOSED = Proposed("https://example.org/pull/8", "c0ffee", Verification("7ree", FINDINGS), SOLUTION)
EXAMINED = Examined(
    "c0ffee",
    ("Python",),
    (SetupStep("install", "uv sync", passed=False, seconds=1.0, reason="no"),),
    (
        ExaminedCheck("test", "pytest -q", "pyproject.toml", HEAD),
        ExaminedCheck("lint", "ruff", "", None, "ruff is missing"),
    ),
    (Blocked("files.example.org", 443, "not allowed"),),
    ("Python 3.9 is pinned.",),
    known=True,
    seconds=0.5,
)


def test_a_task_comes_back_as_it_went() -> None:
    assert decode_task(encode_task(TASK)) == TASK


@pytest.mark.parametrize(
    "outcome",
    [PROPOSED, Answered(SOLUTION), EXAMINED, Unfinished(SOLUTION.usage)],
    ids=["proposed", "answered", "examined", "unfinished"],
)
def test_an_outcome_comes_back_as_it_went(outcome: Ending) -> None:
    assert decode_outcome(encode_outcome(outcome)) == outcome


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"number": "7"}, "Task.number is '7'"),
        ({"installation": True}, "Task.installation is True"),
        ({"colour": "red"}, "Task has the unknown field colour"),
        ({"ask": {"kind": "dance", "text": "", "asker": "a"}}, "'dance' is not a valid TaskKind"),
        ({"ask": None}, "Task.ask is None"),
    ],
)
def test_a_task_of_another_version_is_refused_by_name(change: dict[str, object], says: str) -> None:
    with pytest.raises(LedgerError, match=says) as refused:
        decode_task(json.dumps({**json.loads(encode_task(TASK)), **change}))
    assert "one version" in refused.value.advice


def test_a_task_that_lacks_a_part_or_is_no_json_is_refused() -> None:
    fields = json.loads(encode_task(TASK))
    del fields["number"]
    for text in (json.dumps(fields), "[]", "{", "null"):
        with pytest.raises(LedgerError):
            decode_task(text)


def test_a_record_of_a_newer_version_says_what_to_do() -> None:
    newer = json.dumps({**json.loads(encode_task(TASK)), "version": VERSION + 1, "colour": "red"})
    with pytest.raises(
        LedgerError, match=f"it has version {VERSION + 1}, .* versions up to {VERSION}"
    ) as refused:
        decode_task(newer)
    assert refused.value.advice == "Upgrade every Dayhand process that uses this Redis to the same version."


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"kind": "sung"},
        {"kind": "answered", "solution": {"title": 3, "account": ""}},
        {"version": 1, "kind": "answered", "solution": {"title": "t", "account": "old name"}},
        {"version": "new", "kind": "answered"},
        {"version": True, "kind": "answered"},
    ],
)
def test_an_outcome_that_is_not_ours_is_refused(data: object) -> None:
    with pytest.raises(LedgerError, match="outcome in Redis cannot be read"):
        decode_outcome(json.dumps(data))
