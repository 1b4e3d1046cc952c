"""Git on the host, in bare repositories only, and with no configuration but our own.

``GitPython`` runs it through ``Git.execute`` with argument lists. Its higher-level objects are not used: like git, they
read the configuration, hooks and filters of a repository, and run them. It is imported by the first command: that takes
a tenth of a second, in which `dayhand --help` has ended.
"""

from __future__ import annotations

import base64
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from dayhand.checkout.process import HISTORY, READ, Ended, GitLimits, collect, last_lines, never_cancelled
from dayhand.errors import CheckoutError, MirrorDamaged

SAFE_OPTIONS = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.attributesFile=/dev/null",
    "-c", "submodule.recurse=false",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "core.bigFileThreshold=5m",
    "-c", "http.followRedirects=false",
    "-c", "protocol.version=2",
)  # fmt: skip
KEPT_VARIABLES = (
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
)  # the operator decides which servers this machine trusts


# What git says about a repository whose own files are damaged; a server or a sandbox cannot make it say that of ours.
DAMAGE = re.compile(
    r"is corrupt|data stream error|object file \S+ is empty|index file \S+ is too small|fatal: not a git repository|not a tree object"
    r"|bad config line|missing object|did not send all necessary objects|unable to read|packfile \S+ \w+"
)
DAMAGED = "damaged"  # a file in a repository that is to be checked


class BareGit:
    """One bare repository. ``run`` raises ``CheckoutError`` with the last lines of git's error output if git fails.

    Every command runs under limits. Those of ``limits=`` are for what a sandbox made, unless the caller names others.
    ``check`` is called about once a second while one runs, and raises to cancel it. Damage in a repository that ``is_copy``
    of another one is noted in it, and raises ``MirrorDamaged``.
    """

    def __init__(
        self,
        path: Path,
        env: Mapping[str, str] | None = None,
        *,
        check: Callable[[], None] = never_cancelled,
        is_copy: bool = False,
    ) -> None:
        self.path = path
        self.is_copy = is_copy
        self.check = check
        self.env = dict(env or {})  # for each command

    def run(
        self,
        *args: str,
        stdin: bytes | BinaryIO | None = None,
        env: Mapping[str, str] | None = None,
        limits: GitLimits = READ,
    ) -> bytes:
        """Run ``git <args>`` and return its standard output."""
        ended = self.collect(*args, stdin=stdin, env=env, limits=limits)
        ended.check(args[0], limits)
        return ended.out

    def attempt(
        self,
        *args: str,
        stdin: bytes | BinaryIO | None = None,
        env: Mapping[str, str] | None = None,
        limits: GitLimits = READ,
    ) -> tuple[int, bytes, str]:
        """Run ``git <args>`` and return its exit code, standard output and standard error.

        Raises ``CheckoutError`` if a limit ended it.
        """
        ended = self.collect(*args, stdin=stdin, env=env, limits=limits)
        ended.check_limits(args[0], limits)
        return ended.status, ended.out, ended.err

    def collect(
        self,
        *args: str,
        stdin: bytes | BinaryIO | None = None,
        env: Mapping[str, str] | None = None,
        limits: GitLimits = READ,
    ) -> Ended:
        """Run ``git <args>`` and return what came of it, which is only the beginning if its output is too long."""
        from git import Git

        added = {**self.env, **(env or {})}
        command = [*_env_command(added), "git", "--git-dir", str(self.path), *SAFE_OPTIONS, *args]
        with tempfile.TemporaryFile() as spool:
            if isinstance(stdin, bytes):
                spool.write(stdin)
                spool.seek(0)
            # --git-dir names the repository; the working directory does not matter
            handle = Git("/").execute(
                limits.command(command),
                istream=spool if stdin is None or isinstance(stdin, bytes) else stdin,
                as_process=True,
                env={**ENVIRONMENT, **added},
            )
        if handle.proc is None:
            raise CheckoutError(f"git {args[0]} could not be started.")
        ended = collect(handle.proc, args[0], limits, check=self.check)
        if ended.status and self.is_copy and DAMAGE.search(ended.err):
            with suppress(OSError):
                (self.path / DAMAGED).touch()
            raise MirrorDamaged(
                f"This machine's copy of the repository is damaged: {last_lines(ended.err)}",
                advice="The next attempt fetches the repository anew.",
            )
        return ended


def remove_if_damaged(git: BareGit) -> None:
    """Remove a repository in which damage was seen, unless another task has fetched it anew since. Hold its lock."""
    if not (git.path / DAMAGED).exists():
        return
    (git.path / DAMAGED).unlink()
    try:
        whole = git.attempt("fsck", "--full", "--no-dangling", limits=HISTORY)[0] == 0
    except CheckoutError:  # damage, or a limit
        whole = False
    if not whole:
        with tempfile.TemporaryDirectory(dir=git.path.parent, ignore_cleanup_errors=True) as folder:
            git.path.rename(Path(folder) / git.path.name)


REACHES_SERVERS = {"GIT_ALLOW_PROTOCOL": "https:http:file"}
ENVIRONMENT = {
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "",  # only what names a server reaches it: git would fetch an object that was left out
    "LC_ALL": "C",
}


def with_token(url: str, token: str) -> dict[str, str]:
    """The environment that sends ``token`` to the server of ``url``, and to no other.

    The token is not part of the URL, because URLs appear in files and process lists.
    """
    if not token:
        return {}
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{url}.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }


def _env_command(added: Mapping[str, str]) -> Sequence[str]:
    """An ``env`` command that removes inherited ``GIT_*`` variables: a worker started from a git hook has GIT_DIR set.

    Empty if there are none: each program costs 1.5 ms, and a task starts git some fifty times.
    """
    names = [name for name in os.environ if name.startswith("GIT_") and name not in KEPT_VARIABLES]
    removed = [part for name in names if name not in {*ENVIRONMENT, *added} for part in ("-u", name)]
    return ["env", *removed] if removed else ()
