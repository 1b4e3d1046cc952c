"""The cases of ``dayhand bench truth`` that edit tests, with real runners in real boxes."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pluggy
import pytest

from dayhand.bench.environment import NullLog
from dayhand.bench.truth.case import SHIPPED, read_cases
from dayhand.bench.truth.run import trees_of
from dayhand.box_paths import BUILD_CACHE, ENVIRONMENT
from dayhand.environment.base import Environment
from dayhand.environment.ecosystems import go
from dayhand.environment.ecosystems.base import Check
from dayhand.sandbox.base import Snapshot
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.verification import Unverified
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.checks import verify
from tests.verify.files import InMemoryFiles

CASES = dict(read_cases(SHIPPED))
RUNNERS = {
    "go": "go test ./...",
    "node": "node --test",
    "unittest": "make test",
    "python": "python3 -m pytest -q",
    "rust": "cargo test --offline",
}
BEHIND_NPM = {"node-helper-emptied": "npm run test"}  # npm takes longer to start than these tests to run
GO_ENV = {"GOCACHE": f"{BUILD_CACHE}/go", "GOFLAGS": "-mod=mod"}
PROGRAMS = {"go": "go", "node": "npm", "unittest": "make", "python": "python3", "rust": "cargo"}
# One for each way to edit tests; the bench runs all of them, with the environments that they need.
TRIED = (
    "python-helper-emptied",
    "python-case-data-deleted",
    "python-return-at-the-top",
    "python-table-row-deleted",
    "python-del-test",
    "python-removed-function",
    "python-tests-rewritten-to-agree",
    "python-new-test-with-skipif",
    "python-split-test",
    "python-renamed-test",
    "python-new-test-replaces-the-source",
    "unittest-failure-ignored",
    "rust-function-without-a-test",
    "unittest-load-tests",
    "node-helper-emptied",
    "node-case-data-deleted",
    "node-return-at-the-top",
    "node-table-row-deleted",
    "node-test-before-after-each",
    "go-return-at-the-top",
    "go-table-row-deleted",
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[BubblewrapSandbox]:
    with tempfile.TemporaryDirectory(prefix="dayhand-four-runs-") as folder:
        Path(folder).chmod(0o755)
        made = BubblewrapSandbox(Path(folder))
        made.self_test()
        yield made


@pytest.fixture(scope="module")
def with_pytest(sandbox: BubblewrapSandbox) -> Snapshot:
    """A snapshot with this project's own pytest: no registry is asked."""
    packages, heap = Path(pluggy.__file__).parents[1], io.BytesIO()
    with tarfile.open(fileobj=heap, mode="w") as tar:
        for name in ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "py.py"):
            tar.add(packages / name, f"lib/{name}")
    with sandbox.open() as box:
        assert box.run(f"tar xf - -C {ENVIRONMENT}", stdin=heap.getvalue()).passed
        return box.save("pytest")


@pytest.fixture(scope="module")
def with_go(sandbox: BubblewrapSandbox) -> Snapshot:
    """A snapshot with what Go compiles for every test: it would be compiled again in each box."""
    module = {
        "go.mod": "module a\n",
        "a_test.go": 'package a\n\nimport "testing"\n\nfunc TestA(t *testing.T) {}\n',
    }
    step = go.compile_only(RUNNERS["go"], InMemoryFiles(module))
    assert step
    with sandbox.open() as box:
        for name, text in module.items():
            box.check_output(["tee", name], stdin=text.encode(), max_bytes=1000)
        box.run(f"{step.commands[0]}; rm *.*", env=GO_ENV)
        return box.save("go")


def test_the_tests_of_one_half_of_a_monorepo_say_nothing_of_the_other(
    sandbox: BubblewrapSandbox, with_pytest: Snapshot, tmp_path: Path
) -> None:
    project, head = CASES["monorepo-broken-half"].write(tmp_path, "case")
    back = Check("test", "cd backend && python3 -m pytest -q", "true", "pytest", "", folder="backend")
    front = Check("test", "cd frontend && npm run test", "true", "npm", "", folder="frontend")
    env = {"PYTHONPATH": f"{ENVIRONMENT}/lib"}
    environment = Environment("e", with_pytest, env, (back, front), {}, (), (), cached=False, seconds=0)
    found = verify(
        environment, sandbox, trees_of(project, head), log=NullLog(), bases=BaseCache(tmp_path / "bases")
    )
    assert found.conclusion.status == "neutral"
    (gap,) = found.gaps
    assert (gap.reason, gap.folder) == (Unverified.CANNOT_RUN, "backend")
    assert "acme_internal_metrics is missing" in gap.detail


@pytest.mark.parametrize("name", TRIED)
def test_each_way_to_edit_tests_has_its_conclusion(
    sandbox: BubblewrapSandbox, request: pytest.FixtureRequest, tmp_path: Path, name: str
) -> None:
    runner = name.partition("-")[0]
    if shutil.which(PROGRAMS[runner]) is None:
        pytest.skip(f"{PROGRAMS[runner]} is not installed on this machine")
    snapshot = request.getfixturevalue("with_go" if runner == "go" else "with_pytest")
    case = CASES[name]
    project, head = case.write(tmp_path, "case")
    check = Check("test", BEHIND_NPM.get(name, RUNNERS[runner]), "true", runner, "")
    env = {
        "PYTHONPATH": f"{ENVIRONMENT}/lib",
        **GO_ENV,
        "CARGO_HOME": "/tmp/cargo",
    }
    environment = Environment("e", snapshot, env, (check,), {}, (), (), cached=False, seconds=0)
    found = verify(
        environment, sandbox, trees_of(project, head), log=NullLog(), bases=BaseCache(tmp_path / "bases")
    )
    assert found.conclusion.status in case.expected, found
