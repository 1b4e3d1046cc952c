"""The commands on a local repository: ``dayhand run``, the same journey, and ``dayhand environment``, a look at it."""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from dayhand.checkout.git import BareGit
from dayhand.checkout.mirror import bundle_ref, read_files
from dayhand.checkout.repository import open_mirror
from dayhand.environment.prepare import prepare
from dayhand.environment.registries.python_npm import Extra
from dayhand.errors import CheckoutError, LedgerError, SettingsError
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import Note, TaskLog
from dayhand.ledger.redis_server import connect, embedded
from dayhand.publish.wording import environment
from dayhand.sandbox import worktree
from dayhand.sandbox.base import Box
from dayhand.settings import Settings
from dayhand.task import Ask, Proposed, State, Task, TaskKind
from dayhand.untrusted_text import clean
from dayhand.verify.examination import examine
from dayhand.wiring import open_local_tools, open_shelf

TITLE_CHARS = 72


def run_locally(settings: Settings, repo: Path, words: str) -> int:
    """Do what ``words`` ask on the repository at ``repo``; 0 where a branch or an answer came out of it.

    Its ledger is a Redis of its own, which ends with it: no worker ever finds a run that was cut off.
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
        ground = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dayhand-run-")))
        ledger = Ledger(connect(stack.enter_context(embedded(ground))))
        ledger.open(task, delivery=task.id, meaning=task.id)
        claim = ledger.claim(task.id, "dayhand run")
        if claim is None:
            raise LedgerError("The run's own Redis has lost it.", advice="Run it again.")
        stack.enter_context(claim.kept())
        log = TaskLog(ledger, claim)
        log.listen(_show)
        tools = stack.enter_context(open_local_tools(settings, ledger, task, claim=claim))
        outcome = travel(task, tools, log)
        proposed = isinstance(outcome, Proposed)
        ledger.finish(claim, State.PROPOSED if proposed else State.ANSWERED)
    return 0


def examine_locally(settings: Settings, repo: Path, *, as_json: bool) -> int:
    """Set up the last commit of the repository at ``repo`` and run its checks once; 0 where all of them can run.

    No account, no Redis and no model are needed. Raises ``DayhandError`` where there is no repository or no sandbox.
    """
    task = local_task(repo, "Look at the environment")
    branch, log = task.default_branch, Terminal()
    mirror = open_mirror(settings.data, task.repository, task.clone_url)
    commit = mirror.fetch((branch,), "")[branch]

    def fill(box: Box) -> None:
        worktree.fill(box, mirror.bundle(commit), ref=bundle_ref(commit), commit=commit, branch=branch)

    sandbox = open_shelf(settings)
    place = prepare(
        read_files(mirror, commit),
        sandbox,
        fill,
        log=log,
        scope=task.repository,
        extra=Extra.of(settings.registries),
    )
    found = examine(place, sandbox, fill, log=log, commit=commit)
    if as_json:
        print(json.dumps({**asdict(found), "ready": found.ready}, ensure_ascii=False))
    else:
        Console().print(Markdown(environment.report(found)))
    return 0 if found.ready else 1


class Terminal:
    """A log that a person follows on standard error."""

    def __init__(self) -> None:
        self._lines = 0

    def line(self, kind: str, text: str) -> int:
        self._lines += 1
        _print_note(kind, clean(text))
        return self._lines


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
        ask=Ask(TaskKind.FIX, words, asker=""),
        default_branch=head.removeprefix("ref: refs/heads/").partition("\t")[0],
        created_at=time.time(),
        clone_url=str(top),
    )


def _show(note: Note) -> None:
    _print_note(note.kind, clean(note.text))


def _print_note(kind: str, text: str) -> None:
    if kind in ("stage", "say", "command", "result", "error"):
        mark = {"stage": "─", "command": "$", "error": "✗"}.get(kind, " ")
        print(f"{mark} {text}", file=sys.stderr, flush=True)
