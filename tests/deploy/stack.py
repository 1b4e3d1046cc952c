"""The stack of ``deploy/compose.yml`` on this machine's engine, beside a local GitHub and a scripted model."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.app_key import app_key_pem
from tests.deploy.github_in_the_stack import APP_ID, GITHUB_PORT, MODEL_PORT
from tests.deploy.tools import compose, run_tool

HERE = Path(__file__).parent
DEPLOY = HERE.parents[1] / "deploy"
START_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Stack:
    folder: Path
    project: str

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        files = ("--file", "compose.yml", "--file", "stack.yml")
        return run_tool(compose(), "--project-name", self.project, *files, *arguments, cwd=self.folder)

    def run_story(self) -> dict[str, Any]:
        """What became of the issue that the maintainer labelled."""
        done = self.compose("run", "--rm", "--no-TTY", "github")
        assert done.returncode == 0, done.stderr + self.logs()
        return json.loads(done.stdout)

    def logs(self) -> str:
        return self.compose("logs", "--no-color").stdout[-3000:]


def dotenv(image: str) -> str:
    key = app_key_pem().strip().replace("\n", "\\n")
    return (
        f"IMAGE={image}\n"
        f"STORY={HERE / 'github_in_the_stack.py'}\n"
        f"GITHUB_API_URL=http://127.0.0.1:{GITHUB_PORT}/api/v3\n"
        f"GITHUB_APP_ID={APP_ID}\n"
        f'GITHUB_APP_PRIVATE_KEY="{key}"\n'
        f"GITHUB_WEBHOOK_SECRET={secrets.token_hex(16)}\n"
        f"OPENAI_BASE_URL=http://127.0.0.1:{MODEL_PORT}/v1\n"
        "OPENAI_API_KEY=scripted\nDAYHAND_MODEL=scripted\nDAYHAND_CONCURRENCY=1\nDAYHAND_PROGRESS_SECONDS=2\n"
        "DAYHAND_URL=http://127.0.0.1:8080\n"
    )


@contextmanager
def started(folder: Path, image: str) -> Iterator[Stack]:
    """The stack, healthy; whatever a test finds, it is gone afterwards."""
    for source in (DEPLOY / "compose.yml", DEPLOY / "seccomp.json", HERE / "stack.yml"):
        shutil.copyfile(source, folder / source.name)
    (folder / ".env").write_text(dotenv(image), encoding="utf-8")
    stack = Stack(folder, f"dayhand-test-{secrets.token_hex(4)}")
    try:
        done = stack.compose("up", "--detach", "--wait", "--wait-timeout", str(START_SECONDS))
        assert done.returncode == 0, done.stderr + stack.logs()
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "0")
