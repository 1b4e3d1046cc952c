"""The shape of the benchmark's output; no test depends on its figures."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from dayhand.bench.fleet.run import Fleet, bench_fleet
from dayhand.bench.measure import descendants, end_with_descendants
from tests.waiting import until


def test_it_prints_one_object_with_what_people_wait_for_and_what_a_task_costs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fleet = Fleet(labels=2, repositories=(1,), workers=2, sides=("dayhand",))
    assert bench_fleet(fleet, as_json=True) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["done"], figures["refused"], len(figures["runs"])) == (2, 0, 1)
    measured = ("requests_per_task", "points_per_task", "creations_per_task", "pss_mb", "own_cpu_s_per_task")
    assert all(figures[name] > 0 for name in measured)
    for name in ("reaction_s", "first_comment_s", "first_reply_s", "done_s"):
        assert figures[name]["max"] >= figures[name]["median"] > 0


def test_what_the_other_pool_started_ends_with_it_though_it_leads_a_group_of_its_own() -> None:
    pool = subprocess.Popen(
        ["/bin/sh", "-c", "setsid sleep 600 & wait"], start_new_session=True, text=True
    )  # as RQ's pool starts its workers
    until(lambda: "sleep" in descendants([pool.pid]).values())
    (worker,) = descendants([pool.pid])
    end_with_descendants(pool)
    until(lambda: not Path(f"/proc/{worker}").exists())
