"""Stopping a task also stops its running command."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from dayhand.scripted_model.moves import Shell
from dayhand.task import State
from tests.journey.harness import SHOP, Harness


def is_running(word: str) -> bool:
    """Whether a process on this machine has ``word`` in its command line; the host can see the boxes' processes."""
    return any(word.encode() in arguments(entry) for entry in Path("/proc").glob("[0-9]*/cmdline"))


def wait_until_it_runs(word: str) -> None:
    until = time.monotonic() + 60
    while not is_running(word):
        assert time.monotonic() < until, f"{word} never ran"
        time.sleep(0.05)


def arguments(entry: Path) -> bytes:
    try:
        return entry.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("where", ["the agent", "the checks"])
def test_a_stop_ends_the_running_command(harness: Harness, where: str) -> None:
    checked = where == "the checks"
    files = {**SHOP, ".dayhand.toml": '[checks]\ntest = "sleep 97.5"\n'} if checked else SHOP
    if not checked:
        harness.scripted_model.turns = [[Shell("sleep 97.5")]]
    repo = harness.repository("patience", files)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    worker = threading.Thread(target=harness.work)
    worker.start()
    wait_until_it_runs("sleep\x0097.5")
    began = time.monotonic()

    harness.ledger.ask_to_stop(task_id, "ada")
    worker.join(30)

    assert not worker.is_alive()
    assert time.monotonic() - began < 15
    record = harness.ledger.record(task_id)
    assert record.state is State.STOPPED, record.reason
    assert "ada stopped this task" in record.reason
    assert any("ada stopped this task" in words for words in harness.bot_comments(issue))
