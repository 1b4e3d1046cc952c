"""Git on the host, in bare repositories only, and with no configuration but our own.

GitPython and its like are not used: like git, they read the configuration, hooks and filters of a repository, and run
them. Starting git needs no library, and GitPython's import takes a tenth of a second.
"""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from dayhand.checkout.process import READ, Ended, GitLimits, collect

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


class BareGit:
    """One bare repository. ``run`` raises ``CheckoutError`` with the last lines of git's error output if git fails.

    Every command runs under limits. Those of ``limits=`` are for what a sandbox made, unless the caller names others.
    """

    def __init__(self, path: Path, env: Mapping[str, str] | None = None) -> None:
        self.path = path
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
        command = ["git", "--git-dir", str(self.path), *SAFE_OPTIONS, *args]
        with tempfile.TemporaryFile() as spool:
            if isinstance(stdin, bytes):
                spool.write(stdin)
                spool.seek(0)
            process = subprocess.Popen(
                limits.command(command),
                cwd="/",  # --git-dir names the repository; the working directory does not matter
                env={**_inherited(), **ENVIRONMENT, **self.env, **(env or {})},
                stdin=spool if stdin is None or isinstance(stdin, bytes) else stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        return collect(process, args[0], limits)


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


def _inherited() -> dict[str, str]:
    """Our own environment without git's variables: a worker that was started from a git hook has GIT_DIR set."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in KEPT_VARIABLES
    }
