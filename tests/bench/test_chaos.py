"""A short run of ``dayhand bench chaos``: real processes, killed and stalled in the middle of their tasks."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from dayhand.bench.chaos.effects import repeated_turns
from dayhand.bench.chaos.model import DEAD, ReplyTime
from dayhand.bench.chaos.run import ZERO
from dayhand.bench.chaos.strikes import Strike

# In a process of its own, which becomes the parent of whatever loses its parent.
RUN = """
import sys
from dayhand.bench.chaos.run import Chaos, bench_chaos
sys.exit(bench_chaos(Chaos(kills=4, seed=3, slow=1.0, stall=2.0, latency=1.0, tasks=2, poll=1), as_json=True))
"""


def strike(how: str, began: float, ended: float = 0, *, pid: int = 7, target: str = "job") -> Strike:
    return Strike(target, how, began, ended or began, frozenset([pid]))


@pytest.mark.parametrize(
    ("reply_pid", "hit", "in_flight"),
    [
        (7, strike("killed", 11), True),
        (7, strike("killed", 12.5), True),  # the reply was arriving
        (7, strike("killed", 9.5), False),  # another task's: this one began afterwards
        (7, strike("killed", 14), False),  # the reply had arrived
        (7, strike("killed", 11, pid=8), False),  # another process
        (DEAD, strike("killed", 11), True),  # it was not alive any more when it was looked for
        (7, strike("stalled", 5, 25), True),
        (7, strike("stalled", 5, 9), False),
        (7, strike("stopped", 11), False),  # it receives its replies, and keeps them
        (7, strike("killed", 11, target="redis"), False),
        (7, strike("killed", 11, target="dispatcher"), False),
    ],
)
def test_a_repeated_turn_was_in_flight_only_if_its_own_process_was_hit(
    reply_pid: int, hit: Strike, *, in_flight: bool
) -> None:
    replies = {(3, 1): [ReplyTime(10, 12, reply_pid), ReplyTime(30, 31, 9)], (3, 2): [ReplyTime(32, 33, 9)]}
    found = repeated_turns(replies, [hit])
    assert list(map(len, found)) == ([0, 1] if in_flight else [1, 0])
    assert "case 3, turn 1: " in str(found)


def test_nothing_is_lost_and_nothing_done_twice_while_everything_is_killed() -> None:
    ended = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=False)
    figures = json.loads(ended.stdout)
    assert {name: figures[name] for name in ZERO} == dict.fromkeys(ZERO, 0), ended.stderr
    assert (figures["kills"], ended.returncode) == (4, 0)
    assert figures["tasks"] >= 2
