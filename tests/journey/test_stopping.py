"""A stop ends a task wherever it is, within seconds; the work so far is on the branch, and the next word works as ever."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dayhand.ledger.ledger import StopResult
from dayhand.localhub.state.models import Repository
from dayhand.scripted_model.moves import Fault, Move, Shell
from dayhand.task import State
from tests.journey.harness import FIX, SHOP, Harness
from tests.waiting import becomes_true

# An update hook of the server: the first push of real work takes as long as the test wants.
SLOW_PUSH = """#!/bin/sh
git log -1 --format=%s "$3" | grep -q '^Start work' && exit 0
mkdir "$GIT_DIR/slow" 2>/dev/null || exit 0
while [ ! -e "$GIT_DIR/slow/over" ]; do sleep 0.05; done
"""


def lasting(seconds: float) -> str:
    """A command that takes this long, in words that no other test that runs on this machine has."""
    return f"sleep {seconds}{os.getpid()}"


def is_running(command: str) -> bool:
    """Whether a process on this machine has this command line; the host can see the boxes' processes."""
    words = f"{command} ".replace(" ", "\0").encode()
    return any(words in arguments(entry) for entry in Path("/proc").glob("[0-9]*/cmdline"))


def wait_until_it_runs(command: str) -> None:
    until = time.monotonic() + 60
    while not is_running(command):
        assert time.monotonic() < until, f"{command} never ran"
        time.sleep(0.05)


def arguments(entry: Path) -> bytes:
    try:
        return entry.read_bytes()
    except OSError:
        return b""


LASTING = lasting(97.5)


@dataclass(frozen=True)
class Moment:
    """Where the stop finds the task: how it gets there, and how the test sees that it is there."""

    name: str
    wait: Callable[[Harness, Repository], object]
    turns: list[list[Move]] | None = None
    test: str = "true"
    hook: str = ""
    kept: str = "My unfinished, unchecked work is on the branch `dayhand/1-totals-are-one-too-high`"


def asked_twice(harness: Harness, _repo: Repository) -> None:
    assert becomes_true(lambda: harness.model_server.count >= 2)


def pushing(_harness: Harness, repo: Repository) -> None:
    assert becomes_true((repo.store.path / "slow").exists)


MOMENTS = (
    Moment("command", lambda *_: wait_until_it_runs(LASTING), [[FIX], [Shell(LASTING)]]),
    Moment("check", lambda *_: wait_until_it_runs(LASTING), test=LASTING),
    Moment("model", asked_twice, [[FIX], [Fault("stall")]]),
    Moment("push", pushing, hook=SLOW_PUSH, kept="The commits pushed so far are kept."),
)


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)
def test_a_stop_ends_the_task_and_keeps_its_work(harness: Harness, moment: Moment) -> None:
    harness.scripted_model.turns = moment.turns or harness.scripted_model.turns
    repo = harness.repository("patience", {**SHOP, ".dayhand.toml": f'[checks]\ntest = "{moment.test}"\n'})
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
    began = time.monotonic()

    assert harness.ledger.ask_to_stop(task_id, "ada") is StopResult.ASKED
    worker.join(60)

    seconds = time.monotonic() - began
    (repo.store.path / "slow" / "over").touch() if moment.hook else None
    assert not worker.is_alive()
    print(f"stopped in the {moment.name} after {seconds:.1f} s")
    assert not is_running(LASTING)
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
