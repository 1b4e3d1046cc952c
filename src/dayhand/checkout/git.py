"""Git on the host, in bare repositories only, deaf to every configuration but our own.

``GitPython`` runs it through ``Git.execute`` with argument lists. Its higher objects are not used: they read
configuration, hooks and filters of a repository as git does, and run them.
"""

from __future__ import annotations

import base64
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import git

from dayhand.errors import CheckoutError

DEAF = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.attributesFile=/dev/null",
    "-c", "submodule.recurse=false",
    "-c", "gc.auto=0",
    "-c", "core.bigFileThreshold=5m",
    "-c", "http.followRedirects=false",
    "-c", "protocol.version=2",
)  # fmt: skip
KEPT = ("GIT_SSL_CAINFO", "GIT_SSL_CAPATH")  # how this machine trusts a server is the operator's business
WALL_SECONDS = 600.0


class BareGit:
    """One bare repository. ``run`` raises ``CheckoutError`` with git's own last words where it fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._git = git.Git("/")  # --git-dir says where; no folder of its own matters

    def run(
        self,
        *args: str,
        stdin: bytes | BinaryIO | None = None,
        env: Mapping[str, str] | None = None,
        limits: str = "",
    ) -> bytes:
        """Run ``git <args>`` and return its standard output.

        ``limits`` are words for ``ulimit``, for commands that read what a sandbox gave.
        """
        status, out, err = self.attempt(*args, stdin=stdin, env=env, limits=limits)
        if status != 0:
            raise CheckoutError(f"git {args[0]} failed: {last_words(err)}")
        return out

    def attempt(
        self,
        *args: str,
        stdin: bytes | BinaryIO | None = None,
        env: Mapping[str, str] | None = None,
        limits: str = "",
    ) -> tuple[int, bytes, str]:
        """Run ``git <args>`` and return its exit code, standard output and standard error."""
        command = [*_unset(), "git", "--git-dir", str(self.path), *DEAF, *args]
        if limits:
            command = ["/bin/sh", "-c", f'ulimit {limits} && exec "$@"', "sh", *command]
        with tempfile.TemporaryFile() as spool:
            if isinstance(stdin, bytes):
                spool.write(stdin)
                spool.seek(0)
            result = self._git.execute(
                command,
                istream=spool if stdin is None or isinstance(stdin, bytes) else stdin,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=WALL_SECONDS,
                env={**ENVIRONMENT, **(env or {})},
            )
        status, out, err = result
        return status, out if isinstance(out, bytes) else str(out).encode(), str(err)


ENVIRONMENT = {
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "https:http:file",
    "LC_ALL": "C",
}


def with_token(url: str, token: str) -> dict[str, str]:
    """The environment that shows ``token`` to the server of ``url``, and to no other.

    In the environment and not in the address: an address is written into files and process lists.
    """
    if not token:
        return {}
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{url}.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }


def last_words(err: str) -> str:
    """The last telling line of git's standard error, without what could be a credential."""
    lines = [line for line in err.replace("\r", "\n").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", " !"))] or lines
    text = " · ".join(telling[-3:])
    return re.sub(r"//[^/@\s]+@", "//", text)[:600] or "it gave no reason"


def _unset() -> Sequence[str]:
    """Take inherited ``GIT_*`` variables away: a worker started from a git hook would carry GIT_DIR."""
    names = [name for name in os.environ if name.startswith("GIT_") and name not in KEPT]
    wanted = {*ENVIRONMENT, "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"}
    return ["env", *(part for name in names if name not in wanted for part in ("-u", name))]
