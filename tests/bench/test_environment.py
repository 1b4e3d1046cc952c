"""The shape of the benchmark's output; no test depends on its figures."""

from __future__ import annotations

import json
import shutil

import pytest

from dayhand.bench.environment import EnvironmentFigures, bench_environment, show

PLAIN = {"make": {"Makefile": "test:\n\ttrue\n"}}
LACKING = {"make": {"Makefile": "test:\n\ttrue\n", ".dayhand.toml": '[setup]\nrun = "nowhere-to-be-found"\n'}}


def test_it_prints_one_object_by_ecosystem_or_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_environment(as_json=True, rounds=1, projects=PLAIN) == 0
    figures = json.loads(capsys.readouterr().out)
    tests = {"check_s", "host_s", "check_ratio"}
    assert set(figures) == {"cold_s", "warm_s", "warm_ready_s", "not_measured", *tests}
    assert all(figures[name] == {} for name in tests), "only projects that need no packages run outside a box"
    for name in ("cold_s", "warm_s", "warm_ready_s"):
        assert figures[name]["make"] > 0
    show(EnvironmentFigures(**figures))
    assert "make" in capsys.readouterr().out


def test_what_could_not_be_set_up_has_a_reason_and_no_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_environment(as_json=True, rounds=1, projects=LACKING) == 1
    figures = json.loads(capsys.readouterr().out)
    assert figures["cold_s"] == {"make": None}
    assert "nowhere-to-be-found" in figures["not_measured"]["make"]


def test_the_tests_of_a_project_without_packages_run_in_a_box_and_beside_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed on this machine")
    package = json.dumps({"scripts": {"test": "node --test"}})
    texts = {"package.json": package, "a.test.js": 'require("node:test")("a", () => {});\n'}
    bench_environment(as_json=True, rounds=1, projects={"node": texts})
    figures = json.loads(capsys.readouterr().out)
    assert all(figures[name]["node"] > 0 for name in ("check_s", "host_s", "check_ratio")), figures
