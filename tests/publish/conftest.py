"""A task that is claimed, and its publication on the strict local GitHub."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from dayhand.ledger import facts
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import TaskLog
from dayhand.ledger.redis_server import connect, embedded
from dayhand.localhub.state.models import CheckRun, Issue
from dayhand.publish.base import ProposedChange
from dayhand.publish.github import GitHubPublication
from dayhand.task import Ask, Change, Solution, Task, TaskKind
from dayhand.usage import Usage
from dayhand.verification import (
    Finding,
    Run,
    Verdict,
    Verification,
)
from tests.hub.conftest import Place, place
from tests.tasks import make_task

__all__ = ["place"]  # the fixture of the hub's tests serves here too
BRANCH = "dayhand/1-wrong-order"
TASK = make_task(
    id="t1",
    repository="ada/shop",
    installation=1,
    number=1,
    body="…",
    ask=Ask(TaskKind.FIX, "fix", "ada"),
    created_at=1.0,
)
PASSED = Finding("test", "pytest -q", Verdict.PASSES, Run("pytest -q", 0, "exit", 1.0, "3 passed\n", 12))
BROKEN = Finding("lint", "ruff check", Verdict.NEW_FAILURE, Run("ruff check", 1, "exit", 0.1, "E501\n", 14))


@dataclass
class Dispatcher:
    """One task's publication, and a look at what people see of it."""

    place: Place
    ledger: Ledger
    claim: Claim
    task: Task

    def publication(self, every: float = 0.0, clock: Callable[[], float] = time.time) -> GitHubPublication:
        """As a worker makes it: a new one after each crash."""
        return GitHubPublication(
            self.place.there,
            self.ledger,
            self.claim,
            task=self.task,
            task_url="http://127.0.0.1:8080/tasks/t1",
            repository_url=f"{self.place.server.url}/ada/shop",
            every=every,
            clock=clock,
        )

    def begin(self) -> str:
        """What checkout does before ``open``: the branch with its first commit."""
        start = self.place.branch(BRANCH)
        self.claim.facts.put(facts.BRANCH, BRANCH)
        self.claim.facts.put(facts.START, start)
        return start

    def push(self) -> str:
        """What checkout does before ``propose``."""
        store = self.place.repo.store
        if BRANCH not in store.branches():
            self.place.branch(BRANCH)
        head = store.commit_files({"fix.txt": b"fixed\n"}, BRANCH, "Fix", author=("Bot", "bot@example.org"))
        self.claim.facts.put(facts.BRANCH, BRANCH)
        self.claim.facts.put(facts.HEAD, head)
        return head

    def log(self) -> TaskLog:
        return TaskLog(self.ledger, self.claim)

    @property
    def pulls(self) -> list[Issue]:
        return list(self.place.repo.pulls())

    @property
    def said(self) -> list[str]:
        """The visible part of our comments on the issue."""
        return [comment.body.partition("\n\n<!--")[0] for comment in self.place.issue.comments]

    def checks(self, sha: str) -> list[CheckRun]:
        return [run for run in self.place.repo.checks.values() if run.suite.sha == sha]


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded(tmp_path_factory.mktemp("publish")) as url:
        yield url


@pytest.fixture
def desk(place: Place, redis_url: str) -> Iterator[Dispatcher]:
    with connect(redis_url) as redis:
        redis.flushall()
        ledger = Ledger(redis)
        task = replace(TASK, installation=place.installation.id, number=place.issue.number)
        ledger.open(task, delivery="d1", thread="m1")
        claim = ledger.claim(task.id, "here")
        assert claim
        yield Dispatcher(place, ledger, claim, task)


def proposal(head: str, *findings: Finding, account: str = "The list was reversed.") -> ProposedChange:
    usage = Usage("gpt-6.1-sol", turns=2, input_tokens=100, output_tokens=10, dollars=0.01)
    return ProposedChange(
        change=Change("b" * 40, "t" * 40, ("fix.txt",), "diff"),
        head=head,
        branch=TASK.branch,
        solution=Solution("Sort the right way", account, usage=usage),
        verification=Verification("t" * 40, findings or (PASSED,)),
        blocked=(),
        proofs=(),
        minutes=1.5,
    )
