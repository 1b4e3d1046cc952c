"""A sweep beside boxes that are being opened, used, saved and closed: each interleaving is made, not hoped for.

The steps of a sweep are functions of their own: ``find_boxes`` looks, ``remove_if_abandoned`` acts.
"""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest

from dayhand.sandbox.base import Snapshot
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.file_lock import FileLock
from dayhand.sandbox.limits import ControlGroup, find_groups
from tests.waiting import PATIENCE, becomes_true, open_descriptors


@pytest.fixture
def home():
    with tempfile.TemporaryDirectory(prefix="dayhand-sweep-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def sandbox(home):
    return BubblewrapSandbox(home)


@pytest.fixture
def other_worker(home):
    """Another worker's view of the same folders."""
    return BubblewrapSandbox(home)


def remove(worker: BubblewrapSandbox, *boxes) -> None:
    """The second step of a sweep, which also tries to remove boxes that it could not have seen."""
    for name in {*worker.find_boxes(), *(box.folder.name for box in boxes)}:
        worker.remove_if_abandoned(name)


def test_a_box_that_is_opened_between_the_two_steps_of_a_sweep_lives_and_works(sandbox, other_worker):
    with sandbox.open() as earlier:
        found = other_worker.find_boxes()
        with sandbox.open() as later:
            for name in found:
                other_worker.remove_if_abandoned(name)
            remove(other_worker, earlier, later)
            other_worker.sweep()

            for box in (earlier, later):
                assert box.run("echo alive").text() == "alive\n"
            assert {earlier.folder.name, later.folder.name} <= other_worker.find_boxes()


def test_a_sweep_during_a_command_does_not_end_it(sandbox, other_worker):
    with sandbox.open() as box:
        result = box.run("echo begun; sleep 0.2; echo done", on_output=lambda _: remove(other_worker, box))

        assert result.text() == "begun\ndone\n"
        assert result.passed


def test_what_a_sweep_found_and_was_closed_meanwhile_stays_closed(sandbox, other_worker):
    with sandbox.open() as box:
        found = other_worker.find_boxes()
        assert box.folder.name in found
    for name in found:
        other_worker.remove_if_abandoned(name)
    assert other_worker.find_boxes() == frozenset()


def test_a_snapshot_that_is_saved_between_the_two_steps_of_a_sweep_stays(sandbox, other_worker):
    with sandbox.open() as box:
        found = other_worker.find_boxes()
        box.run("echo kept > w")
        snapshot = box.save("kept")
        for name in found:
            other_worker.remove_if_abandoned(name)
        remove(other_worker, box)
    remove(other_worker)
    with sandbox.open(origin=snapshot) as box:
        assert box.run("cat w").text() == "kept\n"


def test_a_snapshot_that_is_opened_between_the_two_steps_of_its_removal_is_kept_for_its_box(
    sandbox, other_worker
):
    with sandbox.open() as box:
        box.run("echo kept > w")
        snapshot = box.save("kept")
    (name,) = other_worker.find_boxes()
    with sandbox.open(origin=snapshot) as box:
        sandbox.delete_snapshots(["kept"])
        other_worker.remove_if_abandoned(name)
        assert box.run("cat w").text() == "kept\n"
    other_worker.remove_if_abandoned(name)
    assert other_worker.find_boxes() == frozenset()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives boxes users of their own")
def test_a_box_waits_while_another_worker_looks_whether_its_user_is_free(sandbox, home):
    with sandbox.open() as box:
        uid = box.uid
        box.save("kept")
    slot = home / "sandbox" / "slots" / str(uid)
    other, opened = FileLock(slot), []
    assert other.acquire()

    def work() -> None:
        with sandbox.open(origin=Snapshot("kept")) as box:
            opened.append(box.run("true").passed)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert becomes_true(lambda: open_descriptors(slot) == 2), "the box's opener has come to the lock"
    other.release()
    thread.join(PATIENCE)
    assert opened == [True]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make control groups here")
def test_the_groups_of_another_data_folder_with_the_same_path_are_not_ours(sandbox, home):
    """In two containers, two folders may have the same path, and the locks of one cannot be seen in the other."""
    with sandbox.open() as box:
        (home / "sandbox").rename(home / "of another container")
        sandbox.sweep()
        (home / "sandbox").rename(home / "ours")
        (home / "of another container").rename(home / "sandbox")
        assert box.run("echo alive").text() == "alive\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make control groups here")
def test_a_group_that_cannot_be_limited_leaves_nothing(sandbox):
    name = f"{sandbox.name}-test-{os.getpid()}"
    too_small = sandbox._capacity.__class__(memory=-2)
    assert ControlGroup.create(name, too_small) is None
    assert find_groups(name) == frozenset()
