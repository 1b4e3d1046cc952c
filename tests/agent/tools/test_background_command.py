"""Commands in the background of a real box: they are waited for and killed, and nothing else runs meanwhile."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dayhand.agent.model.base import Call
from dayhand.agent.tools.executor import OUTPUT_DIR, ToolExecutor, ToolResult
from dayhand.sandbox.base import Box
from tests.agent.conftest import Killed, Log
from tests.waiting import PATIENCE, until


class ToolCaller:
    """Calls tools as a model does, each call under an id of its own."""

    def __init__(self, box: Box, log: Log) -> None:
        self.executor = ToolExecutor(box, log, {})
        self.calls = 0

    def __call__(self, name: str, **fields: object) -> ToolResult:
        self.calls += 1
        return self.executor.execute(Call(f"call_{self.calls}", name, json.dumps(fields)), alone=True)

    def start(self, command: str, **fields: object) -> int:
        """Start what goes on in the background, and give its number."""
        result = self("shell", command=command, yield_time_ms=300, **fields)
        found = re.match(r"Session (\d+) is still running, for \d+ s so far\.\nOutput:\n", result.text)
        assert found, result.text
        assert not result.touched
        return int(found[1])


@pytest.fixture
def tool(box: Box, log: Log) -> Iterator[ToolCaller]:
    caller = ToolCaller(box, log)
    yield caller
    caller.executor.close()


def wait_for(tool: ToolCaller, session: int) -> ToolResult:
    """Poll as often as it takes."""
    while (result := tool("session", session_id=session, yield_time_ms=60_000)).text.startswith("Session"):
        pass
    return result


def test_a_command_that_ends_in_time_never_goes_on_in_the_background(tool: ToolCaller) -> None:
    result = tool("shell", command="echo done", yield_time_ms=60_000)
    assert result.text.startswith("Exit code: 0\n")
    assert result.text.endswith("Output:\ndone\n")
    assert not tool.executor.busy


def test_a_command_continues_and_its_end_is_reported(tool: ToolCaller, log: Log) -> None:
    session = tool.start("echo one; sleep 3; echo two; echo three > made; exit 3")
    result = wait_for(tool, session)
    assert re.fullmatch(r"Exit code: 3\nWall time: \d+\.\d seconds\nOutput:\n(one\n)?two\n", result.text)
    assert result.touched
    assert not result.passed
    told = "".join(text for kind, text in log.lines if kind == "output")
    assert told == "one\ntwo\n"
    assert tool("shell", command="cat made").text.endswith("three\n")


def test_each_answer_has_only_what_is_new(tool: ToolCaller) -> None:
    session = tool.start("sleep 1; echo first; sleep 600", timeout_ms=600_000)
    texts: list[str] = []
    while not any("first\n" in text for text in texts):
        texts.append(tool("session", session_id=session, yield_time_ms=900).text)
    texts += [tool("session", session_id=session, yield_time_ms=900).text for _ in range(2)]
    assert sum("first\n" in text for text in texts) == 1
    assert all(text.startswith(f"Session {session} is still running") for text in texts)


@pytest.mark.parametrize("fields", [{"kill": True}, {"chars": "\x03"}])
def test_a_killed_command_leaves_no_process(tool: ToolCaller, box: Box, fields: dict[str, object]) -> None:
    session = tool.start("trap '' TERM INT; setsid sleep 601 & sleep 601", timeout_ms=600_000)
    result = tool("session", session_id=session, **fields)
    assert result.text.startswith("killed before it ended.\nExit code: None\n")
    assert result.touched
    assert not tool.executor.busy
    assert b"sleep" not in box.check_output(["/bin/sh", "-c", "cat /proc/[0-9]*/comm"], max_bytes=10_000)


def test_killing_twice_is_reported(tool: ToolCaller) -> None:
    session = tool.start("sleep 600", timeout_ms=600_000)
    tool("session", session_id=session, kill=True)
    assert f"There is no session {session}" in tool("session", session_id=session, kill=True).text


def test_an_unknown_session_is_reported(tool: ToolCaller) -> None:
    assert tool("session", session_id=7).text.startswith("There is no session 7: ")
    session = tool.start("sleep 600", timeout_ms=600_000)
    result = tool("session", session_id=7, kill=True)
    assert result.text.endswith(f"There is session {session}.")
    assert tool.executor.busy


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("shell", {"command": "echo me too"}),
        ("apply_patch", {"input": "*** Begin Patch\n*** Add File: x\n+x\n*** End Patch"}),
    ],
)
def test_nothing_else_runs_beside_it(tool: ToolCaller, name: str, fields: dict[str, object]) -> None:
    session = tool.start("sleep 600", timeout_ms=600_000)
    result = tool(name, **fields)
    assert not result.passed
    assert result.text.startswith(
        f"Session {session} is still running, and only one command can run at a time: "
    )
    assert tool("update_plan", plan=[{"step": "wait", "status": "pending"}]).passed


def test_an_end_that_nobody_waited_for_is_reported_before_the_next_result(tool: ToolCaller) -> None:
    session = tool.start("sleep 3; echo late")
    tool.executor._session.command.wait(PATIENCE)  # type: ignore[union-attr]
    result = tool("shell", command="echo next")
    assert re.match(
        rf"Session {session} has ended\.\nExit code: 0\n[^\n]*\nOutput:\nlate\n\n\nExit code: 0\n",
        result.text,
    )
    assert result.text.endswith("Output:\nnext\n")


def test_its_time_limit_holds_in_the_background(tool: ToolCaller) -> None:
    session = tool.start("sleep 600", timeout_ms=5000)
    assert wait_for(tool, session).text.startswith("stopped after 5 s, its time limit")


def test_a_finish_ends_what_still_runs(tool: ToolCaller, box: Box, log: Log) -> None:
    session = tool.start("sleep 600", timeout_ms=600_000)
    citation = {"path": "src/lines.txt", "line": 3, "quote": "line three"}
    assert tool("finish", title="T", summary="A", citations=[citation]).solution is not None
    assert ("result", f"session {session} was killed") in log.lines
    assert box.run("true").passed


def test_a_flood_in_the_background_is_cut_and_kept_whole(tool: ToolCaller, box: Box) -> None:
    session = tool.start("yes | head -c 3000000; sleep 3; echo end")
    result = wait_for(tool, session)
    assert len(result.text) < 41_000
    assert f"the whole output is in {OUTPUT_DIR}/call_1.txt" in result.text
    assert (
        box.check_output(["/bin/sh", "-c", f"wc -c < {OUTPUT_DIR}/call_1.txt"], max_bytes=100).strip()
        == b"3000004"
    )


def test_a_flood_without_end_is_ended(tool: ToolCaller) -> None:
    session = tool.start("sleep 3; yes")
    result = wait_for(tool, session)
    assert result.text.startswith("stopped because it wrote too much output.")
    assert len(result.text) < 42_000


def test_what_is_raised_in_the_background_reaches_us(tool: ToolCaller, box: Box) -> None:
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(1)
        if len(asked) > 1:
            raise Killed
        return False

    box.cancelled = stopped
    session = tool.start("sleep 600", timeout_ms=600_000)
    with pytest.raises(Killed):
        wait_for(tool, session)
    box.cancelled = None
    assert box.run("true").passed


ASLEEP = f"602.5{os.getpid()}"  # seconds
DIES = """
import json, os, signal, sys
from pathlib import Path
from dayhand.agent.tools.executor import ToolExecutor
from dayhand.agent.model.base import Call
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox

class Log:
    def line(self, kind, text):
        return 1

fields = {"command": "setsid sleep ASLEEP & exec sleep ASLEEP", "timeout_ms": 900000, "yield_time_ms": 500}
with BubblewrapSandbox(Path(sys.argv[1])).open() as box:
    print(ToolExecutor(box, Log(), {}).execute(Call("c", "shell", json.dumps(fields)), alone=True).text, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_worker_leaves_nothing_in_the_background() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        words = [sys.executable, "-c", DIES.replace("ASLEEP", ASLEEP), folder]
        died = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert "is still running" in died.stdout
    until(
        lambda: not any(ASLEEP in arguments(entry) for entry in Path("/proc").glob("[0-9]*/cmdline")),
        pause=0.05,
    )


def arguments(entry: Path) -> str:
    try:
        return entry.read_text("utf-8", "replace")
    except OSError:
        return ""


def test_the_same_call_has_the_same_number_in_every_box(boxes: Callable[[], Box], log: Log) -> None:
    tools = [ToolCaller(boxes(), log) for _ in range(2)]
    one, other = (tool.start("sleep 600", timeout_ms=600_000) for tool in tools)
    for tool in tools:
        tool.executor.close()
    assert one == other


@pytest.mark.parametrize("name", ["stdin", "chars"])
def test_a_running_command_is_written_to(tool: ToolCaller, log: Log, name: str) -> None:
    session = tool.start("read first; echo got $first; cat", stdin=True)
    first = tool("session", session_id=session, yield_time_ms=300, **{name: "one\n"})
    assert first.text.startswith("Session")
    tool("session", session_id=session, yield_time_ms=300, **{name: "two\n"})
    tool("session", session_id=session, **{name: "three\n\x04"})
    told = "".join(text for kind, text in log.lines if kind == "output")
    assert told == "got one\ntwo\nthree\n"
    assert not tool.executor.busy, "Ctrl-D ended its input, and with it the command"


def test_a_server_of_one_call_is_asked_in_the_next(tool: ToolCaller) -> None:
    session = tool.start("python3 -m http.server 8123 >/dev/null 2>&1 & exec bash", stdin=True)
    ask = (
        "until exec 3<>/dev/tcp/127.0.0.1/8123; do sleep 0.05; done 2>/dev/null; "
        'printf "HEAD / HTTP/1.0\\r\\n\\r\\n" >&3; head -n 1 <&3\n'
    )
    asked = tool("session", session_id=session, stdin=ask, yield_time_ms=500).text
    while "HTTP/1.0 200 OK" not in asked:
        asked = tool("session", session_id=session, yield_time_ms=500).text
    tool("session", session_id=session, stdin="exit\n")
    gone = tool("shell", command="exec 3<>/dev/tcp/127.0.0.1/8123")
    assert not gone.passed, "it ended with the command that started it"


def test_what_cannot_be_written_is_said(tool: ToolCaller) -> None:
    session = tool.start("sleep 600", timeout_ms=600_000)
    refused = tool("session", session_id=session, stdin="y\n")
    assert refused.text == "Its standard input is empty: start the command with `stdin: true`."
    tool("session", session_id=session, kill=True)
    session = tool.start("sleep 600", stdin=True, timeout_ms=600_000)
    results = [tool("session", session_id=session, stdin="x" * 100_000, yield_time_ms=1) for _ in range(14)]
    assert results[0].passed
    assert results[-1].text.startswith("Nothing was written: ")
    tool("session", session_id=session, kill=True)


def test_a_command_without_input_reads_an_empty_one(tool: ToolCaller) -> None:
    assert tool("shell", command="cat; echo end", yield_time_ms=60_000).text.endswith("Output:\nend\n")
