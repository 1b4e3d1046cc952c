"""What the commands on a local repository share: the task that describes the work, and the lines on standard error."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import time

from dayhand.checkout.local_repository import LocalRepository
from dayhand.task import Ask, Task, TaskKind
from dayhand.untrusted_text import clean

TITLE_CHARS = 72
MAX_PATH_BYTES = 200  # the name of its mirror is made from the path
MARKS = {"stage": "─", "say": " ", "command": "$", "result": " ", "error": "✗"}  # of the lines that are shown


def local_task(repository: LocalRepository, words: str) -> Task:
    """Describe the work in a repository as a task."""
    top = str(repository.top)
    if len(os.fsencode(top)) > MAX_PATH_BYTES:
        top = hashlib.sha256(os.fsencode(top)).hexdigest()
    return Task(
        id=f"local-{secrets.token_hex(6)}",
        repository=top,
        installation=0,
        number=0,
        title=words.strip().partition("\n")[0][:TITLE_CHARS],
        body=words,
        ask=Ask(TaskKind.FIX, words, asker=""),
        default_branch=repository.branch,
        created_at=time.time(),
        clone_url=str(repository.top),
    )


def print_line(kind: str, text: str) -> None:
    """Show one line of the task's log on standard error, without control characters."""
    if kind in MARKS:
        print(f"{MARKS[kind]} {clean(text)}", file=sys.stderr, flush=True)
