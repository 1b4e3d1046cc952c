"""A lock that somebody removed the file of is worth nothing, and nobody gets one."""

from __future__ import annotations

import threading

from dayhand.sandbox.file_lock import FileLock
from tests.waiting import PATIENCE


def test_one_holder_excludes_all_others(tmp_path):
    one, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.acquire()
    assert not other.acquire()
    assert not other.acquire(shared=True)
    one.release()
    assert other.acquire()
    other.release()


def test_a_file_that_was_removed_after_it_was_opened_cannot_be_locked(tmp_path):
    """Its holder removed it: who opens the path now gets another file, and both would believe to be alone."""
    owner, late = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert owner.acquire()
    owner.remove()
    assert not late.acquire()
    assert not late.acquire(shared=True)
    late.release()
    assert not (tmp_path / "lock").exists()


def test_waiting_for_a_file_that_is_removed_meanwhile_takes_the_lock_of_the_new_file(tmp_path):
    owner, late = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert owner.acquire()
    thread = threading.Thread(target=late.wait)
    thread.start()
    owner.remove()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    other = FileLock(tmp_path / "lock")
    assert not other.acquire()
    late.release()
    other.release()
