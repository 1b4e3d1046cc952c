"""What in a change weakens the checks that judge it: found by parsing, listed for a person, never refused.

A change may rightly delete a test. But then a person says so, and not the one who was checked by it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from dayhand.environment.ecosystems.base import Files
from dayhand.file_kinds import is_check_configuration, is_mixed_configuration, is_test
from dayhand.verification import Concern
from dayhand.verify.integrity import python_tests, regex_tests, suppressions
from dayhand.verify.integrity.case_facts import CaseFacts
from dayhand.verify.integrity.configuration import differences, steering, whole
from dayhand.verify.integrity.new_tests import tests_in

MOST = 50
MAX_PARTS = 10  # of one file of settings
# A program that a check's command starts by its path.
RUN = re.compile(
    r"(?:^|[;&|(]\s*|\b(?:(?:ba|z|da)?sh|python[\d.]*|node|ruby|php|perl|deno run|bun|tsx)\s+)(?:\./)?(?=(\w[\w./-]*))",
    re.MULTILINE,
)


def inspect(
    before: Files, after: Files, paths: tuple[str, ...], *, commands: tuple[str, ...] = ()
) -> tuple[Concern, ...]:
    """Everything in the changed ``paths`` that makes the checks say less than before, at most 50.

    ``commands`` are those of the checks: what they start by its path steers them.
    """
    moved = _tests_of(after, paths)
    started = frozenset(RUN.findall("\n".join(commands)))
    found: list[Concern] = []
    for path in paths:
        old, new = before.read(path), after.read(path)
        if _holds_tests(path) and not is_check_configuration(path):
            found += _tests(path, old, new, now=moved)
        found += _suppressions(path, old, new)
        if is_mixed_configuration(path):
            found += _parts(path, old, new)
        elif is_check_configuration(path) or (path in started and not is_test(path)):
            found += _whole(path, old, new)
    return tuple(found[:MOST])


def _holds_tests(path: str) -> bool:
    return is_test(path) or path.endswith(".rs")  # Rust's unit tests stand in the source


def _tests_of(files: Files, paths: tuple[str, ...]) -> Counter[str]:
    """The names of all tests in the changed files as they are now: a test that was moved is not deleted."""
    names: Counter[str] = Counter()
    for path in filter(_holds_tests, paths):
        names.update((tests_in(path, files.read(path)) or {}).keys())
    return names


def _tests(path: str, old: str, new: str, *, now: Counter[str]) -> Iterator[Concern]:
    was, are = tests_in(path, old), tests_in(path, new)
    if was is None or are is None:
        if was and new:
            yield Concern("deleted test", path, 0, "none can be read any more")
        return
    yield from _gone(path, was, are, now=now)
    skipped = {test.body for test in was.values() if test.skips}
    for name, test in are.items():
        known = was.get(name)
        if known is not None and not test.group:
            yield from _weakened(path, name, known, now=test)
        renamed = known is None and not test.group and test.body in skipped
        if test.skips and not (known and known.skips) and not renamed:
            yield Concern("skipped test", path, test.line, name)
        if test.focuses and not (known and known.focuses):
            yield Concern("nothing but this test runs", path, test.line, name)
    there = {row for _, row in regex_tests.left_out(path, old)}
    for line, row in regex_tests.left_out(path, new):
        if old and row not in there:
            yield Concern("skipped test", path, line, row)


def _gone(
    path: str, was: Mapping[str, CaseFacts], are: Mapping[str, CaseFacts], *, now: Counter[str]
) -> Iterator[Concern]:
    renamed = {test.body: name for name, test in are.items() if name not in was}
    for name, test in was.items():
        if name in are or name in now or test.group:
            continue
        if test.body not in renamed or _hidden(path, name, renamed[test.body]):
            yield Concern("deleted test", path, 0, name)


def _hidden(path: str, old: str, new: str) -> bool:
    """Whether the test stands in a class that pytest takes for a test's no longer."""
    was, now = old.rpartition(".")[0].lower(), new.rpartition(".")[0].lower()
    return path.endswith(".py") and "test" in was and bool(now) and "test" not in now


def _weakened(path: str, name: str, was: CaseFacts, *, now: CaseFacts) -> Iterator[Concern]:
    if now.inverts and not was.inverts:
        yield Concern("test expected to fail", path, now.line, name)
    if now.cases < was.cases:
        yield Concern("deleted test", path, now.line, f"{name}: {was.cases - now.cases} of its cases")
    if was.asserts and not now.asserts:
        yield Concern("emptied test", path, now.line, name)
    elif now.asserts < was.asserts:
        yield Concern("loosened assertion", path, now.line, f"{name}: {was.asserts - now.asserts} fewer")
    elif now.exact < was.exact:
        fewer = was.exact - now.exact
        what = f"{name}: {fewer} no longer {'compares' if fewer == 1 else 'compare'} with a value"
        yield Concern("loosened assertion", path, now.line, what)


def _suppressions(path: str, old: str, new: str) -> Iterator[Concern]:
    if not suppressions.SUPPRESSIBLE.search(path):
        return
    if path.endswith((".py", ".pyi")):
        old = "\n".join(comment for _, comment in python_tests.comments_in(old))
        lines = dict(python_tests.comments_in(new))
        new = "\n".join(lines.get(n, "") for n in range(1, max(lines, default=0) + 1))
    for line, row in suppressions.suppressions(old, new):
        yield Concern("suppression", path, line, row)


def _parts(path: str, old: str, new: str) -> Iterator[Concern]:
    """Of a file that steers checks among other things, what of those parts changed."""
    was, now = steering(path, old), steering(path, new)
    if was is None or now is None:
        yield Concern("check configuration", path, 0, "it cannot be read")
        return
    parts = list(differences(was, now))
    yield from (Concern("check configuration", path, 0, part) for part in parts[:MAX_PARTS])
    if parts:
        yield from _thresholds(path, old, new)


def _whole(path: str, old: str, new: str) -> Iterator[Concern]:
    if old == new:
        return
    was, now = (whole(path, old), whole(path, new)) if old and new else (None, None)
    parts = list(differences(was, now)) if was is not None and now is not None else []
    for part in parts[:MAX_PARTS] or ["changed" if old and new else "added" if new else "deleted"]:
        yield Concern("check configuration", path, 0, part)
    yield from _thresholds(path, old, new)


def _thresholds(path: str, old: str, new: str) -> Iterator[Concern]:
    for what in suppressions.loosened(old, new):
        yield Concern("lowered threshold", path, 0, what)
