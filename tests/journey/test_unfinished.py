"""Unfinished work: where it is kept, and how another worker continues it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from dayhand.errors import DayhandError
from dayhand.journey_tools import Tools
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.publish.base import Publication
from dayhand.scripted_model.moves import FOREVER, Fault, Patch, Refuse, Shell
from dayhand.task import State, Task
from dayhand.task_deadline import WORK_SECONDS
from dayhand.usage import Usage
from dayhand.wiring.github import GitHubServices
from dayhand.worker.job import travel_with
from tests.journey.crashes import wait_for_lease
from tests.journey.harness import DONE, FIX, SHOP, UNTESTED_SHOP, Harness
from tests.journey.test_stopping import find_processes, lasting

NOTES = Patch("*** Begin Patch\n*** Add File: notes.md\n+Half of an answer\n*** End Patch")


def test_what_was_done_is_one_commit_on_the_draft_and_closes_no_issue(harness: Harness) -> None:
    harness.scripted_model.turns = [[FIX], [Refuse("No.")]]
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    harness.work()
    (pull,) = harness.pulls(repo)
    assert pull.pull
    (work,) = repo.store.between(pull.pull.base_sha, pull.pull.head_sha)
    assert work.message.splitlines()[0] == "Unfinished: Totals are one too high"
    assert "Fixes" not in pull.body
    assert (
        "<sub>My unfinished, unchecked work is on the branch `dayhand/1-totals-are-one-too-high`. Cost: $0.00"
        in (harness.bot_comments(issue)[-1])
    )
    assert "**What to do:**" in harness.bot_comments(issue)[-1]
    assert "I could not continue: The model refuses to do this: “No.”" in pull.body
    assert "**Unfinished** work for #1." in pull.body
    assert (pull.pull.draft, pull.state) == (True, "open")
    assert [check.conclusion for check in harness.checks(repo, pull)] == ["failure"]


def test_a_follow_up_that_fails_leaves_the_pull_request_as_it_was(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    harness.work()
    (pull,) = harness.pulls(repo)
    assert pull.pull
    head, body = pull.pull.head_sha, pull.body
    harness.scripted_model.turns = [[NOTES], [Refuse("No.")]]
    harness.comment(repo, pull, "@bot please write that down")
    (record,) = harness.work()
    assert record.state is State.FAILED
    assert (pull.pull.head_sha, pull.body, pull.pull.draft) == (head, body, False)
    beside = f"{pull.pull.head}-unfinished-{record.task.id[-4:].lower()}"
    assert repo.store.text(beside, "notes.md") == "Half of an answer\n"
    assert f"branch `{beside}`" in harness.bot_comments(pull)[-1]


class CrashOnFailureWorkshop:
    """A workshop whose worker crashes before it reports a failure."""

    def __init__(self, workshop: GitHubServices) -> None:
        self._workshop = workshop
        self.tools = workshop.tools
        self.notify = workshop.notify

    @contextmanager
    def publication(self, task: Task, claim: Claim) -> Iterator[Publication]:
        with self._workshop.publication(task, claim) as inner:
            yield CrashOnFailurePublication(inner)  # type: ignore[misc]


class CrashOnFailurePublication:
    """A publication that crashes its worker instead of reporting a failure."""

    def __init__(self, inner: Publication) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def fail(self, task: Task, error: DayhandError, spent: Usage | None = None) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("then", ["finishes", "fails again"])
def test_a_successor_goes_on_from_unfinished_work(harness: Harness, then: str) -> None:
    times = 1 if then == "finishes" else FOREVER
    harness.scripted_model.turns = [[FIX], [Fault("status", 401, "{}", times=times), DONE]]
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    short_lease_ledger = Ledger(harness.ledger.redis, lease_seconds=0.2)
    with pytest.raises(KeyboardInterrupt):
        travel_with(
            short_lease_ledger.claim(task_id, "w"),
            CrashOnFailureWorkshop(GitHubServices(harness.settings, short_lease_ledger)),
        )
    wait_for_lease(harness, task_id)
    travel_with(harness.ledger.claim(task_id, "w"), GitHubServices(harness.settings, harness.ledger))
    (pull,) = harness.pulls(repo)
    assert pull.pull
    commits = [
        one.message.splitlines()[0] for one in repo.store.between(pull.pull.base_sha, pull.pull.head_sha)
    ]
    unfinished = "Unfinished: Totals are one too high"
    assert commits == ([unfinished, "Count nothing twice"] if then == "finishes" else [unfinished])
    assert pull.pull.draft is (then != "finishes")
    assert repo.store.text(pull.pull.head, "shop.py") != SHOP["shop.py"]
    assert len(harness.bot_comments(issue)) == 1


class OutOfTimeWorkshop:
    """A workshop whose clock jumps past the task's time limit as soon as a command runs."""

    def __init__(self, workshop: GitHubServices, command: str) -> None:
        self._workshop = workshop
        self._command = command
        self._leapt = False
        self.publication = workshop.publication
        self.notify = workshop.notify

    @contextmanager
    def tools(self, task: Task, claim: Claim, publication: Publication) -> Iterator[Tools]:
        with self._workshop.tools(task, claim, publication) as tools:
            yield replace(tools, clock=self.clock)

    def clock(self) -> float:
        self._leapt = self._leapt or bool(find_processes(self._command))
        return time.time() + (WORK_SECONDS if self._leapt else 0)


@pytest.mark.parametrize("where", ["set-up", "the agent", "the checks"])
def test_what_was_done_when_time_runs_out_is_kept(harness: Harness, where: str) -> None:
    command = lasting(9800.5)
    config = {
        "set-up": f'[setup]\nrun = ["{command}"]\n',
        "the checks": f'[checks]\ntest = "{command}"\n',
    }
    files = {**SHOP, ".dayhand.toml": config.get(where, "")}
    if where == "the agent":
        harness.scripted_model.turns = [[FIX], [Shell(command)]]
    repo = harness.repository("slow", files)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    travel_with(
        harness.ledger.claim(task_id, "w"),
        OutOfTimeWorkshop(GitHubServices(harness.settings, harness.ledger), command),
    )
    record = harness.ledger.record(task_id)
    assert record.state is State.FAILED
    assert record.reason.startswith(
        "The task took longer than 110 minutes, which is the limit for a task."
    ), record.reason
    assert "The task took longer" in harness.bot_comments(issue)[-1]
    if where == "set-up":
        assert harness.branches(repo) == {"main"}, "there was nothing to keep"
        return
    (pull,) = harness.pulls(repo)
    assert pull.pull
    assert pull.pull.draft
    assert repo.store.text(pull.pull.head, "shop.py") != SHOP["shop.py"]
    assert f"unchecked work is on the branch `{pull.pull.head}`" in harness.bot_comments(issue)[-1]
    assert [check.conclusion for check in harness.checks(repo, pull)] == ["failure"]
