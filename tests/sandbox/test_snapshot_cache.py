"""What is kept stays within its bytes, and nothing is taken from under a box."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from dayhand.errors import SandboxError
from dayhand.sandbox.base import Snapshot
from dayhand.sandbox.bubblewrap.backend import Bubblewrap
from dayhand.sandbox.snapshot_cache import RESTING_SECONDS, SnapshotCache

MB = 1_000_000


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def rest(self) -> None:
        self.now += RESTING_SECONDS + 1


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shelf(clock):
    """Room for three and a half megabytes, in a folder that the sandbox's own users can reach."""
    with tempfile.TemporaryDirectory(prefix="dayhand-shelf-") as folder:
        Path(folder).chmod(0o755)
        yield SnapshotCache(Bubblewrap(Path(folder)), Path(folder) / "shelf", 3_500_000, clock=clock)


def keep(shelf, clock, key, megabytes=1, more="true"):
    with shelf.open() as box:
        made = box.run(f"head -c {megabytes * MB} /dev/urandom > /opt/env/heap && {more}")
        assert made.passed, made.text()
        box.save(key)
    clock.rest()


def names(shelf):
    return {one.key for one in shelf.kept()}


def test_a_state_is_measured_before_it_is_kept(shelf, clock):
    keep(shelf, clock, "one", 2)
    (kept,) = shelf.kept()
    assert 2 * MB <= kept.size < 2.2 * MB


def test_the_least_recently_used_makes_room(shelf, clock):
    keep(shelf, clock, "first")
    keep(shelf, clock, "second")
    with shelf.open(origin=Snapshot("first")):
        clock.rest()
    clock.rest()
    keep(shelf, clock, "third", 2)
    assert names(shelf) == {"first", "third"}
    assert shelf.find("second") is None
    with pytest.raises(SandboxError), shelf.open(origin=Snapshot("second")):
        pass


def test_a_state_on_which_a_box_stands_is_not_taken_away(shelf, clock):
    keep(shelf, clock, "stood-on", 2)
    with shelf.open(origin=Snapshot("stood-on")) as box:
        clock.rest()
        keep(shelf, clock, "next", 2)
        assert box.run("test -s /opt/env/heap").passed
        assert names(shelf) == {"stood-on", "next"}
    clock.rest()
    keep(shelf, clock, "last", 3)
    assert names(shelf) == {"last"}


def test_what_a_task_used_a_moment_ago_is_there_for_its_next_box(shelf, clock):
    keep(shelf, clock, "one", 2)
    assert shelf.find("one")
    keep(shelf, clock, "two", 2)
    assert shelf.find("one")


def test_who_fills_the_shelf_drives_out_nobody_else(shelf, clock):
    keep(shelf, clock, "ours")
    keep(shelf, clock, "flood", 4)
    keep(shelf, clock, "next")
    assert names(shelf) == {"ours", "next"}


def test_a_link_to_something_large_counts_as_a_link(shelf, clock):
    keep(shelf, clock, "links", 0, "ln -s /usr /opt/env/usr && ln -s / /workspace/all")
    assert shelf.kept()[0].size < MB


def test_a_hostile_measure_of_the_repositorys_own_is_not_believed(shelf, clock):
    fake = "printf '#!/bin/sh\\necho 0 /' > /workspace/du && chmod +x /workspace/du && cp /workspace/du /opt/env/"
    keep(shelf, clock, "liar", 2, fake)
    assert shelf.kept()[0].size > MB


def test_what_the_backend_forgot_takes_no_room(shelf, clock):
    keep(shelf, clock, "gone", 2)
    shelf._sandbox.drop(["gone"])
    keep(shelf, clock, "here", 2)
    assert names(shelf) == {"here"}


def test_no_limit_keeps_everything(shelf, clock):
    shelf = SnapshotCache(shelf._sandbox, shelf._folder, 0, clock=clock)
    for name in ("a", "b", "c", "d"):
        keep(shelf, clock, name)
    assert names(shelf) == set("abcd")


def test_a_killed_process_holds_nothing(shelf, clock):
    keep(shelf, clock, "held", 2)
    child = os.fork()
    if not child:
        with shelf.open(origin=Snapshot("held")):
            os._exit(0)  # dies with the box open
    os.waitpid(child, 0)
    clock.rest()
    keep(shelf, clock, "next", 2)
    assert names(shelf) == {"next"}


def test_a_key_is_never_a_path(shelf):
    with pytest.raises(SandboxError):
        shelf.find("../locks")
