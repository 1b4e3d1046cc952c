"""The user and the groups of a started program, and that the worker's own do not change."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from dayhand.sandbox.bubblewrap.spawn_thread import THREAD_NAME, SpawnThread
from dayhand.sandbox.limits import Capacity, ControlGroup, _try_remove
from tests.waiting import PATIENCE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start programs as another user")
OTHER_UID = 234_567
SHOW_STATUS = ["sh", "-c", "cat /proc/self/status /proc/self/cgroup; exec 0</etc/shadow"]


def run(words: list[str], thread_files=()) -> tuple[str, int]:
    spawner = SpawnThread(
        lambda: subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL),
        OTHER_UID,
        thread_files,
    )
    with spawner.program() as program:
        assert program.stdout
        output = program.stdout.read().decode()
    spawner.end()
    return output, program.returncode


def lines(status: str) -> dict[str, str]:
    return {
        name: " ".join(rest.split())
        for name, _, rest in (line.partition(":") for line in status.splitlines())
    }


def test_a_program_runs_as_another_user_without_capabilities():
    output, code = run(SHOW_STATUS)

    found = lines(output)
    assert found["Uid"] == found["Gid"] == " ".join([str(OTHER_UID)] * 4), (
        "also the saved and the file system ids"
    )
    assert (found["Groups"], found["CapPrm"], found["CapEff"]) == ("", "0" * 16, "0" * 16)
    assert code != 0, "it cannot read root's file"


def test_the_workers_user_does_not_change_in_any_thread():
    before = lines(Path("/proc/self/status").read_text())
    run(SHOW_STATUS)

    others: list[dict[str, str]] = []
    other = threading.Thread(
        target=lambda: others.append(lines(Path("/proc/thread-self/status").read_text()))
    )
    other.start()
    other.join()
    for now in (lines(Path("/proc/self/status").read_text()), others[0]):
        for name in ("Uid", "Gid", "Groups", "CapPrm", "CapEff"):
            assert now[name] == before[name]


@pytest.fixture
def group():
    group = ControlGroup.create(f"dayhand-test-spawn-{os.getpid()}", Capacity())
    if group is None or not group.thread_files:
        pytest.skip("no control groups of version 1 can be created here")
    yield group
    group.remove()


def test_a_program_starts_in_its_control_groups_and_the_worker_stays_outside(group):
    before = Path("/proc/self/cgroup").read_text()

    output, _ = run(SHOW_STATUS, group.thread_files)

    name = group.thread_files[0][0].parent.name
    assert {line.split(":")[1] for line in output.splitlines() if line.endswith(name)} == {"memory", "pids"}
    assert Path("/proc/self/cgroup").read_text() == before
    assert all(file.read_text() == "" for file, _ in group.thread_files)


def test_a_program_that_cannot_be_started_is_an_error_and_leaves_its_groups_empty(group):
    with pytest.raises(FileNotFoundError):
        run(["/no/such/program"], group.thread_files)

    assert all(file.read_text() == "" for file, _ in group.thread_files)
    for each in threading.enumerate():
        if each.name == THREAD_NAME:
            each.join(PATIENCE)
    assert THREAD_NAME not in {each.name for each in threading.enumerate()}


def test_a_group_that_is_gone_is_an_error_and_nothing_is_started(group):
    started: list[None] = []
    thread_files = ((group.thread_files[0][0].parent / "none" / "tasks", group.thread_files[0][1]),)

    with pytest.raises(FileNotFoundError):
        SpawnThread(lambda: started.append(None), OTHER_UID, thread_files).program()

    assert started == []


def test_processes_left_in_a_group_are_killed_but_never_the_worker(group):
    """A thread of ours is in it, and the kernel lists the whole process."""
    over = threading.Event()
    inside = threading.Event()

    def stay_in_group() -> None:
        for file, _ in group.thread_files:
            file.write_text("0")
        inside.set()
        over.wait()
        for _, parent in group.thread_files:
            parent.write_text("0")

    thread = threading.Thread(target=stay_in_group)
    thread.start()
    assert inside.wait(PATIENCE)
    assert not _try_remove(group.thread_files[0][0].parent), "it is busy"
    over.set()
    thread.join(PATIENCE)
    group.remove()

    assert not group.thread_files[0][0].exists()
