"""The branch of a task: each push may be repeated by another worker, and nobody's commit is pushed over."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pytest

from dayhand.checkout.mirror import Author, Mirror
from dayhand.checkout.task_branch import TaskBranch
from dayhand.ledger import facts
from dayhand.ledger.facts import Fact
from tests.checkout.conftest import git
from tests.tasks import make_task

T = TypeVar("T")
BOT = Author("dayhand[bot]", "7+dayhand[bot]@users.noreply.github.com")
TASK = make_task()
REF = f"refs/heads/{TASK.branch}"


class Facts:
    """The facts of one task, in memory."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def get(self, fact: Fact[T]) -> T | None:
        return fact.find(self.texts)

    def put(self, fact: Fact[T], value: T) -> None:
        self.texts[fact.name] = fact.encode(value)


@pytest.fixture
def known() -> Facts:
    return Facts()


@pytest.fixture
def branch(mirror: Mirror, known: Facts) -> TaskBranch:
    return TaskBranch(mirror, known, token=str)


@pytest.fixture
def start(branch: TaskBranch, head: str) -> str:
    """The start commit, which is pushed."""
    commit = work(branch, head, "Start")
    branch.begin(TASK, commit)
    return commit


def work(branch: TaskBranch, parent: str, message: str) -> str:
    return branch.mirror.commit(branch.mirror.tree(parent), parent, message, author=BOT, when=1.0)


def push(branch: TaskBranch, commit: str) -> str:
    """Push as a worker does that has just taken the task over, and knows only its facts."""
    fresh = Mirror(branch.mirror.path, branch.mirror.url)
    return TaskBranch(fresh, branch.facts, token=str).push(TASK, commit)


def test_work_takes_the_place_of_the_start_commit_and_then_stands_on_what_is_ours(
    branch: TaskBranch, origin: Path, head: str, start: str
) -> None:
    assert git(origin, "rev-parse", REF) == start
    first = work(branch, head, "First")
    assert push(branch, first) == TASK.branch
    second = work(branch, first, "Second")
    assert push(branch, second) == TASK.branch
    assert git(origin, "rev-list", f"main..{REF}").split() == [second, first]


@pytest.mark.parametrize("recorded", [True, False])
def test_a_push_that_is_repeated_changes_nothing(
    branch: TaskBranch, known: Facts, origin: Path, head: str, start: str, recorded: bool
) -> None:
    first = work(branch, head, "First")
    push(branch, first)
    if not recorded:  # the worker died between the push and its record
        known.texts.pop(facts.HEAD.name)
    assert push(branch, first) == TASK.branch
    assert git(origin, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/dayhand") == (
        f"{REF} {first}"
    )
    assert start != first


@pytest.mark.parametrize("recorded", [True, False])
def test_what_was_deleted_on_the_server_is_pushed_again(
    branch: TaskBranch, origin: Path, head: str, start: str, recorded: bool
) -> None:
    first = work(branch, head, "First")
    if recorded:
        push(branch, first)
    git(origin, "update-ref", "-d", REF)
    assert push(branch, first) == TASK.branch
    assert git(origin, "rev-parse", REF) == first != start


@pytest.mark.parametrize("pushed", [True, False])
def test_where_somebody_pushed_the_work_goes_to_another_name(
    branch: TaskBranch, origin: Path, head: str, start: str, pushed: bool
) -> None:
    first = work(branch, head, "First")
    if pushed:
        push(branch, first)
    theirs = git(origin, "commit-tree", "-p", REF, "-m", "My way", f"{REF}^{{tree}}")
    git(origin, "update-ref", REF, theirs)
    second = work(branch, first, "Second")
    other = push(branch, second)
    assert other == f"{TASK.branch}-{TASK.id}"
    assert git(origin, "rev-parse", REF) == theirs
    assert git(origin, "rev-parse", other) == second
    assert branch.facts.get(facts.BRANCH) == other
    assert start not in (theirs, second)


def test_a_branch_that_is_begun_again_keeps_its_name_and_what_is_on_it(
    branch: TaskBranch, known: Facts, origin: Path, head: str, start: str
) -> None:
    branch.begin(TASK, start)
    known.texts.pop(facts.BRANCH.name)  # the worker died between the push and its record
    branch.begin(TASK, start)
    assert known.texts[facts.BRANCH.name] == TASK.branch
    first = work(branch, head, "First")
    push(branch, first)
    branch.begin(TASK, start)
    assert git(origin, "rev-parse", REF) == first
    git(origin, "update-ref", "-d", REF)
    branch.begin(TASK, start)
    assert git(origin, "for-each-ref", "refs/heads/dayhand") == "", "its start is over"


def test_a_name_that_holds_other_work_is_left_alone(branch: TaskBranch, origin: Path, head: str) -> None:
    earlier = git(origin, "commit-tree", "-p", head, "-m", "Earlier", f"{head}^{{tree}}")
    git(origin, "update-ref", REF, earlier)
    branch.begin(TASK, work(branch, head, "Start"))
    assert branch.facts.get(facts.BRANCH) == f"{TASK.branch}-{TASK.id}"
    assert git(origin, "rev-parse", REF) == earlier
