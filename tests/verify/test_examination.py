"""The environment doctor, in real boxes."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dayhand.environment.base import Environment, Installed, Missing
from dayhand.environment.ecosystems.base import Check
from dayhand.sandbox.base import Box
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.verify.examination import describe_run, examine
from dayhand.verify.runner import CheckResult
from tests.verify.cannot_run.outputs import check_run, reported

COMMIT = "a" * 40


class Notes:
    """A log in memory."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def line(self, kind: str, text: str) -> int:
        self.lines.append((kind, text))
        return len(self.lines)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[BubblewrapSandbox]:
    with tempfile.TemporaryDirectory(prefix="dayhand-doctor-") as folder:
        Path(folder).chmod(0o755)
        made = BubblewrapSandbox(Path(folder))
        made.self_test()
        yield made


def fill(box: Box) -> None:
    heap = io.BytesIO()
    with tarfile.open(fileobj=heap, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("there"))
    assert box.run("tar xf - && git init -q", stdin=heap.getvalue()).passed


def environment(
    *commands: str, missing: dict[str, Missing] | None = None, steps: tuple[Installed, ...] = ()
) -> Environment:
    checks = tuple(Check("test", command, "true", command.split()[0], "Makefile") for command in commands)
    return Environment("env-1", None, {}, checks, missing or {}, steps, (), cached=False, seconds=1.0)


def test_each_check_is_run_once_on_the_commit(sandbox: BubblewrapSandbox) -> None:
    log = Notes()
    found = examine(environment("test -f there", "test -f gone"), sandbox, fill, log=log, commit=COMMIT)
    assert [one.run.passed for one in found.checks if one.run] == [True, False]
    assert [text for kind, text in log.lines if kind == "command"] == ["test -f there", "test -f gone"]
    assert found.ready, "a check that fails can run"
    assert found.commit == COMMIT


def test_a_missing_tool_is_named_and_its_check_not_run(sandbox: BubblewrapSandbox) -> None:
    log = Notes()
    lacking = {"mypy .": Missing("mypy", "mypy is in no registry.")}
    found = examine(environment("mypy .", missing=lacking), sandbox, fill, log=log, commit=COMMIT)
    (one,) = found.checks
    assert (one.run, one.missing) == (None, "mypy is in no registry.")
    assert not found.ready
    assert not [text for kind, text in log.lines if kind == "command"]


def test_a_program_that_only_the_run_shows_to_be_gone_is_named_too(sandbox: BubblewrapSandbox) -> None:
    (one,) = examine(environment("no-such-program"), sandbox, fill, log=Notes(), commit=COMMIT).checks
    assert one.run is None
    assert one.missing.startswith("no-such-program is not installed: ")


TEST = Check("test", "make test", "true", "make", "Makefile")
REFUSED = "redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused."


@pytest.mark.parametrize(
    ("result", "missing", "note"),
    [
        (reported(a=REFUSED), "Redis on localhost:6379 is missing", ""),
        (reported(0), "it passes, but no test ran.", ""),
        (check_run("Ran 0 tests in 0.000s\n\nOK", 0), "it passes, but no test ran.", ""),
        (
            reported(a=REFUSED, b=""),
            "",
            "1 of its 2 tests cannot run here. Redis on localhost:6379 is missing",
        ),
        (reported(a="AssertionError: assert 1 == 2"), "", ""),
        (reported(0, a=""), "", ""),
        (check_run("something else", 0), "", ""),
        (check_run("something else", 1), "", ""),
    ],
)
def test_a_check_that_runs_no_test_is_not_one_that_can_run(
    result: CheckResult, missing: str, note: str
) -> None:
    examined = describe_run(TEST, result)
    assert examined.can_run is not bool(missing)
    assert examined.missing.startswith(missing)
    assert examined.note.startswith(note)
    assert bool(examined.cure) is bool(missing)


def test_a_failed_step_says_what_the_installer_said(sandbox: BubblewrapSandbox) -> None:
    step = Installed(
        "install the project", "pip install x", passed=False, seconds=2.0, output="fine\nERROR: no x\n"
    )
    found = examine(environment("true", steps=(step,)), sandbox, fill, log=Notes(), commit=COMMIT)
    assert found.steps[0].reason == "ERROR: no x"
    assert not found.ready
