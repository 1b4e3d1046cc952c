"""The package clients of the worker's own machine: they run away from any project, with the operator's environment."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path

from dayhand.sandbox.egress.gateway import PORT
from dayhand.startup.records import dataclass

ASK_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class HostMachine:
    """The real ``Machine``; ``ask_box`` runs a command in an empty box."""

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    ask_box: Callable[[str], str] = lambda _command: ""
    proxy_port: int = PORT

    def ask(self, command: list[str]) -> str:
        """The output of one of the clients on this machine; "" where it is missing or fails."""
        try:
            done = subprocess.run(
                command,
                env=dict(self.environ),
                cwd="/",
                capture_output=True,
                text=True,
                timeout=ASK_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout if done.returncode == 0 else ""

    def read(self, path: str) -> str:
        """A file of this machine; "" where it cannot be read."""
        try:
            return Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""
