"""What leaves the mirror for the git server, and what to do if that fails: see ``hub/failures.py`` for the table."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from dayhand.checkout.git import REACHES_SERVERS, BareGit, with_token
from dayhand.checkout.process import HISTORY, LISTING, Ended, GitLimits, last_lines
from dayhand.errors import BranchMoved, CheckoutError, HubUnavailable
from dayhand.hub.failures import CallKind, Failure, Next, failure_of_git, next_step, refusal_lines
from dayhand.sandbox.worktree import MAX_FILE_BYTES
from dayhand.startup.records import dataclass

PAUSES = (1.0, 4.0, 15.0)  # seconds
MAX_NEW_TOKENS = 2
BLOBS_AT_ONCE = 500  # as arguments of one command
DECLINED = (
    "Let the App bypass this rule, or exempt branches that begin with “dayhand/” from it, in the repository's settings "
    "under Rules. Then ask again: the finished change is kept and only needs to be pushed."
)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What helps after a failure."""

    renew: Callable[[str], str] = lambda _rejected: ""  # another token than the rejected one; "" for none
    locate: Callable[[], str] = lambda: ""  # the repository's current URL; "" if it is gone
    pauses: Sequence[float] = PAUSES
    sleep: Callable[[float], None] = time.sleep
    note_push: Callable[[str, str], None] = lambda _sha, _branch: None  # told before each push


class GitServer:
    """The server of one repository. A call is repeated until it succeeds, or until that makes no sense.

    Raises ``HubUnavailable`` if it may succeed later, ``CheckoutError`` if not.
    """

    def __init__(self, git: BareGit, url: str, recovery: Recovery) -> None:
        self.url = url
        self._git = git
        self._recovery = recovery

    def cancelled_by(self, git: BareGit) -> GitServer:
        """The same server, for a ``git`` whose check also ends the pauses between attempts."""

        def sleep(seconds: float) -> None:
            while seconds > 0:
                git.check()
                self._recovery.sleep(min(seconds, 1.0))
                seconds -= 1.0

        return GitServer(git, self.url, replace(self._recovery, sleep=sleep))

    def refs(self, patterns: Sequence[str], token: str) -> dict[str, str]:
        """The server's refs of these patterns, with their commits."""
        out = self._call(CallKind.FETCH, ("ls-remote",), tuple(patterns), token=token, limits=LISTING)
        pairs = (line.split("\t", 1) for line in out.decode("utf-8", "surrogateescape").splitlines())
        return {ref: sha for sha, ref in pairs if not ref.endswith("^{}")}

    def fetch(self, refs: Sequence[str], token: str, *, prune: bool = False) -> None:
        # A server that cannot leave anything out sends everything. Git keeps no filter for a folder.
        filtered = () if self.url.startswith("/") else (f"--filter=blob:limit={MAX_FILE_BYTES}",)
        options = ("fetch", "-q", "--no-tags", *filtered, *(("--prune",) if prune else ()))
        self._call(CallKind.FETCH, options, tuple(refs), token=token, limits=HISTORY)

    def fetch_blobs(self, blobs: Sequence[str], token: str) -> None:
        """Fetch files that were left out."""
        options = ("fetch", "-q", "--no-tags", "--no-write-fetch-head", "--filter=blob:none")
        for position in range(0, len(blobs), BLOBS_AT_ONCE):
            some = tuple(blobs[position : position + BLOBS_AT_ONCE])
            self._call(CallKind.FETCH, options, some, token=token, limits=HISTORY)

    def push(self, sha: str, branch: str, token: str, *, instead_of: str | None) -> None:
        """Push a commit. A push that fails is looked up: if the branch is at the commit, it has succeeded."""
        ref = f"refs/heads/{branch}"
        lease = () if instead_of is None else (f"--force-with-lease={ref}:{instead_of}",)

        self._recovery.note_push(sha, branch)

        def arrived() -> bool:
            return self.refs((ref,), token).get(ref) == sha

        self._call(
            CallKind.PUSH,
            ("push", "-q", *lease),
            (f"{sha}:{ref}",),
            token=token,
            limits=HISTORY,
            arrived=arrived,
        )

    def _call(
        self,
        call: CallKind,
        options: tuple[str, ...],
        refs: tuple[str, ...],
        *,
        token: str,
        limits: GitLimits,
        arrived: Callable[[], bool] = lambda: False,
    ) -> bytes:
        """Run one git command against the server, and again as the table of failures says."""
        pauses, new_tokens, moved = iter(self._recovery.pauses), MAX_NEW_TOKENS, False
        while True:
            env = REACHES_SERVERS | with_token(self.url, token)
            ended = self._git.collect(*options, self.url, *refs, env=env, limits=limits)
            failure = failure_of_git(ended.err)
            ended.check_limits(options[0], limits)
            if ended.status == 0:
                return ended.out
            step = next_step(failure, call)
            if step is Next.LOOK_UP and failure is not Failure.MOVED:
                if arrived():
                    return b""
                step = Next.GIVE_UP if failure is Failure.BRANCH_MOVED else Next.RETRY
            match step:
                case Next.NEW_TOKEN if new_tokens and (token := self._recovery.renew(token)):
                    new_tokens -= 1
                case Next.LOOK_UP if not moved and self._moved():
                    moved = True
                case Next.RETRY if (pause := next(pauses, None)) is not None:
                    self._recovery.sleep(pause)
                case Next.RETRY | Next.WAIT:
                    raise HubUnavailable(
                        f"git {options[0]} failed: {last_lines(ended.err)}.", advice="It is retried later."
                    )
                case _:
                    raise _refused(options[0], failure, ended)

    def _moved(self) -> bool:
        """Whether the repository has another URL now, which is used from now on."""
        url = self._recovery.locate()
        if not url or url == self.url:
            return False
        self.url = url
        return True


def _refused(name: str, failure: Failure, ended: Ended) -> CheckoutError:
    """The error for a failure that trying again does not change."""
    if failure is Failure.BRANCH_MOVED:
        return BranchMoved(
            f"git {name} was rejected, because somebody else pushed first: {last_lines(ended.err)}"
        )
    if failure is Failure.RULE:
        return CheckoutError(
            f"The server declined the push: “{refusal_lines(ended.err) or last_lines(ended.err)}”",
            advice=DECLINED,
        )
    if failure is Failure.BAD_TOKEN:
        return CheckoutError(
            f"git {name} failed: the server accepts no token of the App.",
            advice="Check that the App is still installed on this repository.",
        )
    advice = {
        Failure.FORBIDDEN: "Check that the App may write to this repository, and that it is not archived.",
        Failure.MOVED: "Check that the repository still exists, and that the App is installed on it.",
    }.get(failure, "")
    return CheckoutError(f"git {name} failed: {last_lines(ended.err)}", advice=advice)


def check_branch_name(name: str) -> None:
    """Refuse names that git could read as something else than a name, because they become arguments."""
    if not re.fullmatch(r"[\w.+@#][\w./+@#-]{0,230}", name, re.ASCII) or ".." in name or "@{" in name:
        raise CheckoutError(
            f"The branch name “{name[:80]}” contains characters that Dayhand does not accept.",
            advice="Rename the branch: use only letters, digits, dots, dashes and slashes.",
        )
