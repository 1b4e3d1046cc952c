"""Free disk and memory of a worker."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from dayhand.errors import CheckoutError, DataDeleted, DiskFull, HubUnavailable, TaskStopped
from dayhand.worker.room import (
    disk_faults_as_errors,
    find_disk_shortage,
    find_shortage,
    is_disk_full,
    watched_data,
)


def test_enough_is_no_shortage_and_too_little_is_named(tmp_path: Path) -> None:
    assert find_shortage(tmp_path, 0) == ""
    assert find_disk_shortage(tmp_path, 10**9).endswith(f"MB of disk are free in {tmp_path}.")
    assert "MB of disk are free" in find_shortage(tmp_path, 10**9)
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9999999 kB\nMemAvailable: 5120 kB\n")
    assert find_shortage(tmp_path, 6, meminfo) == "Only 5 MB of memory are available."
    assert find_shortage(tmp_path, 5, meminfo) == ""


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "x"),
        OSError(errno.EDQUOT, "x"),
        CheckoutError("error: file write error: No space left on device"),
        CheckoutError("git gc failed: fatal: Disk quota exceeded"),
    ],
)
def test_whatever_fails_because_of_a_full_disk_is_one_error(error: Exception) -> None:
    with pytest.raises(DiskFull), disk_faults_as_errors(bool):
        raise error
    with pytest.raises(DiskFull), disk_faults_as_errors(bool):
        raise CheckoutError("The mirror cannot be written.") from error


@pytest.mark.parametrize("deleted", ["", "mirrors"])
@pytest.mark.parametrize("anew", [False, True])
def test_files_that_somebody_deleted_are_told_from_a_fault_of_ours(
    tmp_path: Path, deleted: str, *, anew: bool
) -> None:
    data = tmp_path / "data"
    (data / "mirrors").mkdir(parents=True)
    missing = FileNotFoundError(errno.ENOENT, "x")
    with watched_data(data, 0) as check:
        with pytest.raises(FileNotFoundError), disk_faults_as_errors(check):
            raise missing
        shutil.rmtree(data / deleted)
        if anew:
            (data / deleted).mkdir()
        with pytest.raises(DataDeleted, match=f"Somebody deleted {data / deleted} on the worker"):
            check()
        for error in (missing, CheckoutError("fatal: not a git repository")):
            with pytest.raises(DataDeleted), disk_faults_as_errors(check):
                raise error
        with pytest.raises(TaskStopped), disk_faults_as_errors(check):
            raise TaskStopped("Ann stopped it.")
    assert find_shortage(data, 0) == "", "it is made anew for the next task"


def test_errors_that_name_each_other_as_their_cause_come_to_an_end() -> None:
    one, other = CheckoutError("one"), CheckoutError("other")
    one.__cause__, other.__cause__ = other, one
    assert not is_disk_full(one)


SERVER = HubUnavailable(
    "git push failed: remote: fatal: write error: No space left on device · error: failed"
)


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "x"), CheckoutError("No access."), SERVER])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error)), disk_faults_as_errors(bool):
        raise error
