"""What in a change weakens the checks that judge it: found by parsing, listed for a person, never refused.

A change may rightly delete a test. But then a person says so, and not the one who was checked by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Protocol

from dayhand.task import Concern
from dayhand.verify import line_rules
from dayhand.verify.configuration import steering
from dayhand.verify.kinds import is_configuration, is_partly_configuration, is_test
from dayhand.verify.python_tests import OneTest, comments_in, tests_in

MOST = 50
SUPPRESSIBLE = (
    ".py",
    ".pyi",
    ".js",
    ".jsx",
    ".ts",
    ".tsx",
    ".mjs",
    ".cjs",
    ".go",
    ".rb",
    ".rs",
    ".java",
    ".kt",
)


class Files(Protocol):
    """The files of one commit; what is not there reads as ""."""

    def read(self, path: str) -> str: ...


def inspect(before: Files, after: Files, paths: tuple[str, ...]) -> tuple[Concern, ...]:
    """Everything in the changed ``paths`` that makes the checks say less than before, at most 50."""
    moved = _tests_of(after, paths)
    found: list[Concern] = []
    for path in paths:
        old, new = before.read(path), after.read(path)
        if is_test(path) and not is_configuration(path):
            found += _tests(path, old, new, moved)
        found += _suppressions(path, old, new)
        if is_configuration(path) or is_partly_configuration(path):
            found += _configuration(path, old, new)
    return tuple(found[:MOST])


def _tests_of(files: Files, paths: tuple[str, ...]) -> Counter[str]:
    """The names of all tests in the changed files as they are now: a test that was moved is not deleted."""
    names: Counter[str] = Counter()
    for path in filter(is_test, paths):
        text = files.read(path)
        python = tests_in(text) if path.endswith(".py") else None
        names.update(python.keys() if python is not None else line_rules.names_of_tests(text))
    return names


def _tests(path: str, old: str, new: str, now: Counter[str]) -> Iterator[Concern]:
    if path.endswith(".py"):
        was, are = tests_in(old), tests_in(new)
        if was is not None and are is not None:
            yield from _python(path, was, are, now)
        return
    for name in line_rules.names_of_tests(old):
        if name not in now:
            yield Concern("deleted test", path, 0, name)
    for line, row in line_rules.new_lines(line_rules.SKIP, old, new):
        yield Concern("skipped test", path, line, row)
    if old and new:
        fewer = line_rules.count(line_rules.ASSERT, old) - line_rules.count(line_rules.ASSERT, new)
        softer = line_rules.count(line_rules.EXACT, old) - line_rules.count(line_rules.EXACT, new)
        if fewer > 0 or softer > 0:
            what = f"{fewer} fewer" if fewer > 0 else f"{softer} no longer compare with a value"
            yield Concern("loosened assertion", path, 0, what)


def _python(
    path: str, was: Mapping[str, OneTest], are: Mapping[str, OneTest], now: Counter[str]
) -> Iterator[Concern]:
    bodies = {test.body for name, test in are.items() if name not in was}
    for name, test in was.items():
        if name in are:
            yield from _weakened(path, name, test, are[name])
        elif name not in now and test.body not in bodies:
            yield Concern("deleted test", path, 0, name)
    for name, test in are.items():
        if test.skips and name not in was:
            yield Concern("skipped test", path, test.line, name)


def _weakened(path: str, name: str, was: OneTest, now: OneTest) -> Iterator[Concern]:
    if now.skips and not was.skips:
        yield Concern("skipped test", path, now.line, name)
    if was.asserts and not now.asserts:
        yield Concern("emptied test", path, now.line, name)
    elif now.asserts < was.asserts:
        yield Concern("loosened assertion", path, now.line, f"{name}: {was.asserts - now.asserts} fewer")
    elif now.exact < was.exact:
        what = f"{name}: {was.exact - now.exact} no longer compare with a value"
        yield Concern("loosened assertion", path, now.line, what)


def _suppressions(path: str, old: str, new: str) -> Iterator[Concern]:
    if not path.endswith(SUPPRESSIBLE):
        return
    if path.endswith((".py", ".pyi")):
        old = "\n".join(comment for _, comment in comments_in(old))
        lines = dict(comments_in(new))
        new = "\n".join(lines.get(n, "") for n in range(1, max(lines, default=0) + 1))
    for line, row in line_rules.new_lines(line_rules.SUPPRESSION, old, new):
        yield Concern("suppression", path, line, row)


def _configuration(path: str, old: str, new: str) -> Iterator[Concern]:
    if is_partly_configuration(path):
        was, now = steering(path, old), steering(path, new)
        if was is None or now is None:
            yield Concern("check configuration", path, 0, "it cannot be read")
            return
        parts = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
        for name in parts:
            yield Concern("check configuration", path, 0, name)
        if not parts:
            return
    elif old != new:
        yield Concern(
            "check configuration", path, 0, "changed" if old and new else "added" if new else "deleted"
        )
    for what in line_rules.loosened(old, new):
        yield Concern("lowered threshold", path, 0, what)
