"""Whose fault it is that a worker died, and whose workers died with their pool."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

from dayhand.sandbox.limits import GroupKills, own_oom_kills
from dayhand.worker import memory_kills
from dayhand.worker.memory_kills import count_memory_kills, note_memory_kills
from dayhand.worker.pool import crashed
from dayhand.worker.pool_file import find_dead_pools, pool_file

MOVED = {"work/memory.events.local": "oom_kill 1\n", "work/dayhand/memory.events.local": "oom_kill 2\n"}
EXITED_1 = 1 << 8  # wait(2)


@pytest.mark.parametrize(
    ("status", "memory_kills", "expected"),
    [
        (signal.SIGKILL, 0, False),  # somebody killed it
        (signal.SIGTERM, 0, False),
        (signal.SIGKILL, 1, True),  # the kernel did, because memory was used up
        (signal.SIGSEGV, 0, True),
        (signal.SIGABRT, 0, True),
        (EXITED_1, 0, True),
    ],
)
def test_a_process_that_somebody_killed_has_not_crashed(
    status: int, memory_kills: int, expected: bool
) -> None:
    assert crashed(status, memory_kills) is expected


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("4:memory:/work\n0::/\n", {"memory/work/memory.oom_control": "under_oom 0\noom_kill 3\n"}, 3),
        ("9:cpu,memory:/work\n", {"memory/work/memory.oom_control": "oom_kill 2\n"}, 2),
        ("4:memory:/of/the/host\n", {"memory/memory.oom_control": "oom_kill 2\n"}, 2),  # in a container
        ("0::/work\n", {"work/memory.events.local": "max 9\noom_kill 5\noom_group_kill 0\n"}, 5),
        ("0::/\n", {"memory.events.local": "oom_kill 1\n"}, 1),  # in a container
        ("0::/work/inner\n", {"work/memory.events.local": "oom_kill 4\n", "work/inner/cgroup.procs": ""}, 4),
        ("0::/work\n", MOVED, 3),  # as before we moved to a child, since boxes are children, too
        ("0::/work/dayhand\n", MOVED, 3),
        ("0::/work\n", {"work/memory.events": "oom_kill 7\n"}, None),  # with what its children had killed
        ("4:memory:/work\n", {"memory/cgroup.procs": ""}, None),
        ("4:cpu:/work\n", {}, None),
    ],
)
def test_the_kernel_counts_its_kills_by_control_group(
    tmp_path: Path, membership: str, files: dict[str, str], expected: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "membership").write_text(membership)
    counted = own_oom_kills(root=tmp_path, membership=tmp_path / "membership")
    assert (counted and counted.kills) == expected
    assert counted is None or counted.group == (tmp_path / next(iter(files))).parent.stat().st_ino


def set_kills(
    monkeypatch: pytest.MonkeyPatch, own: GroupKills | None, machine: int, boot: str = "boot"
) -> None:
    """Let the kernel have counted so many."""
    folder = Path(tempfile.mkdtemp())
    (folder / "boot_id").write_text(f"{boot}\n")
    (folder / "vmstat").write_text(f"pgfault 7\noom_kill {machine}\n")
    monkeypatch.setattr(memory_kills, "own_oom_kills", lambda: own)
    monkeypatch.setattr(memory_kills, "BOOT_ID", folder / "boot_id")
    monkeypatch.setattr(memory_kills, "VMSTAT", folder / "vmstat")


def test_where_no_group_counts_the_kernels_kills_the_machine_does(monkeypatch: pytest.MonkeyPatch) -> None:
    set_kills(monkeypatch, GroupKills(77, 2), 3)
    assert count_memory_kills() == 2
    set_kills(monkeypatch, None, 3)
    assert count_memory_kills() == 3
    monkeypatch.setattr(memory_kills, "VMSTAT", Path("/absent"))
    assert count_memory_kills() == 0


def test_the_workers_of_a_dead_pool_are_found_once_and_those_of_a_living_one_are_not(tmp_path: Path) -> None:
    assert list(find_dead_pools(tmp_path / "absent")) == []
    with pool_file(tmp_path) as living:
        living.add("worker-1")
        assert list(find_dead_pools(tmp_path)) == []
        dead = tmp_path / "dead"  # nobody holds its lock
        dead.write_text(f"{note_memory_kills()}\nworker-2\nworker-3\n")
        assert list(find_dead_pools(tmp_path)) == [("worker-2", False), ("worker-3", False)]
        assert list(find_dead_pools(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("own", "machine", "boot", "expected"),
    [
        (GroupKills(77, 2), 3, "boot", False),
        (GroupKills(77, 3), 4, "boot", True),
        (GroupKills(77, 2), 9, "boot", False),  # the kernel killed commands in boxes
        (GroupKills(88, 0), 3, "boot", False),
        (
            GroupKills(88, 0),
            4,
            "boot",
            True,
        ),  # the group of then is gone, perhaps with all that was killed in it
        (GroupKills(77, 3), 4, "another boot", False),  # the machine was restarted
        (None, 3, "boot", False),
        (None, 4, "boot", True),
    ],
)
def test_a_pool_that_died_when_memory_was_used_up_may_have_crashed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own: GroupKills | None,
    machine: int,
    boot: str,
    expected: bool,
) -> None:
    set_kills(monkeypatch, GroupKills(77, 2), 3)
    with pool_file(tmp_path) as pool:
        pool.add("worker-1")
        text = pool.path.read_text()
    (tmp_path / "dead").write_text(text)
    set_kills(monkeypatch, own, machine, boot)
    assert list(find_dead_pools(tmp_path)) == [("worker-1", expected)]


def test_a_pool_without_groups_that_died_when_memory_was_used_up_may_have_crashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for machine, expected in ((3, False), (4, True)):
        set_kills(monkeypatch, None, 3)
        (tmp_path / "dead").write_text(f"{note_memory_kills()}\nworker-1\n")
        set_kills(monkeypatch, None, machine)
        assert list(find_dead_pools(tmp_path)) == [("worker-1", expected)]


@pytest.mark.parametrize("head", ["", "boot 0"])  # it died before it could write; an older version's
def test_a_pool_that_noted_no_kills_has_not_crashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str
) -> None:
    set_kills(monkeypatch, None, 3)
    (tmp_path / "dead").write_text(f"{head}\nworker-1\n")
    assert list(find_dead_pools(tmp_path)) == [("worker-1", False)]


def test_a_worker_that_outlives_its_pool_keeps_it_alive(tmp_path: Path) -> None:
    read, write = os.pipe()
    with pool_file(tmp_path) as pool:
        pool.add("worker-1")
        worker = os.fork()
        if not worker:
            os.close(write)
            os.read(read, 1)  # until the test is over
            os._exit(0)
        pool.lock.release()  # as if the pool was killed
        assert list(find_dead_pools(tmp_path)) == []
        os.close(write)
        os.waitpid(worker, 0)
        assert list(find_dead_pools(tmp_path)) == [("worker-1", False)]
