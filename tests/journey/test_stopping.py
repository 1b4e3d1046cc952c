"""A stop ends a task wherever it is, within seconds; the work so far is on the branch, and the next word works as ever."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from dayhand.ledger.ledger import StopResult
from dayhand.localhub.state.models import Repository
from dayhand.scripted_model.moves import Fault, Move, Shell
from dayhand.task import State
from tests.journey.harness import FIX, UNTESTED_SHOP, Harness
from tests.waiting import PATIENCE, until

# An update hook of the server: the first push of real work takes as long as the test wants.
SLOW_PUSH = """#!/bin/sh
git log -1 --format=%s "$3" | grep -q '^Start work' && exit 0
mkdir "$GIT_DIR/slow" 2>/dev/null || exit 0
while [ ! -e "$GIT_DIR/slow/over" ]; do sleep 0.05; done
"""


def lasting(seconds: float) -> str:
    """A command that takes this long, in words that no other test that runs on this machine has."""
    return f"sleep {seconds}{os.getpid()}"


def find_processes(command: str) -> list[int]:
    """The processes on this machine that have this command line; the host can see the boxes' processes."""
    words = f"{command} ".replace(" ", "\0").encode()
    found = (entry for entry in Path("/proc").glob("[0-9]*/cmdline") if words in arguments(entry))
    return [int(entry.parent.name) for entry in found]


@contextmanager
def working_on(harness: Harness, command: str) -> Iterator[None]:
    """Run the waiting tasks. The block runs in the middle of this command, which lasts until the end of the block."""
    worker = threading.Thread(target=harness.work)
    worker.start()
    try:
        until(lambda: find_processes(command), f"that {command} runs", pause=0.05)
        yield
    finally:
        until(lambda: has_ended(worker, command), "that the tasks end")


def has_ended(worker: threading.Thread, command: str) -> bool:
    """Whether the worker has; its command is ended, if it runs again."""
    for pid in find_processes(command):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    worker.join(0.05)
    return not worker.is_alive()


def arguments(entry: Path) -> bytes:
    try:
        return entry.read_bytes()
    except OSError:
        return b""


LASTING = lasting(9700.5)


@dataclass(frozen=True)
class Moment:
    """Where the stop finds the task: how it gets there, and how the test sees that it is there."""

    name: str
    wait: Callable[[Harness, Repository], object]
    turns: list[list[Move]] | None = None
    test: str = "true"
    hook: str = ""
    kept: str = "My unfinished, unchecked work is on the branch `dayhand/1-totals-are-one-too-high`"


def lasts(_harness: Harness, _repo: Repository) -> None:
    until(lambda: find_processes(LASTING), "that it runs", pause=0.05)


def asked_twice(harness: Harness, _repo: Repository) -> None:
    until(lambda: harness.model_server.count >= 2)


def pushing(_harness: Harness, repo: Repository) -> None:
    until((repo.store.path / "slow").exists)


MOMENTS = (
    Moment("command", lasts, [[FIX], [Shell(LASTING)]]),
    Moment("check", lasts, test=LASTING),
    Moment("model", asked_twice, [[FIX], [Fault("stall")]]),
    Moment("push", pushing, hook=SLOW_PUSH, kept="The commits pushed so far are kept."),
)


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)
def test_a_stop_ends_the_task_and_keeps_its_work(harness: Harness, moment: Moment) -> None:
    harness.scripted_model.turns = moment.turns or harness.scripted_model.turns
    repo = harness.repository(
        "patience", {**UNTESTED_SHOP, ".dayhand.toml": f'[checks]\ntest = "{moment.test}"\n'}
    )
    if moment.hook:
        hook = repo.store.path / "hooks" / "update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(moment.hook)
        hook.chmod(0o755)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    worker = threading.Thread(target=harness.work)
    worker.start()
    moment.wait(harness, repo)

    assert harness.ledger.ask_to_stop(task_id, "ada") is StopResult.ASKED
    worker.join(PATIENCE)

    (repo.store.path / "slow" / "over").touch() if moment.hook else None
    assert not worker.is_alive()
    assert not find_processes(LASTING)
    record = harness.ledger.record(task_id)
    assert (record.state, record.reason.partition(".")[0]) == (State.STOPPED, "ada stopped this task")
    (pull,) = harness.pulls(repo)
    assert pull.pull
    assert repo.store.text(pull.pull.head_sha, "shop.py") == "def total(prices):\n    return sum(prices)\n"
    (said,) = harness.bot_comments(issue)
    assert "ada stopped this task" in said
    assert moment.kept in said
    thread = harness.ledger.threads.find(harness.ledger.threads.of_task(task_id))
    assert (thread.task, thread.pull) == ("", pull.number), "the next ask goes on there"
