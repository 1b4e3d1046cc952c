"""Who a started program is, and that whoever started it is still who they were."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from dayhand.sandbox.bubblewrap.spawn_thread import THREAD_NAME, SpawnThread
from dayhand.sandbox.limits import Capacity, ControlGroup, _try_remove

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
SOMEBODY = 234_567
ASK = ["sh", "-c", "cat /proc/self/status /proc/self/cgroup; exec 0</etc/shadow"]


def told(words: list[str], ways=()) -> tuple[str, int]:
    descent = SpawnThread(
        lambda: subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL), SOMEBODY, ways
    )
    with descent.program() as program:
        assert program.stdout
        said = program.stdout.read().decode()
    descent.end()
    return said, program.returncode


def lines(status: str) -> dict[str, str]:
    return {
        name: " ".join(rest.split())
        for name, _, rest in (line.partition(":") for line in status.splitlines())
    }


def test_a_program_is_somebody_else_for_good_and_has_no_powers():
    said, code = told(ASK)

    found = lines(said)
    assert found["Uid"] == found["Gid"] == " ".join([str(SOMEBODY)] * 4), "saved and file system's too"
    assert (found["Groups"], found["CapPrm"], found["CapEff"]) == ("", "0" * 16, "0" * 16)
    assert code != 0, "root's file stays shut"


def test_whoever_starts_it_stays_who_they_were_in_every_thread():
    before = lines(Path("/proc/self/status").read_text())
    told(ASK)

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
    made = ControlGroup.create(f"dayhand-test-descent-{os.getpid()}", Capacity())
    if made is None or not made.thread_files:
        pytest.skip("no control groups of version 1 that may be made here")
    yield made
    made.remove()


def test_a_program_is_born_in_its_control_groups_and_its_starter_is_not(group):
    before = Path("/proc/self/cgroup").read_text()

    said, _ = told(ASK, group.thread_files)

    name = group.thread_files[0][0].parent.name
    assert {line.split(":")[1] for line in said.splitlines() if line.endswith(name)} == {"memory", "pids"}
    assert Path("/proc/self/cgroup").read_text() == before
    assert all(into.read_text() == "" for into, _ in group.thread_files)


def test_a_program_that_cannot_be_started_is_told_and_nothing_is_left_in_its_groups(group):
    with pytest.raises(FileNotFoundError):
        told(["/no/such/program"], group.thread_files)

    assert all(into.read_text() == "" for into, _ in group.thread_files)
    for each in threading.enumerate():
        if each.name == THREAD_NAME:
            each.join(10)
    assert THREAD_NAME not in {each.name for each in threading.enumerate()}


def test_a_group_that_is_gone_is_told_and_nothing_is_started(group):
    started: list[None] = []
    ways = ((group.thread_files[0][0].parent / "none" / "tasks", group.thread_files[0][1]),)

    with pytest.raises(FileNotFoundError):
        SpawnThread(lambda: started.append(None), SOMEBODY, ways).program()

    assert started == []


def test_what_is_left_in_a_group_is_killed_but_never_the_worker_itself(group):
    """A thread of ours stands in it, and the kernel names its whole process."""
    over = threading.Event()
    inside = threading.Event()

    def stand() -> None:
        for into, _ in group.thread_files:
            into.write_text("0")
        inside.set()
        over.wait()
        for _, back in group.thread_files:
            back.write_text("0")

    thread = threading.Thread(target=stand)
    thread.start()
    assert inside.wait(10)
    assert not _try_remove(group.thread_files[0][0].parent), "it is busy"
    over.set()
    thread.join(10)
    group.remove()

    assert not group.thread_files[0][0].exists()
