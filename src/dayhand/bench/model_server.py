"""A model server for benchmarks: it runs in a process of its own, replies at once and records the requests.

``python -m dayhand.bench.model_server`` serves until its standard input ends. It updates the plan as often as the prompt
asks for, then finishes; if the prompt asks for a pause, it waits before one of the updates. Other prompts are for
``local_run.script``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO

from dayhand.bench.local_run import script
from dayhand.child_process import die_with_parent
from dayhand.errors import DayhandError
from dayhand.scripted_model.moves import Finish, Move, Plan, Script, ScriptState
from dayhand.scripted_model.server import ScriptedServer
from dayhand.typed_json import parse

MAX_PAUSE_SECONDS = 120.0
STEP = "Look at the next module, follow each of its callers to where the value comes from, and write down what holds"
STEPS = 5  # times STEP: a call of about a kilobyte, so that call and result average half a kilobyte an item


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One recorded request."""

    key: str  # of the prompt cache: the task's id
    at: float  # seconds since the epoch
    items: int
    size: int  # bytes of its body
    known: int  # bytes of the previous request's prompt (tools and input)
    same: int  # how many of them are a prefix of this prompt


def task_prompt(turns: int, *, pause: int = -1) -> str:
    """The prompt that makes the script update the plan ``turns`` times, and wait for ``resume`` before number ``pause``."""
    return f"Make {turns} plans." + (f" Pause before number {pause}." if pause >= 0 else "")


class ModelServerProcess:
    """The client of that process."""

    def __init__(self, base_url: str, requests: IO[str], replies: IO[str]) -> None:
        self.base_url = base_url
        self._requests = requests
        self._replies = replies

    def requests(self) -> list[RecordedRequest]:
        """All requests so far."""
        return [*parse(tuple[RecordedRequest, ...], self._ask("requests"))]

    def waiting(self) -> int:
        """How many tasks wait for ``resume``."""
        return int(json.loads(self._ask("waiting")))

    def resume(self) -> None:
        """End the pauses of all tasks, also of those that have not reached theirs."""
        self._ask("resume")

    def _ask(self, command: str) -> str:
        self._requests.write(f"{command}\n")
        self._requests.flush()
        if line := self._replies.readline():
            return line
        raise DayhandError("The benchmark's model server has ended.")


@contextmanager
def model_server_process() -> Iterator[ModelServerProcess]:
    """Run the server. Raises ``DayhandError`` if it does not start."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
        start_new_session=True,
    ) as child:
        requests, replies = child.stdin, child.stdout
        if requests is None or replies is None or not (base_url := replies.readline().strip()):
            raise DayhandError("The benchmark's model server did not start.")
        try:
            yield ModelServerProcess(base_url, requests, replies)
        finally:
            requests.close()  # the process ends with its standard input


class RecordingServer(ScriptedServer):
    """A scripted server that records its requests."""

    def __init__(self) -> None:
        self.recorded: list[RecordedRequest] = []
        self.released = threading.Event()
        self.waiting = 0
        self._prompts: dict[str, bytes] = {}
        self._writing = threading.Lock()
        super().__init__([Script("bench", lambda _prompt: True, self._play)])

    def record(self, raw: bytes) -> None:
        at = time.time()
        super().record(raw)
        body = json.loads(raw)
        key, items = str(body.get("prompt_cache_key", "")), len(body["input"])
        prompt = json.dumps(body.get("tools")).encode() + input_bytes(raw)
        with self._writing:
            before = self._prompts.get(key, b"")
            self._prompts[key] = prompt
            same = _common_prefix(before, prompt)
            self.recorded.append(RecordedRequest(key, at, items, len(raw), len(before), same))

    def _play(self, state: ScriptState) -> list[Move]:
        match = re.search(r"Make (\d+) plans\.(?: Pause before number (\d+)\.)?", state.prompt)
        if match is None:
            return [*script.play(state.prompt, state.turn)]
        if state.turn >= int(match[1]):
            return [Finish("Make plans", "The plans are made.")]
        if match[2] and state.turn == int(match[2]):
            with self._writing:
                self.waiting += 1
            self.released.wait(MAX_PAUSE_SECONDS)
        return [Plan(tuple((f"{STEP} ({state.turn}.{n}).", "pending") for n in range(STEPS)))]


def input_bytes(raw: bytes) -> bytes:
    """The items of a request's input as they appear in its body, without the brackets.

    >>> input_bytes(b'{"model":"m","input":[{"type":"message"}],"store":false}')
    b'{"type":"message"}'
    """
    text = raw.decode()
    begin = text.index('"input":[') + len('"input":')
    _, end = json.JSONDecoder().raw_decode(text, begin)
    return text[begin + 1 : end - 1].encode()


def _common_prefix(one: bytes, other: bytes) -> int:
    """The number of bytes at the start that are the same."""
    if other.startswith(one):
        return len(one)
    pairs = zip(one, other, strict=False)
    return next((n for n, (left, right) in enumerate(pairs) if left != right), len(other))


def serve(requests: IO[str], replies: IO[str]) -> None:
    """Answer the commands of ``ModelServerProcess``, one a line, until ``requests`` ends."""
    with RecordingServer() as server:
        print(server.base_url, file=replies, flush=True)
        for line in requests:
            match line.strip():
                case "requests":
                    reply: object = [asdict(one) for one in [*server.recorded]]
                case "waiting":
                    reply = server.waiting
                case _:
                    server.released.set()
                    reply = "resumed"
            print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
