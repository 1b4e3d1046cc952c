"""One task's repository: its base, its branch, the box's work tree, the change, the push."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dayhand.checkout.mirror import Author, CommitFiles, Mirror, bundle_ref, read_files
from dayhand.checkout.policy import check_policy, large_binaries
from dayhand.checkout.target_branch import TargetBranches
from dayhand.environment.declared.dayhand_toml import RepoConfig, read_config
from dayhand.errors import CheckoutError
from dayhand.ledger import facts
from dayhand.ledger.facts import Facts
from dayhand.sandbox import worktree
from dayhand.sandbox.base import Box
from dayhand.task import Change, Solution, Task
from dayhand.untrusted_text import ZERO_WIDTH_SPACE, clean


@dataclass(frozen=True, slots=True)
class Base:
    """The commit that a task starts from."""

    commit: str
    branch: str  # the branch it was found on: the pull request goes there, unless it is our own
    files: CommitFiles
    config: RepoConfig  # of the default branch: what the maintainers decided, whatever this commit says
    since: str = ""  # where the branch left the default branch: a commit; "" for the default branch itself


@dataclass(frozen=True, slots=True)
class Checkout:
    """The bare mirror as one task uses it."""

    mirror: Mirror
    facts: Facts
    token: Callable[[], str]
    author: Callable[[], Author]  # the App's bot, asked for when a commit is made
    co_author: Callable[[str], Author | None]  # from a login
    standing: TargetBranches = field(default_factory=TargetBranches)
    default_branch: str = ""  # where the task does not know it

    def fetch(self, task: Task) -> Base:
        """Bring the repository here and say where the task starts.

        Raises ``CheckoutError`` where it cannot be fetched, has no commit yet, or lost its branch.
        """
        default = task.default_branch or self.default_branch
        branch = self.standing.own or self.standing.onto or default
        there = self.mirror.fetch((branch, default), self.token())
        commit = self.facts.get(facts.BASE) or there.get(branch, "")
        if not commit:
            raise CheckoutError(
                f"{task.repository} has no commit on “{branch}” yet.",
                advice="Push a first commit, then ask again.",
            )
        self.facts.put(facts.BASE, commit)
        decided, files = there.get(default, commit), read_files(self.mirror, commit)
        config = read_config(files if decided == commit else read_files(self.mirror, decided))
        since = self.mirror.merge_base(commit, decided) if branch != default else ""
        return Base(commit, branch, files, config, since)

    def begin(self, task: Task, base: Base) -> str:
        """Push the task's branch with an empty first commit, so that a draft pull request can be opened.

        The commit is the same each time, so a repeated call finds its branch. Gives the commit.
        """
        message = f"Start work on #{task.number}\n\n[skip ci]\n"
        tree = self.mirror.tree(base.commit)
        start = self.mirror.commit(tree, base.commit, message, author=self.author(), when=task.created_at)
        branch, there = self._free_branch(task, start)
        self.facts.put(facts.START, start)
        if self.facts.get(facts.HEAD) is None and branch not in there:
            self.mirror.push(start, branch, self.token())
        return start

    def fill(self, box: Box, commit: str, branch: str) -> None:
        """Put a commit into a box's workspace."""
        bundle = self.mirror.bundle(commit)
        worktree.check_out(box, bundle, ref=bundle_ref(commit), commit=commit, branch=branch)

    def take(self, box: Box, base: Base) -> Change | None:
        """Take the work tree out of a box: one pack, taken in strictly, its paths checked by the policy.

        None where nothing changed. Raises ``CheckoutError`` or ``PolicyRefusal``.
        """
        tree, pack = worktree.export(box, base.commit)
        before = self.mirror.tree(base.commit)
        if tree == before:
            return None
        with self.mirror.locked():
            self.mirror.take_pack(pack)
        entries = self.mirror.entries(before, tree)
        check_policy(self.mirror, base.commit, entries)
        return Change(
            base=base.commit,
            tree=tree,
            paths=tuple(entry.path for entry in entries),
            patch=self.mirror.patch(before, tree),
            binaries=large_binaries(self.mirror, entries),
        )

    def commit(self, task: Task, change: Change, solution: Solution) -> str:
        """Make the commit that will be pushed: by the App's bot, with the asker as co-author."""
        co_author = self.co_author(task.ask.asker)
        about = f"For #{task.number}.\n" if task.number else ""
        trailer = f"\nCo-authored-by: {co_author}\n" if co_author else ""
        unfinished = None if self.standing.own else self.facts.get(facts.UNFINISHED_HEAD)
        parent = unfinished or self.facts.get(facts.START) or change.base
        message = f"{_subject(solution.title)}\n\n{about}{trailer}"
        return self.mirror.commit(change.tree, parent, message, author=self.author(), when=task.created_at)

    def push(self, task: Task, head: str) -> str:
        """Push a commit to the task's branch and give the branch's name."""
        if self.standing.own:
            branch, there = self.standing.own, self.mirror.remote_branches((self.standing.own,), self.token())
        else:
            branch, there = self._free_branch(task, head)
        self.facts.put(facts.BRANCH, branch)
        if there.get(branch) != head:
            self.mirror.push(head, branch, self.token())
        self.facts.put(facts.HEAD, head)
        return branch

    def keep(self, task: Task, change: Change) -> str:
        """Push an unfinished change and give the branch's name; never to a pull request that people look at already.

        Raises ``CheckoutError``.
        """
        known, last = self.facts.get(facts.UNFINISHED_BRANCH), self.facts.get(facts.UNFINISHED_HEAD)
        if known and last and self.mirror.tree(last) == change.tree:
            return known  # an earlier attempt at this task came as far
        head = self.commit(task, change, Solution(f"Unfinished: {task.title}", ""))
        if self.standing.own:
            branch = f"{self.standing.own}-unfinished-{task.id[-4:].lower()}"
            self.mirror.push(head, branch, self.token())
        else:
            branch = self.push(task, head)
        self.facts.put(facts.UNFINISHED_HEAD, head)
        self.facts.put(facts.UNFINISHED_BRANCH, branch)
        return branch

    def _free_branch(self, task: Task, start: str) -> tuple[str, dict[str, str]]:
        """The task's branch, or one beside it where an earlier task's work stands on that name; and where it stands."""
        if known := self.facts.get(facts.BRANCH):
            return known, self.mirror.fetch((known,), self.token())
        branch = task.branch
        there = self.mirror.fetch((branch,), self.token())
        if branch in there and not self.mirror.contains(start, there[branch]):
            branch = f"{branch}-{task.id[-4:].lower()}"
            there = self.mirror.fetch((branch,), self.token())
        self.facts.put(facts.BRANCH, branch)
        return branch, there


def _subject(title: str) -> str:
    """The model's title as a commit subject: one line, and no mention, issue or keyword comes alive in it."""
    calm = re.sub(r"([@#])(?=\w)", rf"\1{ZERO_WIDTH_SPACE}", " ".join(clean(title).split()))
    return calm[:72] or "Change the code as asked"


def open_mirror(data: Path, repository: str, url: str) -> Mirror:
    """The mirror of a repository under the data directory, made when it is first fetched."""
    safe = repository.strip("/").replace("..", "__").replace("/", "+")
    return Mirror(data / "mirrors" / f"{safe}.git", url)
