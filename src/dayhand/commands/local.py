"""What the commands on a local repository share: the task that describes the work, and the lines on standard error."""

from __future__ import annotations

import secrets
import sys
import time
from pathlib import Path

from dayhand.checkout.git import BareGit
from dayhand.errors import CheckoutError
from dayhand.task import Ask, Task, TaskKind
from dayhand.untrusted_text import clean

TITLE_CHARS = 72
MARKS = {"stage": "─", "say": " ", "command": "$", "result": " ", "error": "✗"}  # of the lines that are shown


def local_task(repo: Path, words: str) -> Task:
    """Describe the work as a task. Raises ``CheckoutError`` where ``repo`` is not a git repository with a commit."""
    top = repo.expanduser().resolve()
    if not top.is_dir():
        raise CheckoutError(f"{top} is not a folder.", advice="Give the path of a git repository.")
    status, out, _ = BareGit(top).attempt("ls-remote", "--symref", str(top), "HEAD")
    head = out.decode().partition("\n")[0]
    if status != 0 or not head.startswith("ref: refs/heads/"):
        raise CheckoutError(
            f"{top} is not a git repository with a branch and a commit.",
            advice="Make it one (git init, git commit), or give the path of another.",
        )
    return Task(
        id=f"local-{secrets.token_hex(4)}",
        repository=str(top),
        installation=0,
        number=0,
        title=words.strip().partition("\n")[0][:TITLE_CHARS],
        body=words,
        ask=Ask(TaskKind.FIX, words, asker=""),
        default_branch=head.removeprefix("ref: refs/heads/").partition("\t")[0],
        created_at=time.time(),
        clone_url=str(top),
    )


def print_line(kind: str, text: str) -> None:
    """Show one line of the task's log on standard error, without control characters."""
    if kind in MARKS:
        print(f"{MARKS[kind]} {clean(text)}", file=sys.stderr, flush=True)
