"""The model of the tasks: three turns each, every reply noted with its time, and outages on request."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dayhand.scripted_model.moves import FOREVER, Fault, Finish, Move, Patch, Script, ScriptState, Shell

DEAD = 0  # in place of a process id
CASE = "case"  # how an issue's title names its number
FILES = {
    "shop.py": "def total(prices):\n    return sum(prices) + 1\n",
    "test_shop.py": (
        "import unittest\n\nfrom shop import total\n\n\nclass Totals(unittest.TestCase):\n"
        "    def test_nothing(self):\n        self.assertIsNotNone(total([]))\n"
    ),
    "Makefile": "test:\n\tpython3 -m unittest -q\n",
}
TURNS: tuple[Move, ...] = (
    Shell("cat shop.py; sleep 0.5"),
    Patch(
        "*** Begin Patch\n*** Update File: shop.py\n@@ def total(prices):\n-    return sum(prices) + 1\n"
        "+    return sum(prices)\n*** Update File: test_shop.py\n@@ class Totals(unittest.TestCase):\n"
        "     def test_nothing(self):\n-        self.assertIsNotNone(total([]))\n"
        "+        self.assertEqual(total([]), 0)\n*** End Patch"
    ),
    Finish("Count nothing twice", "The sum began at one."),
)


@dataclass(frozen=True, slots=True)
class ReplyTime:
    """When a whole reply was written, in seconds of the monotonic clock, and to which process."""

    began: float
    ended: float
    pid: int  # DEAD: it had died before it was looked for


@dataclass(slots=True)
class ChaosModel:
    """Plays the same three turns for every case. ``latency``: the longest time that a reply takes."""

    rng: random.Random
    latency: float
    replies: dict[tuple[int, int], list[ReplyTime]] = field(default_factory=lambda: defaultdict(list))
    find_client: Callable[[int], int] = int  # the process that has a connection, by its port
    away_until: float = 0.0  # of the monotonic clock: no reply is finished before
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def script(self) -> Script:
        return Script("chaos", lambda prompt: bool(_case(prompt)), self._play)

    def _play(self, state: ScriptState) -> Sequence[Move]:
        began, pid = time.monotonic(), self.find_client(state.port)
        with self._lock:
            seconds = self.rng.uniform(0, self.latency)
            fault = self.rng.choice(("drop", "status"))
        time.sleep(seconds)
        if time.monotonic() < self.away_until:
            return [Fault(fault, status=503, times=FOREVER)]
        with self._lock:
            case = _case(state.prompt), state.turn
            self.replies[case].append(ReplyTime(began, time.monotonic(), pid))
        return [TURNS[min(state.turn, len(TURNS) - 1)]]


def _case(prompt: str) -> int:
    found = re.search(rf"{CASE} (\d+)", prompt)
    return int(found.group(1)) if found else 0
