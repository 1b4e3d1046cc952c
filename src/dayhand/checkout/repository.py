"""The repository of one task: its base, its branch, the work tree in the box, the change, and the push."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import field, replace
from pathlib import Path

from dayhand.checkout.bundles import bundle_ref, make_pack, packed_bytes
from dayhand.checkout.commit_files import CommitFiles, read_files
from dayhand.checkout.external.external import NOTHING, External, fetch_external
from dayhand.checkout.external.lfs import POINTER_BYTES, is_pointer
from dayhand.checkout.external.local_store import LocalStore
from dayhand.checkout.external.submodules import Neighbours
from dayhand.checkout.git import BareGit
from dayhand.checkout.leftovers import IN_SUBMODULE, LEFT_BEHIND, sort_out
from dayhand.checkout.mirror import Author, Mirror
from dayhand.checkout.policy.split_change import accepted_change, offences, pack_trees, take_change
from dayhand.checkout.server import Recovery
from dayhand.checkout.task_branch import START, TargetBranches, TaskBranch, merge_onto, without_start
from dayhand.checkout.trust import People, is_trusted
from dayhand.environment.base import Source
from dayhand.environment.declared.dayhand_toml import RepoConfig, read_config
from dayhand.errors import BranchMoved, CheckoutError, SandboxError
from dayhand.instructions.read import Instructions, read_instructions
from dayhand.ledger import facts
from dayhand.ledger.facts import Facts
from dayhand.sandbox import clone, worktree
from dayhand.sandbox.base import Box
from dayhand.sandbox.worktree import Changes
from dayhand.startup.records import dataclass
from dayhand.task import Change, CheckedChange, HeldBack, LeftOut, Solution, Task
from dayhand.untrusted_text import clean, let_ci_run, quiet

LARGE_FILES, LARGE_BYTES = 1000, 2 << 20
MAX_DIFFERENCE = 128 << 20  # bytes of a pack; more than the change of a task can have


@dataclass(frozen=True, slots=True)
class Base:
    """The commit that a task starts from."""

    commit: str
    branch: str  # of the commit; the pull request targets it, unless it is our own branch
    files: CommitFiles
    source: Source
    config: RepoConfig  # from the default branch: the maintainers' decisions, whatever this commit contains
    external: External = NOTHING
    instructions: Instructions = field(default_factory=Instructions)  # from the branch that it goes to
    since: str = ""  # the commit at which the branch left the default branch; "" for that branch itself


@dataclass(frozen=True, slots=True)
class Taken:
    """What came out of a box."""

    change: Change | None  # None: nothing that can be part of a change
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Checkout:
    """What one task does with the bare mirror."""

    mirror: Mirror
    facts: Facts
    token: Callable[[], str]
    author: Callable[[], Author]  # the App's bot; called when a commit is made
    co_author: Callable[[str], Author | None]  # by login
    branches: TargetBranches = field(default_factory=TargetBranches)
    people: People = field(default_factory=People)
    neighbours: Neighbours | None = None  # other repositories on the same server
    local_store: LocalStore | None = None  # of a repository on this machine
    default_branch: str = ""  # used if the task does not name one
    held_back: HeldBack | None = None  # what the task pushes because a person accepted it

    def cancelled_by(self, check: Callable[[], None]) -> Checkout:
        """The same checkout; ``check``, which is called about once a second while git runs or waits, raises to end it."""
        mirror = copy(self.mirror)
        mirror.git = BareGit(mirror.path, mirror.git.env, check=check, is_copy=mirror.git.is_copy)
        mirror.server = mirror.server.cancelled_by(mirror.git)
        return replace(self, mirror=mirror)

    def fetch(self, task: Task) -> Base:
        """Fetch the repository, and find the commit that the task starts from.

        Raises ``CheckoutError`` if it cannot be fetched, has no commit yet, or the branch is gone.
        """
        if self.held_back and not self.branches.own:
            raise CheckoutError(
                "The pull request is not open any more, so nothing was pushed to it.",
                advice="Ask again for what is missing.",
            )
        default = task.default_branch or self.default_branch
        branch = self.branches.own or self.branches.onto or default
        heads = self.mirror.fetch((branch, default), self.token())
        ours = read_files(self.mirror, heads[default]) if default in heads else None
        config = read_config(ours) if ours else None
        if branch == default and config and config.base:
            branch = config.base
            heads |= self.mirror.fetch((branch,), self.token())
        accepted = self.held_back.base if self.held_back else ""  # it is in the history of the branch
        commit = self.facts.get(facts.BASE) or accepted or heads.get(branch, "")
        if not commit:
            raise CheckoutError(
                f"{task.repository} has no commit on the branch “{branch}” yet.",
                advice="Push a first commit, then ask again."
                if branch == default
                else "Push this branch, or name another one, then ask again.",
            )
        self.mirror.complete(commit, self.token())
        self.facts.put(facts.BASE, commit)
        self.facts.put(facts.BASE_BRANCH, branch)
        files = ours if ours and ours.commit == commit else read_files(self.mirror, commit)
        config = config or read_config(files)
        since = self.mirror.merge_base(commit, heads.get(default, commit)) if branch != default else ""
        source = self._source(task, commit, heads.get(default, ""))
        trusted = commit if source.trusted else heads.get(default, "")
        external = fetch_external(
            files, trusted, self.token(), neighbours=self.neighbours, local=self.local_store
        )
        reviewed = files if source.trusted and not self.branches.own else ours or files
        instructions = read_instructions(reviewed)
        self.facts.put(facts.INSTRUCTIONS, instructions.files)
        return Base(commit, branch, files, source, config, external, instructions, since)

    def _source(self, task: Task, commit: str, default_head: str) -> Source:
        trusted = is_trusted(
            commit,
            default_head=default_head,
            contains=self.mirror.contains,
            between=self.mirror.commits_between,
            people=self.people,
        )
        if trusted:
            return Source(task.repository, self.mirror.tree(commit), trusted)
        return Source(task.repository, commit, trusted, self.author().name.removesuffix("[bot]"))

    def begin(self, task: Task, base: Base) -> str:
        """Push the task's branch with an empty commit, so that a draft pull request can be opened.

        Returns that commit. It is the same each time, so a repeated call finds its branch.
        """
        message, parent = START.format(number=task.number), self._without_start(base.commit)
        tree = self.mirror.tree(base.commit)
        start = self.mirror.commit(tree, parent, message, author=self.author(), when=task.created_at)
        self._branch.begin(task, start)
        return start

    def fill(self, box: Box, commit: str, base: Base) -> None:
        """Put a commit on the branch of ``base`` into a box's workspace, with what it refers to.

        Where the box has ``base`` already, what differs from it is all that is read and written.
        """
        if box.checked_out == base.commit == commit:
            return
        if box.checked_out == base.commit:
            pack = make_pack(self.mirror.git, commit, base.commit, max_bytes=MAX_DIFFERENCE)
            clone.move(box, pack, commit=commit, since=base.commit)
            base.external.put_files(box)
            return
        bundle = self.mirror.bundle(commit)
        clone.check_out(box, bundle, ref=bundle_ref(commit), commit=commit, branch=base.branch)
        base.external.put(box)

    def is_large(self, base: Base) -> bool:
        """Whether its boxes should start with the base commit checked out: that takes a snapshot of its own."""
        return len(base.files.tracked) >= LARGE_FILES or packed_bytes(self.mirror.path) >= LARGE_BYTES

    def take(self, box: Box, base: Base, purpose: Iterable[str] = ()) -> Taken:
        """Take the change out of a box as one strictly checked pack, and split it by the policy.

        ``purpose``: files and folders that are part of the change whatever their names look like. Raises
        ``CheckoutError``, or ``PolicyRefusal`` if nothing of it can ever be pushed.
        """
        left_out, tree, pack = self._export(box, base, purpose)
        if tree == self.mirror.tree(base.commit):
            return Taken(None, left_out)
        change = take_change(self.mirror, base.commit, tree, pack=pack)
        left_out = (*left_out, *change.left_out)
        return Taken(replace(change, left_out=left_out), left_out)

    def find_offences(self, box: Box, base: Base, purpose: Iterable[str] = ()) -> str:
        """What would be left out of the work tree as it is, or why it cannot be taken at all, for the model; "" if neither."""
        try:
            left_out, tree, pack = self._export(box, base, purpose)
            beyond = [f"- {one.path}: {one.reason}." for one in left_out if one.reason != LEFT_BEHIND]
            with self.mirror.inspect(pack) as mirror:
                return "\n".join([*beyond, *offences(mirror, base.commit, tree)])
        except (CheckoutError, SandboxError) as error:
            return f"- {error} {error.advice}".strip()

    def _export(self, box: Box, base: Base, purpose: Iterable[str]) -> tuple[tuple[LeftOut, ...], str, bytes]:
        """What is left out of the work tree, and the tree and the pack of the rest."""
        changes = worktree.list_changes(box, base.commit)
        parts = sort_out(changes.found, base.files.tracked, purpose, in_lfs=self._in_lfs(box, base, changes))
        left_out = (*parts.left_out, *self._changed_submodules(box, base))
        return left_out, *worktree.export(box, changes, parts.chosen)

    def _in_lfs(self, box: Box, base: Base, changes: Changes) -> frozenset[str]:
        """The blobs of a change that are pointers of Git LFS."""
        if not base.external.uses_lfs:
            return frozenset()
        contents = worktree.read_small(box, changes.found, POINTER_BYTES.stop)
        return frozenset(blob for blob, content in contents.items() if is_pointer(content))

    def _changed_submodules(self, box: Box, base: Base) -> Iterator[LeftOut]:
        for one in base.external.submodules:
            if patch := clone.submodule_patch(box, one.path, one.commit):
                yield LeftOut(one.path, IN_SUBMODULE, patch=patch)

    def take_accepted(self) -> Change:
        """The change with the files that a person accepted. Raises ``CheckoutError`` if none were held back."""
        if self.held_back is None:
            raise CheckoutError(
                "What was held back is not kept any more.", advice="Ask for the change again."
            )
        return accepted_change(self.mirror, self.held_back)

    def hold_back(self, change: Change, head: str) -> None:
        """Keep what is not pushed with ``head``, so that a person can see it, and accept it on exactly this commit."""
        if change.held_back:
            self.facts.put(facts.HELD_BACK, replace(change.held_back, head=head))

    def commit(self, task: Task, change: Change, solution: Solution) -> str:
        """Make the commit that will be pushed, by the App's bot, with the person who asked as co-author."""
        co_author = self.co_author(task.ask.asker)
        reference = f"For #{task.number}.\n" if task.number else ""
        trailer = f"\nCo-authored-by: {co_author}\n" if co_author else ""
        base = self._without_start(change.base)
        unfinished = None if self.branches.own else self.facts.get(facts.UNFINISHED_HEAD)
        if unfinished and not self.mirror.contains(base, unfinished):
            unfinished = None  # it was begun before the base was force-pushed
        accepted = self._without_start(self.held_back.head) if self.held_back else ""
        parent = accepted or unfinished or base
        message = let_ci_run(f"{_subject(solution.title)}\n\n{reference}{trailer}")
        return self.mirror.commit(change.tree, parent, message, author=self.author(), when=task.created_at)

    def push(self, task: Task, head: str) -> str:
        """Push a commit in place of the start commit, and return the branch's name; an own pull request's branch grows.

        Raises ``BranchMoved`` if somebody else pushed to that branch since.
        """
        if not self.branches.own:
            return self._branch.push(task, head)
        branch = self.branches.own
        current = self.mirror.fetch((branch,), self.token()).get(branch)
        if self.held_back and current not in (self.held_back.head, head):
            raise CheckoutError(
                "The pull request has another head than the one that was accepted, so nothing was pushed to it.",
                advice="Look at what was pushed since, and ask again for what is missing.",
            )
        if current != head:
            replaced = current if current and self._without_start(current) != current else None
            if current and not replaced and not self.mirror.contains(current, head):
                raise BranchMoved(f"Somebody else pushed to {branch} while I was working.")
            self.mirror.push(head, branch, self.token(), instead_of=replaced)
        self.facts.put(facts.BRANCH, branch)
        self.facts.put(facts.HEAD, head)
        return branch

    def rebase(self, task: Task, work: CheckedChange) -> tuple[Base, Change] | None:
        """Put a checked change on top of what somebody else pushed, or force-pushed to its base; None if it does not fit."""
        change, own = work.change, self.branches.own
        branch = own or self.facts.get(facts.BASE_BRANCH) or task.default_branch
        current = self.mirror.fetch((branch,), self.token()).get(branch, "")
        if change.held_back or self.held_back or not current:
            return None
        onto, base = current, self._without_start(change.base)
        if not own:  # what was force-pushed away must not come back with our change
            onto = self.mirror.commit(self.mirror.tree(current), base, "", author=self.author(), when=0)
        elif not self.mirror.contains(change.base, current):
            return None
        if not (tree := merge_onto(self.mirror, onto, work.head)):
            return None
        pack = pack_trees(self.mirror, tree, without=self.mirror.tree(current))
        merged = take_change(self.mirror, current, tree, pack=pack)
        self.facts.put(facts.BASE, current)
        return self.fetch(task), replace(merged, left_out=change.left_out)

    def check_base(self, base: Base, change: Change) -> None:
        """Raise ``BranchMoved`` if the branch that a change goes to was force-pushed, so that it lacks the change's base."""
        if self.branches.own or self.held_back or self.mirror.head(base.branch, self.token()) == change.base:
            return
        current = self.mirror.fetch((base.branch,), self.token()).get(base.branch, "")
        if current and not self.mirror.contains(self._without_start(change.base), current):
            raise BranchMoved(f"{base.branch} was force-pushed while I was working.")

    def keep_beside(self, task: Task, head: str) -> CheckoutError:
        """Push a commit beside a branch that moved; the error that says so."""
        if self.branches.own:
            return self._branch.keep_beside(task, head, self.branches.own)
        return self._branch.keep_on_lost_base(task, head)

    def stay(self, task: Task, base: Base) -> str:
        """The head of the task's pull request where nothing is pushed; an empty first commit if there is none yet."""
        if self.branches.own:
            self.facts.put(facts.BRANCH, self.branches.own)
        return self.begin(task, base) if task.number and not self.branches.own else base.commit

    def branch(self, task: Task) -> str:
        """The branch that the task's work is on, or would be on."""
        return self.branches.own or self.facts.get(facts.BRANCH) or task.branch

    def keep(self, task: Task, change: Change) -> str:
        """Push an unfinished change, and return the branch's name; never to a pull request that is already under review.

        "" if all of it is held back. Raises ``CheckoutError``.
        """
        known, last = self.facts.get(facts.UNFINISHED_BRANCH), self.facts.get(facts.UNFINISHED_HEAD)
        if known and last and self.mirror.tree(last) == change.tree:
            return known  # an earlier attempt at this task pushed the same
        head = self.commit(task, change, Solution(f"Unfinished: {task.title}", "")) if change.paths else ""
        self.hold_back(change, head)
        if not head:
            return ""
        if self.branches.own:
            branch = f"{self.branches.own}-unfinished-{task.id[-4:].lower()}"
            self.mirror.push(head, branch, self.token())
        else:
            branch = self.push(task, head)
        self.facts.put(facts.UNFINISHED_HEAD, head)
        self.facts.put(facts.UNFINISHED_BRANCH, branch)
        return branch

    @property
    def _branch(self) -> TaskBranch:
        return TaskBranch(self.mirror, self.facts, self.token)

    def _without_start(self, commit: str) -> str:
        return without_start(self.mirror, commit, self.author().name)


def _subject(title: str) -> str:
    """The model's title as a commit subject: one line that mentions nobody, closes no issue and skips no CI."""
    return quiet(" ".join(clean(title).split()))[:72] or "Change the code as asked"


def open_mirror(data: Path, repository: str, url: str, *, recovery: Recovery | None = None) -> Mirror:
    """The mirror of a repository under the data directory; its first fetch creates it."""
    safe = repository.strip("/").replace("..", "__").replace("/", "+")
    return Mirror(data / "mirrors" / f"{safe}.git", url, recovery=recovery)


def open_local_store(data: Path, repository: str, git_dir: Path) -> LocalStore:
    """What git has of the submodules and LFS files of a repository on this machine."""
    mirror = open_mirror(data, repository, "")
    return LocalStore(git_dir, mirror.path.parent, mirror.path.stem)
