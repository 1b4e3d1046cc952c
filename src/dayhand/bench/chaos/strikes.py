"""Kills, stalls and outages at random moments, all from one seed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from dayhand.bench.chaos.installation import Installation
from dayhand.bench.chaos.model import ChaosModel
from dayhand.bench.measure import children
from dayhand.localhub.faults import RESET, ServerFault

# How often each is struck, of all strikes.
WEIGHTS = {
    "job": 30,
    "worker": 14,
    "work": 8,
    "work, told to stop": 6,
    "dispatcher": 8,
    "dispatch": 6,
    "web": 8,
    "redis": 5,
    "GitHub": 9,
    "model": 6,
}
STALLED = ("job", "worker", "dispatcher", "web", "redis")
STALLS = 0.25  # of the strikes on these are stalls
SHORT_PAUSE, LONG_PAUSE = 0.3, 3.5  # seconds between strikes
MAX_OUTAGE = 4.0
WORKERS = ("job", "worker", "work")  # a request of theirs that is in flight is lost with them
REDIS_SECONDS = 25.0  # between two deaths: a server that dies more often is given up


@dataclass(frozen=True, slots=True)
class Strike:
    """One strike: what was hit, how, and from when to when, in seconds of the monotonic clock."""

    target: str
    how: str  # "killed", "stalled", "stopped" or "away"
    began: float
    ended: float
    pids: frozenset[int] = frozenset()  # the processes that were hit, with those that end with them


@dataclass(slots=True)
class Striker:
    """Strikes an installation. Call ``look`` often: it also ends the stalls."""

    installation: Installation
    model: ChaosModel
    rng: random.Random
    longest_stall: float  # seconds
    strikes: list[Strike] = field(default_factory=list)
    _stalled: dict[int, float] = field(default_factory=dict)  # by process id: when it goes on
    _next: float = 0.0
    _redis_died: float = 0.0

    def look(self, *, strikes: bool) -> None:
        """Wake what has stalled for long enough, and strike if it is time for that."""
        now = time.monotonic()
        for pid in [pid for pid, ends in self._stalled.items() if now >= ends]:
            self._signal(pid, signal.SIGCONT)
            del self._stalled[pid]
        if strikes and now >= self._next:
            self._next = now + self.rng.uniform(SHORT_PAUSE, LONG_PAUSE)
            self._strike(now)

    def settle(self) -> None:
        """End all stalls."""
        for pid in self._stalled:
            self._signal(pid, signal.SIGCONT)
        self._stalled.clear()

    def counts(self) -> Counter[str]:
        return Counter(f"{strike.target} {strike.how}" for strike in self.strikes)

    def _strike(self, now: float) -> None:
        target = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        seconds = self.rng.uniform(0.2, 1.0)
        if target in ("GitHub", "model"):
            until = now + seconds * MAX_OUTAGE
            if target == "model":
                self.model.away_until = until
            else:
                self.installation.hub.faults.outage = _outage(self.rng.random() < 0.5, until)
            self.strikes.append(Strike(target, "away", now, until))
            return
        stalls = target in STALLED and self.rng.random() < STALLS
        if target == "redis" and not stalls:
            if now - self._redis_died < REDIS_SECONDS:
                return
            self._redis_died = now
        pids = [pid for pid in self.installation.pids(target.partition(",")[0]) if pid not in self._stalled]
        if not pids:
            return
        pid = self.rng.choice(pids)
        hit = frozenset([pid, *children(pid)])
        if stalls:
            until = now + seconds * self.longest_stall
            self._stalled[pid] = until
            self._signal(pid, signal.SIGSTOP)
            self.strikes.append(Strike(target, "stalled", now, until, frozenset([pid])))
        else:
            stops = target.endswith("told to stop")
            self._signal(pid, signal.SIGTERM if stops else signal.SIGKILL)
            how = "stopped" if stops else "killed"
            self.strikes.append(Strike(target.partition(",")[0], how, now, now, hit))

    def _signal(self, pid: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _outage(after: bool, until: float) -> Callable[[], ServerFault | None]:  # noqa: FBT001 - of one kind of call
    """Reset every connection for a while; with ``after``, what was asked is done first."""

    def now() -> ServerFault | None:
        return ServerFault("", RESET, after=after) if time.monotonic() < until else None

    return now
