"""What in a change weakens the checks that verify it: found by parsing, listed for a person, never refused.

A change may have good reasons to delete a test. But a person must confirm that, not the model that wrote the change.
Where runs tell what an edit of a test hides, ``by_runs.py`` lets them decide.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from posixpath import join

from dayhand.environment.ecosystems.base import Files
from dayhand.file_kinds import is_check_configuration, is_mixed_configuration, is_test
from dayhand.verification import Concern
from dayhand.verify.integrity import python_tests, regex_tests, suppressions
from dayhand.verify.integrity.case_facts import CaseFacts
from dayhand.verify.integrity.configuration import all_settings, check_settings, commands_in, differences
from dayhand.verify.integrity.forged_results import find_forged_results
from dayhand.verify.integrity.new_tests import tests_in

MAX_CONCERNS = 50
MAX_DIFFERENCES = 10  # of one settings file
# A program that a command of a check starts by its path.
STARTED_PROGRAM = re.compile(
    r"(?:^[@+-]*|[;&|(]\s*|\b(?:(?:ba|z|da)?sh|python[\d.]*|node|ruby|php|perl|deno run|(?:uv|poetry|pdm) run|bun|tsx)\s+)"
    r"(?:\./)?(?=(\w[\w./-]*))",
    re.MULTILINE,
)


def inspect(
    before: Files, after: Files, paths: tuple[str, ...], *, commands: tuple[str, ...] = ()
) -> tuple[Concern, ...]:
    """Everything in the changed ``paths`` that makes the checks test less than before, at most 50 places.

    ``commands`` are those of the checks: a program that they start by its path counts as check configuration.
    """
    tests_now = _test_names(after, paths)
    programs = frozenset(
        join(folder, program)
        for folder, text in [("", "\n".join(commands)), *commands_in(before), *commands_in(after)]
        for program in STARTED_PROGRAM.findall(text)
    )
    found: list[Concern] = []
    for path in paths:
        old, new = before.read(path), after.read(path)
        if _may_hold_tests(path) and not is_check_configuration(path):
            found += _weakened_tests(path, old, new, tests_now=tests_now)
        found += _suppressions(path, old, new)
        found += [Concern(kind, path, line, text) for kind, line, text in find_forged_results(path, old, new)]
        if is_mixed_configuration(path):
            found += _mixed_configuration(path, old, new)
        elif is_check_configuration(path) or (path in programs and not is_test(path)):
            found += _check_configuration(path, old, new)
    return tuple(found[:MAX_CONCERNS])


def _may_hold_tests(path: str) -> bool:
    return is_test(path) or path.endswith(".rs")  # Rust's unit tests are part of the source files


def _test_names(files: Files, paths: tuple[str, ...]) -> Counter[str]:
    """The names of all tests in the changed files as they are now: a test that was moved is not deleted."""
    names: Counter[str] = Counter()
    for path in filter(_may_hold_tests, paths):
        names.update((tests_in(path, files.read(path)) or {}).keys())
    return names


def _weakened_tests(path: str, old: str, new: str, *, tests_now: Counter[str]) -> Iterator[Concern]:
    old_tests, new_tests = tests_in(path, old), tests_in(path, new)
    if old_tests is None or new_tests is None:
        if old_tests and new:
            yield Concern("deleted test", path, 0, "the file can no longer be parsed")
        return
    yield from _deleted_tests(path, old_tests, new_tests, tests_now=tests_now)
    skipped_bodies = {test.body for test in old_tests.values() if test.skips}
    for name, test in new_tests.items():
        known = old_tests.get(name)
        if known is not None and not test.group:
            yield from _weakened_test(path, name, known, new=test)
        was_renamed = known is None and not test.group and test.body in skipped_bodies
        if test.skips and not (known and known.skips) and not was_renamed:
            yield Concern("skipped test", path, test.line, name, test=name)
        if test.focuses and not (known and known.focuses):
            yield Concern("only this test runs", path, test.line, name)
    old_conditions = {text for _, text in regex_tests.file_conditions(path, old)}
    for line, text in regex_tests.file_conditions(path, new):
        if old and text not in old_conditions:
            yield Concern("skipped test", path, line, text)


def _deleted_tests(
    path: str, old: Mapping[str, CaseFacts], new: Mapping[str, CaseFacts], *, tests_now: Counter[str]
) -> Iterator[Concern]:
    added_names = {test.body: name for name, test in new.items() if name not in old}
    for name, test in old.items():
        if name in new or name in tests_now or test.group:
            continue
        if test.body not in added_names or _is_hidden(path, name, added_names[test.body]):
            yield Concern("deleted test", path, 0, name, test=name)


def _is_hidden(path: str, old_name: str, new_name: str) -> bool:
    """Whether a Python test moved to a class that pytest no longer collects."""
    old_class, new_class = old_name.rpartition(".")[0].lower(), new_name.rpartition(".")[0].lower()
    return path.endswith(".py") and "test" in old_class and bool(new_class) and "test" not in new_class


def _weakened_test(path: str, name: str, old: CaseFacts, *, new: CaseFacts) -> Iterator[Concern]:
    if new.inverts and not old.inverts:
        yield Concern("test expected to fail", path, new.line, name, test=name)
    if new.cases < old.cases:
        detail = f"{name}: {old.cases - new.cases} of its cases"
        yield Concern("deleted test", path, new.line, detail, test=name)
    if old.asserts and not new.asserts:
        yield Concern("emptied test", path, new.line, name, test=name)
    elif new.asserts < old.asserts:
        detail = f"{name}: {old.asserts - new.asserts} fewer"
        yield Concern("loosened assertion", path, new.line, detail, test=name)
    elif new.exact < old.exact:
        fewer = old.exact - new.exact
        detail = f"{name}: {fewer} no longer {'compares' if fewer == 1 else 'compare'} with a value"
        yield Concern("loosened assertion", path, new.line, detail, test=name)


def _suppressions(path: str, old: str, new: str) -> Iterator[Concern]:
    if not suppressions.SUPPRESSIBLE.search(path):
        return
    if path.endswith((".py", ".pyi")):
        old = "\n".join(comment for _, comment in python_tests.comments_in(old))
        comments = dict(python_tests.comments_in(new))
        new = "\n".join(comments.get(number, "") for number in range(1, max(comments, default=0) + 1))
    for line, text in suppressions.new_suppressions(old, new):
        yield Concern("suppression", path, line, text)


def _mixed_configuration(path: str, old: str, new: str) -> Iterator[Concern]:
    """What changed in those parts of a file that configure checks."""
    old_settings, new_settings = check_settings(path, old), check_settings(path, new)
    if old_settings is None or new_settings is None:
        yield Concern("check configuration", path, 0, "it cannot be read")
        return
    changes = list(differences(old_settings, new_settings))
    yield from (Concern("check configuration", path, 0, change) for change in changes[:MAX_DIFFERENCES])
    if changes:
        yield from _loosened_thresholds(path, old, new)


def _check_configuration(path: str, old: str, new: str) -> Iterator[Concern]:
    """What changed in a file that configures nothing but checks."""
    if old == new:
        return
    old_settings, new_settings = (
        (all_settings(path, old), all_settings(path, new)) if old and new else (None, None)
    )
    changes = []
    if old_settings is not None and new_settings is not None:
        changes = list(differences(old_settings, new_settings))[:MAX_DIFFERENCES]
    for change in changes or ["changed" if old and new else "added" if new else "deleted"]:
        yield Concern("check configuration", path, 0, change)
    yield from _loosened_thresholds(path, old, new)


def _loosened_thresholds(path: str, old: str, new: str) -> Iterator[Concern]:
    for change in suppressions.loosened_thresholds(old, new):
        yield Concern("lowered threshold", path, 0, change)
