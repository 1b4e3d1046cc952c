"""Whoever stops a task need not wait for the command that runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from dayhand.scripted_model.moves import Shell
from dayhand.task import State
from tests.journey.harness import SHOP, Town


def is_running(word: str) -> bool:
    """Whether a process of this machine has it among its arguments: boxes are no secret to their host."""
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
def test_a_stop_ends_the_running_command(town: Town, where: str) -> None:
    checked = where == "the checks"
    files = {**SHOP, ".dayhand.toml": '[checks]\ntest = "sleep 97.5"\n'} if checked else SHOP
    if not checked:
        town.actor.turns = [[Shell("sleep 97.5")]]
    repo = town.repository("patience", files)
    issue = town.issue(repo)
    town.label(repo, issue)
    (task_id,) = town.waiting()
    worker = threading.Thread(target=town.work)
    worker.start()
    wait_until_it_runs("sleep\x0097.5")
    began = time.monotonic()

    town.ledger.ask_to_stop(task_id, "ada")
    worker.join(30)

    assert not worker.is_alive()
    assert time.monotonic() - began < 15
    record = town.ledger.record(task_id)
    assert record.state is State.STOPPED, record.reason
    assert "ada stopped this task" in record.reason
    assert any("ada stopped this task" in words for words in town.bot_says(issue))
