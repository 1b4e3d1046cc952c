"""Commands that go on in the background of a real box: waited for, killed, refused company."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dayhand.agent.model.base import Call
from dayhand.agent.tools.executor import KEPT, ToolExecutor, ToolResult
from dayhand.sandbox.base import Box
from tests.agent.conftest import Killed, Log


class TaskWorker:
    """Calls tools as a model does, each call under an id of its own."""

    def __init__(self, box: Box, log: Log) -> None:
        self.bench = ToolExecutor(box, log, {})
        self.calls = 0

    def __call__(self, name: str, **fields: object) -> ToolResult:
        self.calls += 1
        return self.bench.do(Call(f"call_{self.calls}", name, json.dumps(fields)), alone=True)

    def start(self, command: str, **fields: object) -> int:
        """Start what goes on in the background, and give its number."""
        came = self("shell", command=command, yield_time_ms=300, **fields)
        found = re.match(r"Session (\d+) is still running, for \d+ s so far\.\nOutput:\n", came.text)
        assert found, came.text
        assert not came.touched
        return int(found[1])


@pytest.fixture
def hand(box: Box, log: Log) -> Iterator[TaskWorker]:
    one = TaskWorker(box, log)
    yield one
    one.bench.close()


def wait_for(hand: TaskWorker, session: int) -> ToolResult:
    """Poll as often as it takes."""
    while (came := hand("session", session_id=session, yield_time_ms=60_000)).text.startswith("Session"):
        pass
    return came


def test_a_command_that_ends_in_time_never_goes_on_in_the_background(hand: TaskWorker) -> None:
    came = hand("shell", command="echo done", yield_time_ms=60_000)
    assert came.text.startswith("Exit code: 0\n")
    assert came.text.endswith("Output:\ndone\n")
    assert not hand.bench.busy


def test_a_command_goes_on_and_its_end_is_told_to_who_waits(hand: TaskWorker, log: Log) -> None:
    session = hand.start("echo one; sleep 2; echo two; echo three > made; exit 3")
    came = wait_for(hand, session)
    assert re.fullmatch(r"Exit code: 3\nWall time: \d+\.\d seconds\nOutput:\n(one\n)?two\n", came.text)
    assert came.touched
    assert not came.passed
    told = "".join(text for kind, text in log.lines if kind == "output")
    assert told == "one\ntwo\n"
    assert hand("shell", command="cat made").text.endswith("three\n")


def test_each_answer_has_only_what_is_new(hand: TaskWorker) -> None:
    session = hand.start("sleep 1; echo first; sleep 600", timeout_ms=600_000)
    texts = [hand("session", session_id=session, yield_time_ms=900).text for _ in range(4)]
    assert sum("first\n" in text for text in texts) == 1
    assert all(text.startswith(f"Session {session} is still running") for text in texts)


@pytest.mark.parametrize("fields", [{"kill": True}, {"chars": "\x03"}])
def test_a_killed_command_leaves_no_process(hand: TaskWorker, box: Box, fields: dict[str, object]) -> None:
    session = hand.start("trap '' TERM INT; setsid sleep 601 & sleep 601", timeout_ms=600_000)
    came = hand("session", session_id=session, **fields)
    assert came.text.startswith("killed before it ended.\nExit code: None\n")
    assert came.touched
    assert not hand.bench.busy
    assert b"sleep" not in box.check_output(["/bin/sh", "-c", "cat /proc/[0-9]*/comm"], max_bytes=10_000)


def test_to_kill_twice_is_answered(hand: TaskWorker) -> None:
    session = hand.start("sleep 600", timeout_ms=600_000)
    hand("session", session_id=session, kill=True)
    assert f"There is no session {session}" in hand("session", session_id=session, kill=True).text


def test_an_unknown_session_is_answered(hand: TaskWorker) -> None:
    assert hand("session", session_id=7).text.startswith("There is no session 7: ")
    session = hand.start("sleep 600", timeout_ms=600_000)
    came = hand("session", session_id=7, kill=True)
    assert came.text.endswith(f"Session {session} is there.")
    assert hand.bench.busy


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("shell", {"command": "echo me too"}),
        ("apply_patch", {"input": "*** Begin Patch\n*** Add File: x\n+x\n*** End Patch"}),
    ],
)
def test_nothing_else_runs_beside_it(hand: TaskWorker, name: str, fields: dict[str, object]) -> None:
    session = hand.start("sleep 600", timeout_ms=600_000)
    came = hand(name, **fields)
    assert not came.passed
    assert came.text.startswith(
        f"Session {session} is still running, and only one command can run at a time: "
    )
    assert hand("update_plan", plan=[{"step": "wait", "status": "pending"}]).passed


def test_the_end_that_nobody_waited_for_is_told_before_the_next_result(hand: TaskWorker) -> None:
    session = hand.start("sleep 1; echo late")
    hand.bench._started.session.wait(60)  # type: ignore[union-attr]
    came = hand("shell", command="echo next")
    assert re.match(
        rf"Session {session} has ended meanwhile\.\nExit code: 0\n[^\n]*\nOutput:\nlate\n\n\nExit code: 0\n",
        came.text,
    )
    assert came.text.endswith("Output:\nnext\n")


def test_its_time_limit_holds_in_the_background(hand: TaskWorker) -> None:
    session = hand.start("sleep 600", timeout_ms=1500)
    assert wait_for(hand, session).text.startswith("stopped after 2 s, its time limit")


def test_a_finish_ends_what_still_runs(hand: TaskWorker, box: Box, log: Log) -> None:
    session = hand.start("sleep 600", timeout_ms=600_000)
    citation = {"path": "src/lines.txt", "line": 3, "quote": "line three"}
    assert hand("finish", title="T", account="A", citations=[citation]).solution is not None
    assert ("result", f"session {session} was ended") in log.lines
    assert box.run("true").passed


def test_a_flood_in_the_background_is_cut_and_kept_whole(hand: TaskWorker, box: Box) -> None:
    session = hand.start("yes | head -c 3000000; sleep 2; echo end")
    came = wait_for(hand, session)
    assert len(came.text) < 41_000
    assert f"the whole output is in {KEPT}/call_1.txt" in came.text
    assert (
        box.check_output(["/bin/sh", "-c", f"wc -c < {KEPT}/call_1.txt"], max_bytes=100).strip() == b"3000004"
    )


def test_a_flood_without_end_is_ended(hand: TaskWorker) -> None:
    session = hand.start("sleep 1; yes")
    came = wait_for(hand, session)
    assert came.text.startswith("stopped because it wrote too much.")
    assert len(came.text) < 42_000


def test_what_is_raised_in_the_background_reaches_us(hand: TaskWorker, box: Box) -> None:
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(1)
        if len(asked) > 1:
            raise Killed
        return False

    box.cancelled = stopped
    session = hand.start("sleep 600", timeout_ms=600_000)
    with pytest.raises(Killed):
        wait_for(hand, session)
    box.cancelled = None
    assert box.run("true").passed


DIES = """
import json, os, signal, sys
from pathlib import Path
from dayhand.agent.tools.executor import ToolExecutor
from dayhand.agent.model.base import Call
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox

class Log:
    def line(self, kind, text):
        return 1

fields = {"command": "setsid sleep 602.5 & exec sleep 602.5", "timeout_ms": 900000, "yield_time_ms": 500}
with BubblewrapSandbox(Path(sys.argv[1])).open() as box:
    print(ToolExecutor(box, Log(), {}).do(Call("c", "shell", json.dumps(fields)), alone=True).text, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_worker_leaves_nothing_in_the_background() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        words = [sys.executable, "-c", DIES, folder]
        died = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert "is still running" in died.stdout
    until = time.monotonic() + 20
    while any("602.5" in arguments(entry) for entry in Path("/proc").glob("[0-9]*/cmdline")):
        assert time.monotonic() < until


def arguments(entry: Path) -> str:
    try:
        return entry.read_text("utf-8", "replace")
    except OSError:
        return ""


def test_the_same_call_has_the_same_number_in_every_box(boxes: Callable[[], Box], log: Log) -> None:
    hands = [TaskWorker(boxes(), log) for _ in range(2)]
    one, other = (hand.start("sleep 600", timeout_ms=600_000) for hand in hands)
    for hand in hands:
        hand.bench.close()
    assert one == other
