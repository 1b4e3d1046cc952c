"""A short run of ``dayhand bench chaos``: real processes, killed and stalled in the middle of their tasks."""

from __future__ import annotations

import json
import subprocess
import sys

from dayhand.bench.chaos.run import ZERO

# In a process of its own, which becomes the parent of whatever loses its parent.
RUN = """
import sys
from dayhand.bench.chaos.run import Chaos, bench_chaos
sys.exit(bench_chaos(Chaos(kills=4, seed=3, slow=1.0, stall=2.0, latency=1.0, tasks=2, poll=1), as_json=True))
"""


def test_nothing_is_lost_and_nothing_done_twice_while_everything_is_killed() -> None:
    ended = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=False)
    figures = json.loads(ended.stdout)
    assert {name: figures[name] for name in ZERO} == dict.fromkeys(ZERO, 0), ended.stderr
    assert (figures["kills"], ended.returncode) == (4, 0)
    assert figures["tasks"] >= 2
