"""The shape of the benchmark's output; no test depends on its figures."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from dayhand.bench.growth.repository import make_repository
from dayhand.bench.growth.run import BASE_COMMITS, BASE_FILES, Growth, bench_growth

SMALL = Growth(
    files=(BASE_FILES,), commits=(BASE_COMMITS,), finished=(3,), lines=(600,), queued=(3,), rounds=0
)


def test_it_prints_one_object_with_what_a_task_costs_by_the_size_of_what_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert bench_growth(SMALL, as_json=True) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {name: list(by_size) for name, by_size in figures["own_s"].items()} == {
        "files": ["100"],
        "commits": ["10"],
        "finished_tasks": ["3"],
    }
    assert figures["own_s"]["files"]["100"] > 0
    assert figures["cpu_s"]["files"]["100"] > 0
    steps = {"open", "claim", "place", "page"}
    assert figures["finished_ms"]["3"].keys() == figures["queue_ms"]["3"].keys() == steps
    assert figures["log_ms"]["600"].keys() == {"write", "page", "stream"}


def test_a_repository_has_as_many_files_and_commits_as_it_is_asked_for(tmp_path: Path) -> None:
    make_repository(tmp_path / "it.git", files=250, commits=12)

    def lines(*words: str) -> int:
        out = subprocess.check_output(["git", "-C", str(tmp_path / "it.git"), *words], text=True)
        return len(out.splitlines())

    assert (lines("ls-tree", "-r", "--name-only", "main"), lines("rev-list", "main")) == (250, 12)
