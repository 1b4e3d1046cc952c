"""The tests of a file in any language, and which changed files contain new ones."""

from __future__ import annotations

from collections.abc import Mapping

from dayhand.environment.ecosystems.base import Files
from dayhand.file_kinds import is_test
from dayhand.verify.integrity import python_tests, regex_tests
from dayhand.verify.integrity.case_facts import CaseFacts
from dayhand.verify.integrity.languages import LANGUAGES


def tests_in(path: str, text: str) -> Mapping[str, CaseFacts] | None:
    """The tests by name; None if the file cannot be parsed."""
    return python_tests.tests_in(text) if path.endswith(".py") else regex_tests.tests_in(path, text)


def find_new_tests(before: Files, after: Files, paths: tuple[str, ...]) -> tuple[str, ...]:
    """The test files among ``paths`` with tests whose text did not exist before.

    Tests that were moved, renamed, deleted or reformatted do not count. In a language without rules of its own, every
    changed test file counts.
    """
    files = [path for path in paths if is_test(path)]
    known = {_text_of(test) for path in files for test in _single_tests(path, before.read(path))}
    return tuple(path for path in files if _has_new(path, before.read(path), after.read(path), known=known))


def _has_new(path: str, old: str, new: str, *, known: set[tuple[str, int]]) -> bool:
    tests = _single_tests(path, new)
    if tests or path.endswith((".py", *LANGUAGES)):
        return any(_text_of(test) not in known for test in tests)
    return bool(new) and new != old


def _single_tests(path: str, text: str) -> list[CaseFacts]:
    return [test for test in (tests_in(path, text) or {}).values() if not test.group]


def _text_of(test: CaseFacts) -> tuple[str, int]:
    return test.body, test.cases
