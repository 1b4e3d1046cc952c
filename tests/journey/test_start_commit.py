"""The empty commit that opens a draft is replaced by the real one, and never by way of somebody else's commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar, cast

import pytest

from dayhand.journey_tools import Tools
from dayhand.ledger import facts
from dayhand.ledger.facts import Fact, Facts
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.localhub.state.models import Issue, Repository
from dayhand.publish.base import Publication
from dayhand.scripted_model.moves import FOREVER, Fault, Finish
from dayhand.task import State, Task
from dayhand.untrusted_text import let_ci_run
from dayhand.wiring.github import GitHubServices
from dayhand.worker.job import travel_with
from tests.journey.crashes import wait_for_lease
from tests.journey.harness import FIX, UNTESTED_SHOP, Harness
from tests.journey.test_opening import InterceptedWorkshop, travel

T = TypeVar("T")
MARKED = "Totals [skip ci] are ***NO_CI*** wrong"
BRANCH = "dayhand/1-totals-skip-ci-are-no-ci-wrong"


class DyingServices:
    """Services whose worker does something when it is about to record the first real commit."""

    def __init__(self, services: InterceptedWorkshop) -> None:
        self.publication = services.publication
        self.notify = services.notify
        self._services = services

    @contextmanager
    def tools(self, task: Task, claim: Claim, publication: Publication) -> Iterator[Tools]:
        with self._services.tools(task, claim, publication) as tools:
            dying = cast("Facts", DyingFacts(tools.checkout.facts))
            yield replace(tools, checkout=replace(tools.checkout, facts=dying))


class DyingFacts:
    """Facts whose worker dies after it pushed a commit and before it recorded that."""

    def __init__(self, inner: Facts) -> None:
        self._inner = inner

    def get(self, fact: Fact[T]) -> T | None:
        return self._inner.get(fact)

    def put(self, fact: Fact[T], value: T) -> None:
        if cast("object", fact) is facts.HEAD:
            raise KeyboardInterrupt
        self._inner.put(fact, value)


def push_to(harness: Harness, repo: Repository, branch: str) -> str:
    """A person's commit on top of what the branch has."""
    before = repo.store.branches()[branch]
    commit = repo.store.commit_files({"notes.md": b"mine\n"}, branch, "A note", author=("Ada", "ada@x"))
    harness.hub.actions.record_push(repo, branch, harness.ada, before=before)
    return commit


def die_before_recording(harness: Harness, task_id: str, name: str, happens: Callable[[], None]) -> None:
    """Let a worker die after its push, and wait until another one may take over."""
    short_lease_ledger = Ledger(harness.ledger.redis, lease_seconds=0.2)
    services = InterceptedWorkshop(GitHubServices(harness.settings, short_lease_ledger), name, happens)
    with pytest.raises(KeyboardInterrupt):
        travel_with(short_lease_ledger.claim(task_id, "w"), DyingServices(services))
    wait_for_lease(harness, task_id)


def asked(harness: Harness, title: str = MARKED) -> tuple[Repository, Issue, str]:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo, title)
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    return repo, issue, task_id


def test_only_the_real_commit_is_in_the_pull_request_and_nothing_in_it_skips_ci(harness: Harness) -> None:
    harness.scripted_model.turns = [
        [FIX],
        [Finish("Count [ci skip] once", "I wrote `[no ci]`.\n\nskip-checks: true")],
    ]
    repo, _, _ = asked(harness)
    harness.work()
    (pull,) = harness.pulls(repo)
    assert pull.pull
    (work,) = repo.store.between(pull.pull.base_sha, pull.pull.head_sha)
    for text in (work.message, pull.title, pull.body):
        assert let_ci_run(text) == text, "it can become the message of a merge"


@pytest.mark.parametrize("dies", [False, True])
def test_a_commit_on_top_of_the_start_commit_stays_and_another_pull_request_takes_over(
    harness: Harness, dies: bool
) -> None:
    repo, issue, task_id = asked(harness)
    pushed: list[str] = []

    def push_once() -> None:
        if not pushed:
            pushed.append(push_to(harness, repo, BRANCH))

    if dies:
        die_before_recording(harness, task_id, "change_together", push_once)
    travel(harness, task_id, "change_together", push_once)

    assert harness.ledger.record(task_id).state is State.PROPOSED
    draft, pull = sorted(harness.pulls(repo), key=lambda one: one.number)
    assert draft.pull
    assert pull.pull
    fresh = f"{BRANCH}-{task_id[-4:].lower()}"
    assert (draft.state, draft.pull.head_sha) == ("closed", pushed[0]), "nothing is pushed over it"
    link = draft.body.partition("[another pull request](")[2].partition(")")[0]
    assert link.endswith(f"/pull/{pull.number}")
    assert (pull.state, pull.pull.draft, pull.pull.head) == ("open", False, fresh)
    assert len(repo.store.between(pull.pull.base_sha, pull.pull.head_sha)) == 1
    assert harness.branches(repo) == {"main", BRANCH, fresh}
    (comment,) = harness.bot_comments(issue)
    assert f"/pull/{pull.number})" in comment


def test_a_worker_that_dies_between_push_and_record_pushes_nothing_twice(harness: Harness) -> None:
    repo, issue, task_id = asked(harness)
    die_before_recording(harness, task_id, "change_together", lambda: None)
    (pull,) = harness.pulls(repo)
    assert pull.pull
    head = pull.pull.head_sha
    travel_with(harness.ledger.claim(task_id, "w"), GitHubServices(harness.settings, harness.ledger))
    assert harness.ledger.record(task_id).state is State.PROPOSED
    assert [one.pull and one.pull.head_sha for one in harness.pulls(repo)] == [head]
    assert len(repo.store.between(pull.pull.base_sha, head)) == 1
    assert len(harness.bot_comments(issue)) == 1


def test_a_commit_on_the_start_commit_of_a_task_that_fails_stays_with_a_word_about_it(
    harness: Harness,
) -> None:
    harness.scripted_model.turns = [[Fault("status", 401, "{}", times=FOREVER)]]
    repo, issue, task_id = asked(harness)
    travel(harness, task_id, "change_together", lambda: push_to(harness, repo, BRANCH))
    assert harness.ledger.record(task_id).state is State.FAILED
    assert [pull.state for pull in harness.pulls(repo)] == ["open"]
    assert "Before you merge it, remove its first commit" in harness.bot_comments(issue)[0]
