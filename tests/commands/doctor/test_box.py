"""The doctor tries to leave a box: a real one holds, and one that is none is found out, from inside and from outside."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dayhand.commands.doctor.box import judge, try_box
from dayhand.commands.doctor.codes import FaultCode
from dayhand.localhub.server import LocalHub
from dayhand.sandbox.base import Reason, Result
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.settings.table import Settings


class NoBox:
    """A “box” that runs its commands on this machine, or nothing at all."""

    name = "none"
    toolchains = ()

    def __init__(self, *first: str) -> None:
        self.first = first

    @contextmanager
    def open(self) -> Iterator[NoBox]:
        yield self

    def run(self, command: Sequence[str], **_: Any) -> Result:
        done = subprocess.run([*self.first, *command], capture_output=True, timeout=60, check=False)
        return Result(done.returncode, done.stdout, b"", len(done.stdout), Reason.EXIT, 0.0)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with LocalHub(tmp_path / "hub") as hub, tempfile.TemporaryDirectory(prefix="dayhand-box-") as data:
        Path(data).chmod(0o755)
        yield Settings(data=Path(data), api_url=hub.api_url)


def test_a_real_box_holds(settings: Settings) -> None:
    found = list(try_box(BubblewrapSandbox(settings.data), settings))
    assert [each.fault for each in found if each.fault] == []
    assert "python3" in found[-1].observed
    assert "doctor-bait" not in {thread.name for thread in threading.enumerate()}, "nothing listens any more"


def test_what_is_no_box_is_found_out(settings: Settings) -> None:
    found = list(try_box(NoBox(), settings))  # type: ignore[arg-type]
    assert [each.fault for each in found if each.fault] == [FaultCode.BOX_ESCAPED, FaultCode.BOX_ONLINE]
    escaped, online = found[:2]
    for way in ("it read ", "a process of this machine", "it wrote to a file"):
        assert way in escaped.observed
    assert "127.0.0.1:" in online.observed
    assert "the socket dayhand-doctor-" in online.observed


NOTHING: dict[str, list[str]] = {
    "read": [],
    "seen": [],
    "connected": [],
    "programs": ["python3", "git", "make", "cc"],
}


@pytest.mark.parametrize(
    ("found", "changed", "visitors", "expected"),
    [
        ({}, False, [], []),
        ({}, True, [], [FaultCode.BOX_ESCAPED]),  # a box that lies about it
        ({}, False, ["a port"], [FaultCode.BOX_ONLINE]),
        ({"seen": ["/proc/1/environ"]}, False, [], [FaultCode.BOX_ESCAPED]),
        ({"programs": ["python3", "git"]}, False, [], [FaultCode.NO_TOOLCHAIN]),
    ],
)
def test_what_is_seen_from_outside_counts_too(
    found: dict[str, list[str]], changed: bool, visitors: list[str], expected: list[FaultCode]
) -> None:
    result = list(judge(NOTHING | found, changed=changed, visitors=visitors))
    assert [each.fault for each in result if each.fault] == expected


@pytest.mark.parametrize("output", ["", "[]", '{"read": 1}', "[" * 100_000])
def test_a_box_that_gives_no_account_was_not_tried(settings: Settings, output: str) -> None:
    (found,) = try_box(NoBox("printf", "%.0s%.0s%.0s%.0s" + output), settings)  # type: ignore[arg-type]
    assert found.fault is FaultCode.NO_TOOLCHAIN
