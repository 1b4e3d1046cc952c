"""The branch of one task: the empty start commit, the real commit in its place, and never over somebody's commit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count, islice

from dayhand.checkout.mirror import Mirror
from dayhand.checkout.process import HISTORY
from dayhand.errors import BranchMoved, CheckoutError
from dayhand.ledger import facts
from dayhand.ledger.facts import Facts
from dayhand.startup.records import dataclass
from dayhand.task import Task

# GitHub runs no workflow for the empty commit. It is replaced before anything can be merged.
START = "Start work on #{number}\n\n[skip ci]\n"
MAX_TRIES = 20  # names, and pushes that somebody else's push came before


@dataclass(frozen=True, slots=True)
class TargetBranches:
    """The branches of a task."""

    onto: str = (
        ""  # where the task starts, and the target of its pull request; "" for the repository's choice
    )
    own: str = ""  # of our open pull request, which gets the commits; "" to open a new one
    ended: str = ""  # "#12 was merged": the thread's earlier pull request, which gets no commits any more


@dataclass(frozen=True, slots=True)
class TaskBranch:
    """A branch of our own. Each call may be repeated after a crash: a push replaces only what the server is known to have."""

    mirror: Mirror
    facts: Facts
    token: Callable[[], str]

    def begin(self, task: Task, start: str) -> None:
        """Push the start commit to the first name that is free, unless the branch was begun before."""
        self.facts.put(facts.START, start)
        known = self.facts.get(facts.BRANCH)
        if known and self.facts.get(facts.HEAD):
            return
        found = ((name, self._head(name)) for name in ([known] if known else _names(task)))
        branch, current = next((name, head) for name, head in found if known or head in ("", start))
        self.facts.put(facts.BRANCH, branch)
        if not current:
            self.mirror.push(start, branch, self.token())

    def push(self, task: Task, head: str) -> str:
        """Push a commit in place of the start commit or on top of what is ours, and return the branch's name.

        Another name is taken if the branch holds anything else: an earlier task's work, or a commit that somebody
        pushed on top of the start commit. Raises ``CheckoutError`` if the server refuses.
        """
        known = self.facts.get(facts.BRANCH)
        names = iter(dict.fromkeys([*([known] if known else []), *islice(_names(task), MAX_TRIES)]))
        branch = next(names)
        # It stands where we left it, or the server refuses the push: only then it is looked up.
        left = self.facts.get(facts.HEAD) or self.facts.get(facts.START)
        current = left if known and left and left != head else self._head(branch)
        for _ in range(MAX_TRIES):
            if current == head or self._replace(current, head, branch):
                self.facts.put(facts.BRANCH, branch)
                self.facts.put(facts.HEAD, head)
                return branch
            if current == (now := self._head(branch)):
                branch = next(names)
                now = self._head(branch)
            current = now
        raise CheckoutError(
            f"No branch for the work on #{task.number} could be pushed: each of them changes."
        )

    def keep_beside(self, task: Task, head: str, branch: str) -> CheckoutError:
        """Push a commit beside a branch that somebody else pushed to since the task began; the error that says so."""
        beside = self._keep(head, f"{branch}-{task.id[-4:].lower()}")
        return CheckoutError(
            f"Somebody else pushed to {branch} while I was working, and my commit does not fit on top of that.",
            advice=f"Ask again, and I work on top of what is there now; or merge {beside}.",
        )

    def keep_on_lost_base(self, task: Task, head: str) -> CheckoutError:
        """Push a commit whose base was force-pushed away, beside the task's branch; the error that says so."""
        beside = self._keep(head, f"{task.branch}-{task.id[-4:].lower()}-before-force-push")
        base = self.facts.get(facts.BASE_BRANCH) or task.default_branch
        return CheckoutError(
            f"{base} was force-pushed while I was working, and my commit does not fit on top of that.",
            advice=f"Ask again, and I start from what is there now. What I did is on {beside}.",
        )

    def _keep(self, head: str, beside: str) -> str:
        self.mirror.push(head, beside, self.token())
        self.facts.put(facts.UNFINISHED_HEAD, head)
        self.facts.put(facts.UNFINISHED_BRANCH, beside)
        return beside

    def _replace(self, current: str, head: str, branch: str) -> bool:
        """Push if the branch is new, at our start commit, or behind ``head``; False if it is not, or has moved since."""
        if current not in ("", self.facts.get(facts.START)):
            behind = self.mirror.has(current) and self.mirror.contains(current, head)
            if not behind:
                return False
        try:
            self.mirror.push(head, branch, self.token(), instead_of=current)
        except BranchMoved:
            return False
        return True

    def _head(self, branch: str) -> str:
        return self.mirror.head(branch, self.token())


def merge_onto(mirror: Mirror, current: str, head: str) -> str:
    """The tree of ``current`` with what ``head`` changes; "" if both changed the same lines, or nothing is left to change."""
    status, out, _ = mirror.git.attempt("merge-tree", "--write-tree", current, head, limits=HISTORY)
    tree = out.decode("ascii", "replace").strip() if status == 0 else ""
    return tree if tree != mirror.tree(current) else ""


def without_start(mirror: Mirror, commit: str, bot: str) -> str:
    """The commit, or its parent if it is an empty start commit of our ``bot``."""
    author, _, message = mirror.message(commit).partition("\n")
    if not re.fullmatch(re.escape(START.strip()).replace(r"\{number\}", r"\d+"), message):
        return commit
    (parent,) = mirror.parents(commit)
    empty = mirror.tree(parent) == mirror.tree(commit)
    return parent if empty and author == bot else commit


def _names(task: Task) -> Iterator[str]:
    """The names of the task's branch, in the order in which they are tried; the same on every worker."""
    own = f"{task.branch}-{task.id[-4:].lower()}"
    yield task.branch
    yield own
    yield from (f"{own}-{number}" for number in count(2))
