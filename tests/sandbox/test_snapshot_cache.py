"""Snapshots stay within their size limit, and none is deleted while a box uses it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
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

    def let_snapshots_age(self) -> None:
        self.now += MIN_AGE_SECONDS + 1


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cache(clock):
    """With a limit of three and a half megabytes, in a folder that the sandbox's own users can reach."""
    with tempfile.TemporaryDirectory(prefix="dayhand-cache-") as folder:
        Path(folder).chmod(0o755)
        yield SnapshotCache(BubblewrapSandbox(Path(folder)), Path(folder) / "cache", 3_500_000, clock=clock)


def save(cache, clock, key, megabytes=1, then="true"):
    with cache.open() as box:
        result = box.run(f"head -c {megabytes * MB} /dev/urandom > /opt/env/heap && {then}")
        assert result.passed, result.text()
        box.save(key)
    clock.let_snapshots_age()


def names(cache):
    return {entry.key for entry in cache.entries()}


def test_a_snapshot_is_measured_before_it_is_saved(cache, clock):
    save(cache, clock, "one", 2)
    (entry,) = cache.entries()
    assert 2 * MB <= entry.size < 2.2 * MB


def test_no_other_user_can_list_the_snapshots(cache, clock):
    save(cache, clock, "one")
    assert cache._folder.stat().st_mode & 0o077 == 0


def test_the_least_recently_used_is_deleted_first(cache, clock):
    save(cache, clock, "first")
    save(cache, clock, "second")
    with cache.open(origin=Snapshot("first")):
        clock.let_snapshots_age()
    clock.let_snapshots_age()
    save(cache, clock, "third", 2)
    assert names(cache) == {"first", "third"}
    assert cache.find_snapshot("second") is None
    with pytest.raises(SandboxError), cache.open(origin=Snapshot("second")):
        pass


def test_a_layer_counts_without_what_is_below_it_which_stays_while_a_box_uses_the_layer(cache, clock):
    save(cache, clock, "below", 2)
    with cache.open(origin=Snapshot("below")) as box:
        box.run(f"head -c {MB} /dev/urandom > heap")
        layer = replace(box.save("layer"), over=Snapshot("below"))
    with cache.open(origin=layer) as box:
        box.run("touch x")
        top = replace(box.save("top"), over=layer)
    sizes = {entry.key: entry.size / MB for entry in cache.entries()}
    assert (2 <= sizes["below"] < 2.2, 1 <= sizes["layer"] < 1.2, sizes["top"] < 0.1) == (True, True, True)
    with cache.open(origin=top):
        clock.let_snapshots_age()
        save(cache, clock, "other", 3)
        assert names(cache) == {"below", "layer", "top", "other"}


def test_a_snapshot_that_a_box_uses_is_not_deleted(cache, clock):
    save(cache, clock, "in-use", 2)
    with cache.open(origin=Snapshot("in-use")) as box:
        clock.let_snapshots_age()
        save(cache, clock, "next", 2)
        assert box.run("test -s /opt/env/heap").passed
        assert names(cache) == {"in-use", "next"}
    clock.let_snapshots_age()
    save(cache, clock, "last", 3)
    assert names(cache) == {"last"}


def test_a_snapshot_that_was_just_used_is_not_deleted(cache, clock):
    save(cache, clock, "one", 2)
    assert cache.find_snapshot("one")
    save(cache, clock, "two", 2)
    assert cache.find_snapshot("one")


def test_a_snapshot_over_the_limit_does_not_displace_others(cache, clock):
    save(cache, clock, "ours")
    save(cache, clock, "flood", 4)
    save(cache, clock, "next")
    assert names(cache) == {"ours", "next"}


def test_a_link_to_something_large_counts_as_a_link(cache, clock):
    save(cache, clock, "links", 0, "ln -s /usr /opt/env/usr && ln -s / /workspace/all")
    assert cache.entries()[0].size < MB


def test_a_fake_du_in_the_repository_is_not_run(cache, clock):
    fake = "printf '#!/bin/sh\\necho 0 /' > /workspace/du && chmod +x /workspace/du && cp /workspace/du /opt/env/"
    save(cache, clock, "liar", 2, fake)
    assert cache.entries()[0].size > MB


def test_a_snapshot_that_the_backend_deleted_does_not_count(cache, clock):
    save(cache, clock, "gone", 2)
    cache._sandbox.delete_snapshots(["gone"])
    save(cache, clock, "here", 2)
    assert names(cache) == {"here"}


def test_no_limit_keeps_everything(cache, clock):
    cache = SnapshotCache(cache._sandbox, cache._folder, 0, clock=clock)
    for name in ("a", "b", "c", "d"):
        save(cache, clock, name)
    assert names(cache) == set("abcd")


def test_a_process_that_died_does_not_keep_a_snapshot(cache, clock):
    save(cache, clock, "in-use", 2)
    child = os.fork()
    if not child:
        with cache.open(origin=Snapshot("in-use")):
            os._exit(0)  # dies with the box open
    os.waitpid(child, 0)
    clock.let_snapshots_age()
    save(cache, clock, "next", 2)
    assert names(cache) == {"next"}


def test_a_key_is_never_a_path(cache):
    with pytest.raises(SandboxError):
        cache.find_snapshot("../locks")
