"""``dayhand run``: the same journey on a local repository; the result is a branch in it."""

from __future__ import annotations

import secrets
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from dayhand.checkout.git import BareGit
from dayhand.errors import CheckoutError, SettingsError
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.notes import Note, Say
from dayhand.ledger.server import connect, embedded
from dayhand.settings import Settings
from dayhand.task import Ask, Kind, Proposed, State, Task
from dayhand.wiring import open_local_tools

TITLE_CHARS = 72


def run_locally(settings: Settings, repo: Path, words: str) -> int:
    """Do what ``words`` ask on the repository at ``repo``; 0 where a branch or an answer came out of it.

    Raises ``DayhandError`` where it cannot: no repository, no commit, no model, no sandbox.
    """
    from dayhand.journey import travel

    if not settings.real_model:
        raise SettingsError(
            "No model is set, and the scripted one knows only the demo's repositories.",
            advice="Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own.",
        )
    task = local_task(repo, words)
    with ExitStack() as stack:
        redis = connect(settings.redis_url or stack.enter_context(embedded(settings.data)))
        ledger = Ledger(redis)
        ledger.open(task, delivery=task.id, meaning=task.id)
        claim = ledger.claim(task.id, "dayhand run")
        if claim is None:
            raise CheckoutError("The task was taken by a worker on the same Redis.", advice="Run it again.")
        stack.enter_context(claim.kept())
        say = Say(ledger, claim)
        say.listen(_show)
        tools = stack.enter_context(open_local_tools(settings, ledger, task, claim))
        outcome = travel(task, tools, say)
        proposed = isinstance(outcome, Proposed)
        ledger.finish(claim, State.PROPOSED if proposed else State.ANSWERED)
    return 0


def local_task(repo: Path, words: str) -> Task:
    """Describe the work as a task. Raises ``CheckoutError`` where ``repo`` is no git repository."""
    top = repo.expanduser().resolve()
    if not top.is_dir():
        raise CheckoutError(f"{top} is not a folder.", advice="Name a git repository with --repo PATH.")
    status, out, _ = BareGit(top).attempt("ls-remote", "--symref", str(top), "HEAD")
    head = out.decode().partition("\n")[0]
    if status != 0 or not head.startswith("ref: refs/heads/"):
        raise CheckoutError(
            f"{top} is not a git repository with a branch and a commit.",
            advice="Make it one (git init, git commit), or name another with --repo PATH.",
        )
    title = words.strip().partition("\n")[0][:TITLE_CHARS]
    return Task(
        id=f"local-{secrets.token_hex(4)}",
        repository=str(top),
        installation=0,
        number=0,
        title=title,
        body=words,
        ask=Ask(Kind.FIX, words, asker=""),
        default_branch=head.removeprefix("ref: refs/heads/").partition("\t")[0],
        created_at=time.time(),
        clone_url=str(top),
    )


def _show(note: Note) -> None:
    if note.kind in ("stage", "say", "command", "result", "error"):
        mark = {"stage": "─", "command": "$", "error": "✗"}.get(note.kind, " ")
        print(f"{mark} {note.text}", file=sys.stderr, flush=True)
