"""Git on the host, in bare repositories only, and with no configuration but our own.

``GitPython`` runs it through ``Git.execute`` with argument lists. Its higher-level objects are not used: like git, they
read the configuration, hooks and filters of a repository, and run them.
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

SAFE_OPTIONS = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.attributesFile=/dev/null",
    "-c", "submodule.recurse=false",
    "-c", "gc.auto=0",
    "-c", "core.bigFileThreshold=5m",
    "-c", "http.followRedirects=false",
    "-c", "protocol.version=2",
)  # fmt: skip
KEPT_VARIABLES = (
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
)  # the operator decides which servers this machine trusts
TIMEOUT_SECONDS = 600.0


class BareGit:
    """One bare repository. ``run`` raises ``CheckoutError`` with the last lines of git's error output if git fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._git = git.Git("/")  # --git-dir names the repository; the working directory does not matter

    def run(
        self,
        *args: str,
        stdin: bytes | BinaryIO | None = None,
        env: Mapping[str, str] | None = None,
        limits: str = "",
    ) -> bytes:
        """Run ``git <args>`` and return its standard output.

        ``limits`` are arguments of ``ulimit``, for commands that read data from a sandbox.
        """
        status, out, err = self.attempt(*args, stdin=stdin, env=env, limits=limits)
        if status != 0:
            raise CheckoutError(f"git {args[0]} failed: {last_lines(err)}")
        return out

    def attempt(
        self,
        *args: str,
        stdin: bytes | BinaryIO | None = None,
        env: Mapping[str, str] | None = None,
        limits: str = "",
    ) -> tuple[int, bytes, str]:
        """Run ``git <args>`` and return its exit code, standard output and standard error."""
        command = [*_env_command(), "git", "--git-dir", str(self.path), *SAFE_OPTIONS, *args]
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
                kill_after_timeout=TIMEOUT_SECONDS,
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


def last_lines(err: str) -> str:
    """The last informative lines of git's standard error, without credentials in URLs."""
    lines = [line for line in err.replace("\r", "\n").splitlines() if line.strip()]
    informative = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", " !"))] or lines
    text = " · ".join(informative[-3:])
    return re.sub(r"//[^/@\s]+@", "//", text)[:600] or "it gave no reason"


def _env_command() -> Sequence[str]:
    """An ``env`` command that removes inherited ``GIT_*`` variables: a worker started from a git hook has GIT_DIR set."""
    names = [name for name in os.environ if name.startswith("GIT_") and name not in KEPT_VARIABLES]
    wanted = {*ENVIRONMENT, "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"}
    return ["env", *(part for name in names if name not in wanted for part in ("-u", name))]
