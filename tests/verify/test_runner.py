"""Which commands must write a report, and how test runners are made to write one, in real boxes."""

from __future__ import annotations

import contextlib
import io
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dayhand.environment.base import Environment
from dayhand.environment.ecosystems.base import Check
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box, Reason, Result
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.verification import Counts
from dayhand.verify.runner import PYTEST, CheckResult, Runner


@pytest.mark.parametrize(
    "command",
    [
        "pytest",
        "pytest -q tests",
        "python3 -m pytest -q",
        ".venv/bin/pytest",
        "uv run pytest",
        "poetry run python -m pytest",
        "CI=1 py.test",
        "cd backend && CURRENCY=EUR coverage run -m pytest --strict-markers",
    ],
)
def test_a_command_that_starts_pytest_must_report(command: str) -> None:
    assert PYTEST.match(command)


@pytest.mark.parametrize("command", ["make test", "docker run x pytest", "tox", "npm test", "pytest-docs"])
def test_a_command_that_may_start_it_elsewhere_need_not(command: str) -> None:
    assert not PYTEST.match(command)


class Notes:
    def line(self, kind: str, text: str) -> int:
        return 1


@pytest.fixture(scope="module")
def sandbox() -> Iterator[BubblewrapSandbox]:
    with tempfile.TemporaryDirectory(prefix="dayhand-running-") as folder:
        Path(folder).chmod(0o755)
        made = BubblewrapSandbox(Path(folder))
        made.self_test()
        yield made


def run(
    sandbox: BubblewrapSandbox | LateReader, files: Mapping[str, str], command: str, *, ecosystem: str = ""
) -> CheckResult:
    """Run one test command on these files, in a real box."""
    heap = io.BytesIO()
    with tarfile.open(fileobj=heap, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o755
            tar.addfile(entry, io.BytesIO(text.encode()))

    def fill(box: Box) -> None:
        assert box.run("tar xf - && git init -q", stdin=heap.getvalue()).passed

    check = Check("test", command, "true", "x", "x")
    environment = Environment(
        "e",
        None,
        {},
        (check,),
        {},
        (),
        (),
        cached=False,
        seconds=0,
        ecosystems=(ecosystem,) if ecosystem else (),
    )
    return Runner(environment, sandbox, Notes()).run(check, fill)


class LateReader:
    """A real sandbox whose next commands with this word in them lose the end of their output."""

    def __init__(self, sandbox: BubblewrapSandbox, word: str, times: int) -> None:
        self.sandbox, self.word, self.times = sandbox, word, times

    @contextlib.contextmanager
    def open(self, **options: Any) -> Iterator[LateBox]:
        with self.sandbox.open(**options) as box:
            yield LateBox(self, box)


class LateBox:
    def __init__(self, reader: LateReader, box: Box) -> None:
        self.reader, self.box = reader, box
        self.check_output = box.check_output

    def run(self, command: Any, **options: Any) -> Result:
        result = self.box.run(command, **options)
        if self.reader.word not in str(command) or not self.reader.times:
            return result
        self.reader.times -= 1
        return replace(result, head=result.head[:3], size=3, reason=Reason.TRUNCATED)


def test_a_check_whose_output_was_lost_runs_again(sandbox: BubblewrapSandbox) -> None:
    result = run(LateReader(sandbox, "two", times=1), {"a": ""}, "echo one; echo two")

    assert (result.run.passed, result.run.output) == (True, "one\ntwo\n")


def test_nothing_is_concluded_from_output_that_was_lost_twice(sandbox: BubblewrapSandbox) -> None:
    with pytest.raises(SandboxError, match="lost twice"):
        run(LateReader(sandbox, "two", times=2), {"a": ""}, "echo one; echo two")


NODE_TESTS = {
    "a.test.js": (
        "const {test, describe, it} = require('node:test');\nconst assert = require('node:assert');\n"
        "test('adds', () => assert.equal(1, 1));\n"
        "describe('box', () => { it('closes', () => assert.equal(1, 2)); it.skip('later', () => {}); });\n"
    ),
    "package.json": '{"scripts": {"test": "node --test"}}',
}
needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed on this machine")
needs_rspec = pytest.mark.skipif(
    shutil.which("rspec") is None, reason="rspec is not installed on this machine"
)


@needs_node
@pytest.mark.parametrize("command", ["node --test", "npm test", "node a.test.js"])
def test_node_reports_every_test_and_prints_its_usual_output(
    sandbox: BubblewrapSandbox, command: str
) -> None:
    result = run(sandbox, NODE_TESTS, command)
    assert result.results
    assert result.results.counts == Counts(passed=1, failed=1, skipped=1)
    assert result.failing == {"a.test.js > box > closes"}
    assert "✖ closes" in result.run.output


@needs_node
def test_a_node_that_has_another_report_to_write_runs_as_it_is(sandbox: BubblewrapSandbox) -> None:
    result = run(sandbox, NODE_TESTS, "node --test --test-reporter=tap")
    assert result.results
    assert not result.results.reported
    assert result.failing == {"box > closes"}
    assert result.run.code == 1


@needs_node
def test_a_program_that_tests_nothing_has_no_report(sandbox: BubblewrapSandbox) -> None:
    result = run(sandbox, {"a.js": "console.log('12 passed')"}, "node a.js")
    assert (result.run.passed, result.results) == (True, None)


@needs_rspec
def test_rspec_reports_every_example(sandbox: BubblewrapSandbox) -> None:
    spec = (
        "describe 'shop' do\n  it('adds') { expect(1).to eq 1 }\n  it('subs') { expect(1).to eq 2 }\n"
        "  it('later') { skip 'x' }\nend\n"
    )
    result = run(sandbox, {"spec/a_spec.rb": f"RSpec.{spec}", ".rspec": "--format documentation\n"}, "rspec")
    assert result.results
    assert result.results.counts == Counts(passed=1, failed=1, skipped=1)
    assert result.failing == {"./spec/a_spec.rb::shop subs"}


def test_new_reports_of_maven_are_read_and_older_ones_are_not(sandbox: BubblewrapSandbox) -> None:
    report = '<testsuite name="{0}"><testcase name="adds" classname="{0}"/></testsuite>'
    maven = (
        "#!/bin/sh\nmkdir -p 'web app/target/surefire-reports' target/surefire-reports\n"
        f"echo '{report.format('Shop')}' > target/surefire-reports/TEST-Shop.xml\n"
        f"echo '{report.format('Web')}' > 'web app/target/surefire-reports/TEST-Web.xml'\n"
    )
    old = {"target/surefire-reports/TEST-Old.xml": report.format("Old")}
    result = run(sandbox, {"mvn": maven, **old}, "./mvn", ecosystem="Maven")
    assert result.results
    assert result.results.passing == {"Shop::adds", "Web::adds"}
    assert run(sandbox, {"mvn": maven, **old}, "./mvn").results is None, (
        "only the reports of Java builds are read from the tree"
    )
