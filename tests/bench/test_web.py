"""The shape of the benchmark's output, and that it survives its own slow clients; no test depends on its figures."""

from __future__ import annotations

import json

import pytest

from dayhand.bench.web import bench_web
from dayhand.dashboard.pages import READERS


def test_it_prints_one_object_with_the_cost_of_a_delivery_and_the_slow_clients(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert bench_web(as_json=True, rounds=1, deliveries=20) == 0
    figures = json.loads(capsys.readouterr().out)
    measured = ("cpu_us_per_delivery", "cpu_us_per_delivery_before", "slow_clients_answer_s", "peak_mb")
    assert all(figures[name] > 0 for name in measured)
    assert (figures["half_open"], figures["slow_bodies"], figures["live_logs"]) == (300, 100, READERS)
    assert figures["refused_live_logs"] > 0
