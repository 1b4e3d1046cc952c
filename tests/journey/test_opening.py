"""The draft pull request is opened while the model starts; nothing is lost or duplicated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from dayhand.errors import HubError, HubUnavailable
from dayhand.hub.repository import RepositoryHub
from dayhand.ledger import keys
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.localhub.state.models import Issue, Repository
from dayhand.publish.base import Publication
from dayhand.publish.github import GitHubPublication
from dayhand.scripted_model.moves import Plan
from dayhand.task import State, Task
from dayhand.wiring.github import GitHubServices
from dayhand.worker.job import travel_with
from tests.journey.crashes import wait_for_lease
from tests.journey.harness import DONE, FIX, UNTESTED_SHOP, Harness
from tests.waiting import until


class InterceptedHub:
    """A GitHub client that calls ``happens`` before each request of one kind."""

    def __init__(self, inner: RepositoryHub, name: str, happens: Callable[[], None]) -> None:
        self._inner = inner
        self._name = name
        self._happens = happens

    def __getattr__(self, name: str) -> object:
        if name == self._name:
            self._happens()
        return getattr(self._inner, name)


class InterceptedWorkshop:
    """A workshop whose publication uses such a client."""

    def __init__(self, workshop: GitHubServices, name: str, happens: Callable[[], None]) -> None:
        self.workshop = workshop
        self.tools = workshop.tools
        self.notify = workshop.notify
        self._stumble = (name, happens)

    @contextmanager
    def publication(self, task: Task, claim: Claim) -> Iterator[Publication]:
        with self.workshop.publication(task, claim) as inner:
            assert isinstance(inner, GitHubPublication)
            inner.hub = cast("RepositoryHub", InterceptedHub(inner.hub, *self._stumble))
            yield inner


def asked(harness: Harness) -> tuple[Repository, Issue, str]:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    return repo, issue, task_id


def travel(harness: Harness, task_id: str, name: str, happens: Callable[[], None]) -> None:
    workshop = GitHubServices(harness.settings, harness.ledger)
    travel_with(harness.ledger.claim(task_id, "w"), InterceptedWorkshop(workshop, name, happens))
    harness.settle()


def test_the_model_begins_before_the_draft_is_open(harness: Harness) -> None:
    repo, issue, task_id = asked(harness)
    first_came_first: list[bool] = []

    def wait_for_the_model() -> None:
        if not first_came_first:
            until(lambda: harness.model_server.count > 0)
            first_came_first.append(not harness.pulls(repo))

    travel(harness, task_id, "open_pull", wait_for_the_model)

    assert first_came_first == [True]
    assert harness.ledger.record(task_id).state is State.PROPOSED
    (pull,) = harness.pulls(repo)
    assert pull.pull
    assert (pull.state, pull.pull.draft) == ("open", False)
    assert len(harness.bot_comments(issue)) == 1
    (opened,) = [one for one in harness.ledger.record(task_id).stages if one.stage == "open"]
    solved = next(one for one in harness.ledger.record(task_id).stages if one.stage == "solve")
    assert opened.ended
    assert opened.ended > solved.started, "it is written down for how long it took"


@pytest.mark.parametrize("request_", ["comment", "open_pull", "change_together"])
def test_a_refusal_to_open_ends_the_task_while_the_model_works(harness: Harness, request_: str) -> None:
    harness.scripted_model.turns = [
        [Plan(((f"step {n}", "pending"),))] for n in range(500)
    ]  # the model never ends
    repo, issue, task_id = asked(harness)
    refused: list[int] = []

    def refuse() -> None:
        if not refused:
            until(lambda: harness.model_server.count > 0)
            refused.append(1)
            raise HubError("GitHub refused it: nobody may.", advice="Ask an owner.")

    travel(harness, task_id, request_, refuse)

    record = harness.ledger.record(task_id)
    assert (record.state, record.reason) == (State.FAILED, "GitHub refused it: nobody may. Ask an owner.")
    assert harness.model_server.count < 500, "the model was not let go on to its end"
    assert all(pull.state == "closed" for pull in harness.pulls(repo))
    assert harness.branches(repo) == {"main"}
    (comment_text,) = harness.bot_comments(issue)
    assert "nobody may" in comment_text


def test_nothing_is_built_on_a_draft_that_is_not_there(harness: Harness) -> None:
    repo, issue, task_id = asked(harness)
    refused: list[int] = []

    def refuse_when_the_model_is_done() -> None:
        if not refused:
            until(lambda: any(note.text.startswith("finished") for note in harness.live.read(task_id)))
            refused.append(1)
            raise HubError("GitHub refused it: nobody may.")

    travel(harness, task_id, "open_pull", refuse_when_the_model_is_done)

    record = harness.ledger.record(task_id)
    assert record.state is State.FAILED
    assert "take" not in [one.stage for one in record.stages]
    assert harness.branches(repo) == {"main"}
    assert len(harness.bot_comments(issue)) == 1


def test_where_github_is_away_the_task_waits_and_no_turn_is_paid_for_twice(harness: Harness) -> None:
    harness.scripted_model.turns = [[FIX], [Plan((("look again", "pending"),))], [DONE]]
    repo, issue, task_id = asked(harness)
    away: list[int] = []

    def be_away() -> None:
        if not away:
            until(lambda: harness.model_server.count > 0)
            away.append(1)
            raise HubUnavailable("GitHub failed with 502.")

    travel(harness, task_id, "open_pull", be_away)
    assert harness.ledger.record(task_id).state is State.QUEUED
    assert harness.pulls(repo) == []

    harness.ledger.redis.delete(keys.lease(task_id))  # its time to wait is over
    travel_with(harness.ledger.claim(task_id, "w"), GitHubServices(harness.settings, harness.ledger))
    assert harness.ledger.record(task_id).state is State.PROPOSED
    assert len(harness.pulls(repo)) == 1
    assert len(harness.bot_comments(issue)) == 1
    assert harness.model_server.count == 3, "three turns, each asked for once"


def test_a_worker_that_dies_while_it_opens_leaves_one_of_everything(harness: Harness) -> None:
    repo, issue, task_id = asked(harness)
    short_lease_ledger = Ledger(harness.ledger.redis, lease_seconds=0.2)

    def die() -> None:
        raise KeyboardInterrupt

    for request_ in ("comment", "open_pull", "change_together"):
        workshop = InterceptedWorkshop(GitHubServices(harness.settings, short_lease_ledger), request_, die)
        with pytest.raises(KeyboardInterrupt):
            travel_with(short_lease_ledger.claim(task_id, "w"), workshop)
        wait_for_lease(harness, task_id)
    travel_with(harness.ledger.claim(task_id, "w"), GitHubServices(harness.settings, harness.ledger))

    assert harness.ledger.record(task_id).state is State.PROPOSED
    (pull,) = harness.pulls(repo)
    assert pull.state == "open"
    assert len(harness.bot_comments(issue)) == 1
    assert len(harness.checks(repo, pull)) == 1
    assert len(repo.checks) == 2, "one on the first commit, one on the last"
    assert harness.model_server.count == 2, "two turns, each asked for once"


def test_a_stop_while_the_draft_is_being_opened_leaves_no_draft(harness: Harness) -> None:
    harness.scripted_model.turns = [[Plan(((f"step {n}", "pending"),))] for n in range(500)]
    repo, issue, task_id = asked(harness)
    stopped: list[int] = []

    def be_stopped() -> None:
        if not stopped:
            until(lambda: harness.model_server.count > 0)
            harness.ledger.ask_to_stop(task_id, "ada")
            stopped.append(1)

    travel(harness, task_id, "open_pull", be_stopped)

    record = harness.ledger.record(task_id)
    assert record.state is State.STOPPED, record.reason
    (pull,) = harness.pulls(repo)
    assert pull.state == "closed", "it was opened to its end, and then taken back"
    assert harness.branches(repo) == {"main"}
    (comment_text,) = harness.bot_comments(issue)
    assert "ada stopped this task" in comment_text
