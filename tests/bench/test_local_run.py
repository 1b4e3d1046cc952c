"""What ``dayhand bench run`` measures. That the programs run is seen by ``tests/commands/test_run.py``; here, no figure counts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dayhand.bench.local_run import minimal_loop
from dayhand.bench.local_run.bench import FEW, ProgramRun, summarize
from dayhand.bench.local_run.script import CALLS, FILES, REPAIR, commands, play
from dayhand.bench.model_server import RecordingServer
from dayhand.scripted_model.moves import Finish, Shell


def test_a_step_costs_what_more_steps_cost_more() -> None:
    repair = ProgramRun(3.0, 2.0, 0.7, (0.2, 0.1))
    few = ProgramRun(1.0, 1.0, 0.5, (0.02,))
    many = ProgramRun(2.0, 1.36, 0.6, (0.03, 0.05, 0.04))
    found = summarize([(repair, few, many)], 0.4, steps=FEW + 36, command_ms=10.0)
    assert (found.first_request_s, found.task_s, found.imports_s) == (0.6, 3.0, 0.4)
    assert (found.step_cpu_ms, found.step_gap_ms) == (10.0, 30.0)


def test_the_script_repairs_in_twelve_calls_or_does_nothing_as_often_as_it_is_asked() -> None:
    turns = [play(REPAIR, turn) for turn in range(len(CALLS) + 1)]
    assert len(turns) == 12
    assert isinstance(turns[-1][0], Finish)
    assert [play(commands(3), turn) for turn in range(3)] == [[Shell(f"true {n}")] for n in range(3)]
    assert isinstance(play(commands(3), 3)[0], Finish)


def test_the_minimal_loop_repairs_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    with RecordingServer() as server:
        minimal_loop.main(server.base_url, REPAIR)
    assert len(server.recorded) == 12
    assert (tmp_path / "shop.py").read_text() == FILES["shop.py"].replace(" + 1", "")
