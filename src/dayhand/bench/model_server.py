"""A model that answers at once, in a process of its own: what it costs is nobody's bill, and what reaches it is kept.

``python -m dayhand.bench.model_server`` serves until its standard input ends. It plays one script: as many plans as the
prompt asks for, each another, then the end; and where the prompt asks for that, it waits before one of them.
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

from dayhand.child_process import die_with_parent
from dayhand.errors import DayhandError
from dayhand.scripted_model.moves import Finish, Move, Plan, Script, ScriptState
from dayhand.scripted_model.server import ScriptedServer

PATIENCE_SECONDS = 120.0
STEP = "Look at the next module, follow each of its callers to where the value comes from, and write down what holds"
STEPS = 5  # of STEP: a call of about a kilobyte, so that with its short answer an item is half of one


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request as it came in."""

    key: str  # of the prompt cache: the task's id
    at: float  # seconds since the epoch
    items: int
    size: int  # bytes of its body
    known: int  # bytes of the prompt before (tools and input)
    same: int  # how many of them this one begins with


def words(turns: int, *, pause: int = -1) -> str:
    """The ask that has the script make ``turns`` plans; it waits for ``go`` before the one of number ``pause``."""
    return f"Make {turns} plans." + (f" Pause before number {pause}." if pause >= 0 else "")


class Answers:
    """The other process, seen from here."""

    def __init__(self, base_url: str, asks: IO[str], told: IO[str]) -> None:
        self.base_url = base_url
        self._asks = asks
        self._told = told

    def requests(self) -> list[RecordedRequest]:
        """All that came in until now."""
        return [RecordedRequest(**one) for one in json.loads(self._ask("requests"))]

    def waiting(self) -> int:
        """How many tasks wait for ``go``."""
        return int(json.loads(self._ask("waiting")))

    def go(self) -> None:
        """Let those that wait, and those that would, go on."""
        self._ask("go")

    def _ask(self, word: str) -> str:
        self._asks.write(f"{word}\n")
        self._asks.flush()
        if line := self._told.readline():
            return line
        raise DayhandError("The process that plays the model ended.")


@contextmanager
def answering() -> Iterator[Answers]:
    """Run the server beside us. Raises ``DayhandError`` where it does not start."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
        start_new_session=True,
    ) as child:
        asks, told = child.stdin, child.stdout
        if asks is None or told is None or not (base_url := told.readline().strip()):
            raise DayhandError("The process that plays the model did not start.")
        try:
            yield Answers(base_url, asks, told)
        finally:
            asks.close()  # it ends with its standard input


class Ears(ScriptedServer):
    """The scripted server, with a memory of what came in."""

    def __init__(self) -> None:
        self.heard: list[RecordedRequest] = []
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
        prompt = json.dumps(body.get("tools")).encode() + written(raw)
        with self._writing:
            before = self._prompts.get(key, b"")
            self._prompts[key] = prompt
            same = _same(before, prompt)
            self.heard.append(RecordedRequest(key, at, items, len(raw), len(before), same))

    def _play(self, scene: ScriptState) -> list[Move]:
        asked = re.search(r"Make (\d+) plans\.(?: Pause before number (\d+)\.)?", scene.prompt)
        if asked is None or scene.turn >= int(asked[1]):
            return [Finish("Make plans", "They are made.")]
        if asked[2] and scene.turn == int(asked[2]):
            with self._writing:
                self.waiting += 1
            self.released.wait(PATIENCE_SECONDS)
        return [Plan(tuple((f"{STEP} ({scene.turn}.{n}).", "pending") for n in range(STEPS)))]


def written(raw: bytes) -> bytes:
    """The items of a request's input as they are written in its body, without the bracket that closes them.

    >>> written(b'{"model":"m","input":[{"type":"message"}],"store":false}')
    b'{"type":"message"}'
    """
    text = raw.decode()
    begin = text.index('"input":[') + len('"input":')
    _, end = json.JSONDecoder().raw_decode(text, begin)
    return text[begin + 1 : end - 1].encode()


def _same(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    if other.startswith(one):
        return len(one)
    pairs = zip(one, other, strict=False)
    return next((n for n, (mine, yours) in enumerate(pairs) if mine != yours), len(other))


def serve(asks: IO[str], told: IO[str]) -> None:
    """Answer the bench's own questions by the line, until they end."""
    with Ears() as server:
        print(server.base_url, file=told, flush=True)
        for line in asks:
            match line.strip():
                case "requests":
                    said: object = [asdict(one) for one in [*server.heard]]
                case "waiting":
                    said = server.waiting
                case _:
                    server.released.set()
                    said = "going"
            print(json.dumps(said), file=told, flush=True)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
