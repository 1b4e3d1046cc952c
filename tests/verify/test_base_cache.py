"""The stored results of base commits."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from dayhand.environment.base import Environment
from dayhand.environment.ecosystems.base import Check
from dayhand.sandbox.base import Snapshot
from dayhand.verify import base_cache
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.runner import CheckResult
from tests.verify.runs import check_result

TEST, LINT = (Check(kind, f"make {kind}", "", "make", "") for kind in ("test", "lint"))


@pytest.mark.parametrize(
    "results",
    [{"reported": True}, {"reported": False, "counted": True}, {"reported": False}],
    ids=["reported", "counted", "printed"],
)
def test_a_result_is_found_again_without_a_line_of_another_log(
    tmp_path: Path, results: dict[str, bool]
) -> None:
    cache = BaseCache(tmp_path / "bases")
    kept = check_result(code=1, passing="a", failing="b")
    assert kept.results
    kept = dataclasses.replace(kept, results=dataclasses.replace(kept.results, **results))
    cache.keep("c0ffee", "env-1", TEST, result=kept)
    found = cache.find("c0ffee", "env-1", TEST)
    assert found
    assert found.results == kept.results
    assert found.run == dataclasses.replace(kept.run, line=0)


def test_no_other_user_can_read_the_results(tmp_path: Path) -> None:
    folder = tmp_path / "bases"
    folder.mkdir(mode=0o755)
    BaseCache(folder).keep("c0ffee", "env-1", TEST, result=check_result())
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "key",
    [
        ("other", "env-1", TEST),
        ("c0ffee", "env-2", TEST),
        ("c0ffee", "env-1", LINT),
        ("c0ffee", "env-1", Check("lint", "make test", "", "make", "")),
    ],
)
def test_another_base_environment_command_or_kind_is_not_known(
    tmp_path: Path, key: tuple[str, str, Check]
) -> None:
    cache = BaseCache(tmp_path)
    cache.keep("c0ffee", "env-1", TEST, result=check_result())
    assert cache.find(*key) is None


def test_a_run_that_was_cut_short_is_not_kept(tmp_path: Path) -> None:
    cache = BaseCache(tmp_path)
    lost = check_result()
    cache.keep(
        "c0ffee",
        "env-1",
        TEST,
        result=CheckResult(dataclasses.replace(lost.run, code=None, reason="wall"), None),
    )
    assert not list(tmp_path.iterdir())


def test_a_half_written_result_is_not_read(tmp_path: Path) -> None:
    cache = BaseCache(tmp_path)
    cache.keep("c0ffee", "env-1", TEST, result=check_result())
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:40])
    assert cache.find("c0ffee", "env-1", TEST) is None


def test_what_a_killed_worker_left_is_not_read_and_goes(tmp_path: Path) -> None:
    cache = BaseCache(tmp_path)
    cache.keep("c0ffee", "env-1", TEST, result=check_result())
    (path,) = tmp_path.iterdir()
    old, new = path.with_suffix(".7.part"), path.with_suffix(".8.part")
    for part in (old, new):
        part.write_text(path.read_text()[:40])
    os.utime(old, (0, 0))
    path.unlink()
    assert cache.find("c0ffee", "env-1", TEST) is None
    cache.keep("c0ffee", "env-1", TEST, result=check_result())
    assert sorted(tmp_path.iterdir()) == sorted([path, new]), "another worker may be writing the new one"


def test_a_disk_that_refuses_results_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "bases").write_text("no folder")
    cache = BaseCache(tmp_path / "bases")
    cache.keep("c0ffee", "env-1", TEST, result=check_result())
    assert cache.find("c0ffee", "env-1", TEST) is None


def test_the_oldest_results_make_room(tmp_path: Path) -> None:
    cache = BaseCache(tmp_path)
    for number in range(base_cache.MAX_KEPT + 3):
        cache.keep(f"{number:040x}", "env-1", TEST, result=check_result())
    assert len(list(tmp_path.iterdir())) == base_cache.MAX_KEPT


def test_a_result_in_an_incomplete_environment_does_not_count_for_the_complete_one() -> None:
    complete = Environment("env-1", Snapshot("env-1"), {}, (TEST,), {}, (), (), cached=False, seconds=0.0)
    incomplete = dataclasses.replace(complete, snapshot=Snapshot("env-1-2980000"))
    assert complete.results_key == dataclasses.replace(complete, snapshot=None).results_key
    assert complete.results_key != incomplete.results_key
