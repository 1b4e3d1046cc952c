"""Makes unittest's runner, and Django's with it, write a report. Loaded by ``sitecustomize`` once a program needs it."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "reports"
RUNS = "DAYHAND_UNITTEST"  # set while a run is recorded: what it starts is a part of it
STATES = {
    "addSuccess": "passed",
    "addError": "failed",
    "addFailure": "failed",
    "addUnexpectedSuccess": "failed",
    "addSkip": "skipped",
    "addExpectedFailure": "skipped",
}


def name_of(test: Any) -> str:
    """The same in every run: ``module.Class.test``, with the values of a subtest; what failed to load by its name."""
    name = str(test.id())
    # A subtest without a message comes from another process (Django's parallel runner) with another mark for that.
    before, mark, after = name.partition(" [<object object at 0x")
    name = before + after.partition(">]")[2] if mark else name
    return name.rpartition("unittest.loader._FailedTest.")[2]


def describe(error: Any) -> str:
    """The traceback; Django's parallel runner hands on a text."""
    from traceback import format_exception

    return "".join(format_exception(*error)) if isinstance(error, tuple) else str(error)


def recorded(result: Any, tests: list[dict[str, str]]) -> Any:
    """Make a result note every test."""

    def wrap(method: str, state: str) -> None:
        original = getattr(result, method)

        def add(test: Any, *details: Any) -> Any:
            detail = describe(details[0]) if state == "failed" and details else ""
            tests.append({"name": name_of(test), "state": state, "detail": detail})
            return original(test, *details)

        setattr(result, method, add)

    for method, state in STATES.items():
        wrap(method, state)
    add_sub_test = result.addSubTest

    def add(test: Any, subtest: Any, error: Any) -> Any:
        if error is not None:
            detail = describe(error)
            tests.append({"name": name_of(subtest), "state": "failed", "detail": detail})
        return add_sub_test(test, subtest, error)

    result.addSubTest = add
    return result


def patch(runner: Any) -> None:
    """Make ``TextTestRunner.run`` write a report when it ends."""
    original = runner.TextTestRunner.run

    def run(self: Any, test: Any) -> Any:
        if RUNS in os.environ or not FOLDER.is_dir():
            return original(self, test)
        os.environ[RUNS] = "1"
        tests: list[dict[str, str]] = []
        make = self._makeResult
        self._makeResult = lambda: recorded(make(), tests)
        try:
            result = original(self, test)
        finally:
            del os.environ[RUNS]
        (FOLDER / f"unittest-{os.getpid()}-{id(tests)}.json").write_text(json.dumps({"dayhand": tests}))
        return result

    runner.TextTestRunner.run = run


def patched_spec() -> Any:
    """The usual spec of ``unittest.runner``, with a loader that patches it."""
    spec: Any = find_spec("unittest.runner")
    load = spec.loader.exec_module

    def exec_module(module: Any) -> None:
        load(module)
        patch(module)

    spec.loader.exec_module = exec_module
    return spec
