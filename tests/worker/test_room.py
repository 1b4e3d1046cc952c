"""Free disk and memory of a worker."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from dayhand.errors import CheckoutError, DiskFull, HubUnavailable
from dayhand.worker.room import find_disk_shortage, find_shortage, full_disk_as_error, is_disk_full


def test_enough_is_no_shortage_and_too_little_is_named(tmp_path: Path) -> None:
    assert find_shortage(tmp_path, 0) == ""
    assert find_disk_shortage(tmp_path, 10**9).endswith(f"MB of disk are free in {tmp_path}.")
    assert "MB of disk are free" in find_shortage(tmp_path, 10**9)


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
    with pytest.raises(DiskFull), full_disk_as_error():
        raise error
    with pytest.raises(DiskFull), full_disk_as_error():
        raise CheckoutError("The mirror cannot be written.") from error


def test_errors_that_name_each_other_as_their_cause_come_to_an_end() -> None:
    one, other = CheckoutError("one"), CheckoutError("other")
    one.__cause__, other.__cause__ = other, one
    assert not is_disk_full(one)


SERVER = HubUnavailable(
    "git push failed: remote: fatal: write error: No space left on device · error: failed"
)


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "x"), CheckoutError("No access."), SERVER])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error)), full_disk_as_error():
        raise error
