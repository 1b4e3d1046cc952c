"""What becomes of a task whose model fails, from the label to the comment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dayhand.ledger.ledger import Record
from dayhand.localhub.state.models import Issue, Repository
from dayhand.scripted_model.moves import Finish, Move, Plan
from dayhand.task import State
from tests.agent.test_faults import FAULTS, MONEY, ROWS, quoted
from tests.journey.harness import DONE, FIX, SHOP, Harness

FIXED = "def total(prices):\n    return sum(prices)\n"
NEVER_ENDS: list[list[Move]] = [[Plan(((f"step {n}", "pending"),))] for n in range(70)]
LEFT = Finish("Count nothing twice", "The sum began at one. The tests are left.")


@dataclass
class TaskResult:
    """The result of a task."""

    record: Record
    repo: Repository
    issue: Issue
    log: str  # and everything that the model was told


def run_with_faults(harness: Harness, turns: list[list[Move]], files: Mapping[str, str] = SHOP) -> TaskResult:
    harness.scripted_model.turns = turns
    repo = harness.repository("shop", files)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    log = "\n".join(note.text for note in harness.live.read(record.task.id))
    last = json.loads(harness.model_server.bodies[-1])
    asked = json.dumps(last.get("input", last.get("messages")), ensure_ascii=False)
    return TaskResult(record, repo, issue, f"{log}\n{asked}")


def read(harness: Harness, fault: str, result: TaskResult) -> str:
    """The comment on the issue, which must say what the table of faults says, as must the log."""
    row, text = ROWS[fault], harness.bot_comments(result.issue)[-1]
    assert [words for words in quoted(row.happens) if words not in result.log] == []
    assert [words for words in quoted(row.reads) if words not in text.replace("\\", "")] == []
    assert "Dayhand itself failed" not in result.record.reason
    return text


def test_a_fault_that_is_recovered_from_ends_as_a_success(harness: Harness) -> None:
    fault = "context overflow"
    result = run_with_faults(harness, [[FIX], FAULTS[fault][0], [DONE]])
    read(harness, fault, result)
    assert result.record.state is State.PROPOSED, result.record.reason
    (pull,) = harness.pulls(result.repo)
    assert pull.pull
    assert pull.pull.draft is False
    assert [check.conclusion for check in harness.checks(result.repo, pull)] == ["success"]
    assert result.repo.store.text(pull.pull.head, "shop.py") == FIXED


def test_work_that_is_finished_early_is_checked_and_says_so(harness: Harness) -> None:
    harness.settings = replace(harness.settings, **MONEY)
    harness.scripted_model.triggers = {"Finish what you can": [LEFT]}
    result = run_with_faults(harness, [[FIX], *NEVER_ENDS])
    read(harness, "money that runs low", result)
    assert result.record.state is State.PROPOSED, result.record.reason
    (pull,) = harness.pulls(result.repo)
    (check,) = harness.checks(result.repo, pull)
    assert pull.pull
    assert (pull.pull.draft, check.conclusion) == (False, "success")
    assert "⏳ **Finished early** " in pull.body
    assert check.title.partition(";")[2] == " the model was told to finish early (1 of 1 passes)"
    assert result.repo.store.text(pull.pull.head, "shop.py") == FIXED
