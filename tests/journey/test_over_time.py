"""What shows only over time: a flaky test, and a worker that crashes between two rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest

from dayhand.journey_tools import Tools
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.localhub.state.models import CheckRun, Issue
from dayhand.publish.base import Publication
from dayhand.sandbox.base import NO_HOSTS, Box, CommandLimits, Egress, Result, Sandbox, Snapshot
from dayhand.scripted_model.moves import Finish, Patch
from dayhand.task import State, Task
from dayhand.wiring.github import GitHubServices
from dayhand.worker.job import travel_with
from tests.journey.crashes import CrashingWorkshop, begins, wait_for_lease
from tests.journey.harness import FIX, SHOP, Harness

MOODY = SHOP["test_shop.py"].replace("import unittest", "import os\nimport unittest") + (
    "\n    def test_now_and_then(self):\n        self.assertNotEqual(os.environ['WEATHER'], 'rain on run {}')\n"
)


class ChangingEnvironment:
    """A workshop whose boxes see another value of ``WEATHER`` in each run of the tests."""

    def __init__(self, shop: GitHubServices) -> None:
        self.shop = shop
        self.publication = shop.publication
        self.notify = shop.notify
        self.runs = 0

    @contextmanager
    def tools(self, task: Task, claim: Claim, publication: Publication) -> Iterator[Tools]:
        with self.shop.tools(task, claim, publication) as tools:
            yield replace(tools, sandbox=ChangingSandbox(tools.sandbox, self))  # type: ignore[arg-type]


class ChangingSandbox:
    """A real sandbox that opens such boxes."""

    def __init__(self, sandbox: Sandbox, weather: ChangingEnvironment) -> None:
        self._sandbox = sandbox
        self._weather = weather

    def __getattr__(self, name: str) -> object:
        return getattr(self._sandbox, name)

    @contextmanager
    def open(
        self,
        *,
        origin: Snapshot | None = None,
        egress: Egress | None = None,
        hosts: Mapping[str, str] = NO_HOSTS,
    ) -> Iterator[object]:
        with self._sandbox.open(origin=origin, egress=egress, hosts=hosts) as box:
            yield ChangingBox(box, self._weather)


class ChangingBox:
    """A real box with another ``WEATHER`` in each run of the tests."""

    def __init__(self, box: Box, weather: ChangingEnvironment) -> None:
        self._box = box
        self._weather = weather

    def __getattr__(self, name: str) -> object:
        return getattr(self._box, name)

    def run(
        self,
        command: str,
        *,
        env: Mapping[str, str] | None = None,
        limits: CommandLimits | None = None,
        **more: object,
    ) -> Result:
        self._weather.runs += str(command).startswith("python3 -m unittest discover")
        weather = {"WEATHER": f"rain on run {self._weather.runs}"}
        return self._box.run(command, env={**(env or {}), **weather}, limits=limits, **more)  # type: ignore[arg-type]


def play_weather(harness: Harness, *rain: int) -> tuple[Issue, CheckRun]:
    """Let a test fail on these runs of the tests; returns the pull request and its check run."""
    runs = tuple(f"rain on run {run}" for run in rain)
    moody = MOODY.replace("assertNotEqual", "assertNotIn").replace("'rain on run {}'", str(runs))
    repo = harness.repository("shop", {**SHOP, "test_shop.py": moody})
    harness.label(repo, harness.issue(repo))
    (task_id,) = harness.waiting()
    travel_with(
        harness.ledger.claim(task_id, "w"),
        ChangingEnvironment(GitHubServices(harness.settings, harness.ledger)),
    )
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    return pull, check


def test_a_test_that_fails_by_chance_on_the_base_too_is_called_flaky(harness: Harness) -> None:
    """It fails on the first run of the head and on the second of the base, and passes on the others."""
    pull, check = play_weather(harness, 1, 4)
    assert "🎲 flaky: it failed, then passed when run again" in pull.body
    assert "`test_shop.Totals.test_now_and_then`" in pull.body
    assert "❌" not in pull.body
    assert (check.conclusion, check.title) == (
        "neutral",
        "Not verified: the tests are flaky (0 of 1 pass)",
    )
    assert harness.model_server.count == 2, "nothing went back to the model"


def test_a_failure_that_only_the_change_shows_stays_one_where_the_same_change_passes_later(
    harness: Harness,
) -> None:
    pull, check = play_weather(harness, 1)
    assert "❌ new failure" in pull.body
    assert check.conclusion == "failure"


BACK = "There are new failures: they go back to the model."
BREAK = Patch(
    "*** Begin Patch\n*** Update File: shop.py\n-def total(prices):\n+def sum_of(prices):\n*** End Patch"
)
MEND = Patch(
    "*** Begin Patch\n*** Update File: shop.py\n-def sum_of(prices):\n+def total(prices):\n*** End Patch"
)


def test_a_worker_that_dies_between_two_rounds_is_followed_without_a_second_paid_call(
    harness: Harness,
) -> None:
    """One dies as the failures go back, the next before the second round's turns, then before its take and its checks."""
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.scripted_model.turns = [
        [FIX, BREAK],
        [Finish("Sum", "Done.")],
        [MEND],
        [Finish("Sum it right", "Mended.")],
    ]
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    short_lease_ledger = Ledger(harness.ledger.redis, lease_seconds=0.2)
    moments = (lambda note: note.text == BACK, begins("solve"), begins("take"), begins("check"))
    for moment in moments:
        services = CrashingWorkshop(GitHubServices(harness.settings, short_lease_ledger), moment)
        with pytest.raises(KeyboardInterrupt):
            travel_with(short_lease_ledger.claim(task_id, "w"), services)
        wait_for_lease(harness, task_id)
    travel_with(harness.ledger.claim(task_id, "w"), GitHubServices(harness.settings, harness.ledger))
    record = harness.ledger.record(task_id)
    assert record.state is State.PROPOSED, record.reason
    assert harness.model_server.count == 4, "four turns, each asked for once"
    result = [note.text for note in harness.live.read(task_id)]
    assert result.count(BACK) == 1
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    assert (pull.title, check.conclusion) == ("Sum it right", "success")
