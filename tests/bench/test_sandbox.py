"""The bench's shape; its figures are for people and never a test."""

from __future__ import annotations

import json

import pytest

from dayhand.bench.sandbox import bench_sandbox


def test_it_prints_one_object_with_the_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_sandbox(as_json=True, rounds=2, many=3) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["command_ratio"]) == {"bubblewrap", "docker"}
    assert told["command_ratio"]["bubblewrap"] > 0
    assert told["start_ratio"]["bubblewrap"] > 0
    assert told["command_ratio"]["docker"] is None, "not measured is not a number"
    assert told["not_measured"]["docker"], "and why is said"
    assert told["boxes"] == 3
    assert told["boxes_50_pss_mb"] is None or told["boxes_50_pss_mb"] > 0
    assert told["boxes_50_commands_pss_mb"] is None or told["boxes_50_commands_pss_mb"] > 0


def test_it_prints_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    bench_sandbox(as_json=False, rounds=1, many=1)
    told = capsys.readouterr().out
    assert "a command in an open box" in told
    assert "Not measured: docker (" in told
