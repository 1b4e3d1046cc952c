"""Limits: which one applies, what people read about it, and what they can do."""

from __future__ import annotations

from dataclasses import replace

import requests

from dayhand.ledger import facts
from dayhand.ledger.ledger import Record
from dayhand.localhub.state.models import Issue, Repository
from dayhand.scripted_model.moves import Finish, Move, Patch, Plan
from dayhand.task import State
from tests.journey.harness import (
    BEARER,
    DONE,
    FIX,
    SHOP,
    Harness,
)

LEFT = Finish("Count nothing twice", "The sum began at one. The tests are left.")
BUSY: list[list[Move]] = [[Plan(((f"step {n}", "pending"),))] for n in range(70)]
NOTE = Patch("*** Begin Patch\n*** Add File: NOTES.md\n+Taxes are added last.\n*** End Patch")
BREAK = Patch(
    "*** Begin Patch\n*** Update File: shop.py\n-def total(prices):\n+def sum_of(prices):\n*** End Patch"
)


def decide(harness: Harness, limits: str = "", **settings: object) -> Repository:
    """Set the operator's limits and the repository's."""
    harness.settings = replace(harness.settings, models=("gpt-6.1-sol",), **settings)  # type: ignore[arg-type]
    return harness.repository(
        "shop", {**SHOP, **({".dayhand.toml": f"[limits]\n{limits}\n"} if limits else {})}
    )


def label(harness: Harness, repo: Repository) -> tuple[Issue, Record]:
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    return issue, record


def test_a_repository_lowers_the_operators_limit_and_the_person_reads_where(harness: Harness) -> None:
    harness.scripted_model.turns = [[FIX], *BUSY]
    issue, record = label(harness, decide(harness, "money = 0.03"))
    assert record.state is State.FAILED
    comment_text = harness.bot_comments(issue)[-1].replace("\\", "")
    assert "I could not do this: The model did not finish within $0.0300" in comment_text
    assert (
        "**What to do:** Ask for a smaller step, or raise `[limits] money` in `.dayhand.toml` on the default branch, "
        "to $5.00 at most."
    ) in comment_text
    assert (
        "My unfinished, unchecked work is on the branch `dayhand/1-totals-are-one-too-high`. Cost: $0.0"
        in comment_text
    )


def test_a_button_and_a_comment_raise_a_persons_limit_by_what_they_say(harness: Harness) -> None:
    harness.scripted_model.turns = [[FIX], *BUSY]
    repo = decide(harness)
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot fix this, max $0.03")
    (stopped,) = harness.work()
    assert stopped.state is State.FAILED
    run = repo.checks[stopped.fact(facts.CHECK) or 0]
    button = {"label": "More budget", "description": "Retry: up to $0.0600", "identifier": "+$0.03"}
    assert button in run.actions

    harness.scripted_model.turns = [[NOTE], *BUSY[:12], [DONE]]
    harness.hub.actions.click(repo, run, "+$0.03", by=harness.ada)
    harness.settle()
    (task_id,) = harness.waiting()
    assert harness.ledger.task(task_id).ask.max_dollars == 0.06
    harness.comment(repo, issue, "@bot add a test, too, 20 min")
    harness.comment(repo, issue, "@bot budget +$9", by=harness.bob)
    harness.comment(repo, issue, "@bot raise the budget by $2")
    (record,) = harness.work()
    assert record.state is State.PROPOSED, record.reason
    assert harness.waiting() == []
    _, refusal, answer, _ = harness.bot_comments(issue)
    said = "@ada From its next turn on, the task here may use $2.06 and 20 minutes, and never more than"
    assert answer.startswith(said)
    assert refusal.startswith("@bob Only people with write access")


def test_work_that_a_limit_stopped_waits_until_a_person_takes_it(harness: Harness) -> None:
    harness.scripted_model.turns, harness.scripted_model.triggers = (
        [[FIX], *BUSY],
        {"is the last one": [LEFT]},
    )
    repo = decide(harness, max_turns=4)
    _, record = label(harness, repo)
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    assert pull.pull
    assert (record.state, pull.pull.draft, pull.pull.reviewers) == (State.PROPOSED, True, [])
    assert check.title == "The model stopped at a limit: review that first (1 of 1 passes)"
    verdict, limit, heading = pull.body.split("\n\n")[1:4]
    assert verdict == "✋ **The model stopped at a limit: review that first (1 of 1 passes)**"
    assert limit.startswith(
        "✋ **This stays a draft:** the model had to stop at a limit (4 turns of 4 turns used)."
    )
    assert heading == "### Summary by the model"
    assert "The tests are left." in pull.body
    address = harness.app.webhook_url.removesuffix("/webhook")
    page = requests.get(f"{address}/tasks/{record.task.id}", headers=BEARER, timeout=60).text
    assert "Pull request stopped at a limit" in page
    assert "The model had to stop at a limit: turns (DAYHAND_MAX_TURNS)." in page

    harness.comment(repo, pull, "@bot accept")

    assert (pull.pull.draft, pull.pull.reviewers) == (False, [harness.ada])
    assert (check.conclusion, check.title) == ("success", "Accepted by ada")


def test_a_new_failure_does_not_go_back_to_a_model_that_had_to_stop(harness: Harness) -> None:
    harness.scripted_model.turns, harness.scripted_model.triggers = (
        [[BREAK], *BUSY],
        {"is the last one": [LEFT]},
    )
    repo = decide(harness, max_turns=4)
    issue, record = label(harness, repo)
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    assert pull.pull
    assert harness.model_server.count == 4
    assert (pull.pull.draft, check.conclusion) == (True, "failure")
    assert check.title.startswith("There are new failures; the model stopped at a limit")
    assert "go back to the model" not in " ".join(note.text for note in harness.live.read(record.task.id))
    assert (
        "stays a draft for your decision: the model had to stop at a limit" in harness.bot_comments(issue)[-1]
    )


def test_new_failures_that_there_is_no_room_to_mend_stay_and_limits_that_make_no_sense_are_said(
    harness: Harness,
) -> None:
    harness.scripted_model.turns = [[BREAK], [DONE], *BUSY]
    repo = decide(harness, 'money = -1\nminutes = "soon"', max_turns=3)
    _, record = label(harness, repo)
    (pull,) = harness.pulls(repo)
    assert record.state is State.PROPOSED
    assert [check.conclusion for check in harness.checks(repo, pull)] == ["failure"]
    log = [note.text for note in harness.live.read(record.task.id)]
    assert "The new failures stay: The model did not finish within 3 turns." in log
    assert ".dayhand.toml: limits.money must be a number above 0; ignored." in log
    assert ".dayhand.toml: limits.minutes must be a number above 0; ignored." in log


def test_a_question_that_a_limit_cut_short_is_answered_as_such(harness: Harness) -> None:
    harness.scripted_model.turns, harness.scripted_model.triggers = (
        BUSY,
        {"is the last one": [Finish("Why", "As far as I saw, by rank.")]},
    )
    repo = decide(harness, max_turns=3)
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot why is that?")
    (record,) = harness.work()
    assert record.state is State.ANSWERED
    comment_text = harness.bot_comments(issue)[-1]
    assert "As far as I saw, by rank." in comment_text
    assert (
        "⏳ The model had to stop at a limit (3 turns of 3 turns used). To allow more, raise DAYHAND_MAX_TURNS."
        in comment_text
    )
