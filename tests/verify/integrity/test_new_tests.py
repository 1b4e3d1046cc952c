"""Which changed files contain new tests."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dayhand.verify.integrity.new_tests import find_new_tests
from tests.verify.files import InMemoryFiles

ONE = "def test_one():\n    assert total([]) == 0\n"
TWO = "def test_two():\n    assert total([2]) == 2\n"
JS = "test('adds', () => { expect(1).toBe(1); });\n"


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ({}, {"test_a.py": ONE}, ("test_a.py",)),
        ({"test_a.py": ONE}, {"test_a.py": ONE + TWO}, ("test_a.py",)),
        ({"test_a.py": ONE}, {"test_a.py": ONE.replace("== 0", "== 1")}, ("test_a.py",)),
        ({"test_a.py": ONE}, {}, ()),
        ({"test_a.py": ONE + TWO}, {"test_a.py": ONE}, ()),
        ({"test_a.py": ONE}, {"tests/test_b.py": ONE}, ()),
        ({"test_a.py": ONE}, {"test_a.py": ONE.replace("test_one", "test_nothing")}, ()),
        ({"test_a.py": ONE}, {"test_a.py": "import os\n\n" + ONE.replace("total([])", "total( [] )")}, ()),
        ({"tests/made.py": "X = 1\n"}, {"tests/made.py": "X = 2\n"}, ()),
        ({"tests/data.json": "{}"}, {"tests/data.json": "[]"}, ()),
        ({"a.test.js": JS}, {"a.test.js": JS.replace("adds", "sums")}, ()),
        ({"a.test.js": JS}, {"a.test.js": JS.replace("toBe(1)", "toBe(2)")}, ("a.test.js",)),
        ({"tests/a.sh": "x\n"}, {"tests/a.sh": "y\n"}, ("tests/a.sh",)),
    ],
)
def test_new_and_altered_tests_are_told_from_moved_ones(
    before: Mapping[str, str], after: Mapping[str, str], new: tuple[str, ...]
) -> None:
    paths = tuple(sorted({*before, *after}))
    assert find_new_tests(InMemoryFiles(before), InMemoryFiles(after), paths) == new
