"""What is kept stays within its bytes, and nothing is taken from under a box."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from dayhand.errors import SandboxError
from dayhand.sandbox.base import Snapshot
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.snapshot_cache import MIN_AGE_SECONDS, SnapshotCache

MB = 1_000_000


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def rest(self) -> None:
        self.now += MIN_AGE_SECONDS + 1


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cache(clock):
    """Room for three and a half megabytes, in a folder that the sandbox's own users can reach."""
    with tempfile.TemporaryDirectory(prefix="dayhand-cache-") as folder:
        Path(folder).chmod(0o755)
        yield SnapshotCache(BubblewrapSandbox(Path(folder)), Path(folder) / "cache", 3_500_000, clock=clock)


def keep(cache, clock, key, megabytes=1, more="true"):
    with cache.open() as box:
        made = box.run(f"head -c {megabytes * MB} /dev/urandom > /opt/env/heap && {more}")
        assert made.passed, made.text()
        box.save(key)
    clock.rest()


def names(cache):
    return {one.key for one in cache.entries()}


def test_a_state_is_measured_before_it_is_kept(cache, clock):
    keep(cache, clock, "one", 2)
    (kept,) = cache.entries()
    assert 2 * MB <= kept.size < 2.2 * MB


def test_the_least_recently_used_makes_room(cache, clock):
    keep(cache, clock, "first")
    keep(cache, clock, "second")
    with cache.open(origin=Snapshot("first")):
        clock.rest()
    clock.rest()
    keep(cache, clock, "third", 2)
    assert names(cache) == {"first", "third"}
    assert cache.find_snapshot("second") is None
    with pytest.raises(SandboxError), cache.open(origin=Snapshot("second")):
        pass


def test_a_state_on_which_a_box_stands_is_not_taken_away(cache, clock):
    keep(cache, clock, "stood-on", 2)
    with cache.open(origin=Snapshot("stood-on")) as box:
        clock.rest()
        keep(cache, clock, "next", 2)
        assert box.run("test -s /opt/env/heap").passed
        assert names(cache) == {"stood-on", "next"}
    clock.rest()
    keep(cache, clock, "last", 3)
    assert names(cache) == {"last"}


def test_what_a_task_used_a_moment_ago_is_there_for_its_next_box(cache, clock):
    keep(cache, clock, "one", 2)
    assert cache.find_snapshot("one")
    keep(cache, clock, "two", 2)
    assert cache.find_snapshot("one")


def test_who_fills_the_shelf_drives_out_nobody_else(cache, clock):
    keep(cache, clock, "ours")
    keep(cache, clock, "flood", 4)
    keep(cache, clock, "next")
    assert names(cache) == {"ours", "next"}


def test_a_link_to_something_large_counts_as_a_link(cache, clock):
    keep(cache, clock, "links", 0, "ln -s /usr /opt/env/usr && ln -s / /workspace/all")
    assert cache.entries()[0].size < MB


def test_a_hostile_measure_of_the_repositorys_own_is_not_believed(cache, clock):
    fake = "printf '#!/bin/sh\\necho 0 /' > /workspace/du && chmod +x /workspace/du && cp /workspace/du /opt/env/"
    keep(cache, clock, "liar", 2, fake)
    assert cache.entries()[0].size > MB


def test_what_the_backend_forgot_takes_no_room(cache, clock):
    keep(cache, clock, "gone", 2)
    cache._sandbox.delete_snapshots(["gone"])
    keep(cache, clock, "here", 2)
    assert names(cache) == {"here"}


def test_no_limit_keeps_everything(cache, clock):
    cache = SnapshotCache(cache._sandbox, cache._folder, 0, clock=clock)
    for name in ("a", "b", "c", "d"):
        keep(cache, clock, name)
    assert names(cache) == set("abcd")


def test_a_killed_process_holds_nothing(cache, clock):
    keep(cache, clock, "held", 2)
    child = os.fork()
    if not child:
        with cache.open(origin=Snapshot("held")):
            os._exit(0)  # dies with the box open
    os.waitpid(child, 0)
    clock.rest()
    keep(cache, clock, "next", 2)
    assert names(cache) == {"next"}


def test_a_key_is_never_a_path(cache):
    with pytest.raises(SandboxError):
        cache.find_snapshot("../locks")
