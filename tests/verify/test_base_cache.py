"""What is known of a base commit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dayhand.verify import base_cache
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.running import Ran
from tests.verify.runs import ran


def test_a_result_is_found_again_without_a_line_of_another_log(tmp_path: Path) -> None:
    cache = BaseCache(tmp_path / "bases")
    kept = ran(code=1, passing="a", failing="b")
    cache.keep("c0ffee", "env-1", kept)
    found = cache.find("c0ffee", "env-1", "make test")
    assert found
    assert found.results == kept.results
    assert found.run == dataclasses.replace(kept.run, line=0)


@pytest.mark.parametrize(
    "key",
    [("other", "env-1", "make test"), ("c0ffee", "env-2", "make test"), ("c0ffee", "env-1", "make lint")],
)
def test_another_base_environment_or_command_is_not_known(tmp_path: Path, key: tuple[str, str, str]) -> None:
    cache = BaseCache(tmp_path)
    cache.keep("c0ffee", "env-1", ran())
    assert cache.find(*key) is None


def test_what_did_not_end_by_itself_is_not_kept(tmp_path: Path) -> None:
    cache = BaseCache(tmp_path)
    lost = ran()
    cache.keep("c0ffee", "env-1", Ran(dataclasses.replace(lost.run, code=None, reason="wall"), None))
    assert not list(tmp_path.iterdir())


def test_a_half_written_result_is_not_read(tmp_path: Path) -> None:
    cache = BaseCache(tmp_path)
    cache.keep("c0ffee", "env-1", ran())
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:40])
    assert cache.find("c0ffee", "env-1", "make test") is None


def test_the_oldest_results_make_room(tmp_path: Path) -> None:
    cache = BaseCache(tmp_path)
    for number in range(base_cache.MOST_KEPT + 3):
        cache.keep(f"{number:040x}", "env-1", ran())
    assert len(list(tmp_path.iterdir())) == base_cache.MOST_KEPT
