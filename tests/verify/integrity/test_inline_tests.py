"""Expectations inside source files, which no run can exchange."""

from __future__ import annotations

import pytest

from dayhand.verify.integrity.inline_tests import changed_inline, examples
from dayhand.verify.reports.base import CaseResult, CaseState
from dayhand.verify.reports.read import Results
from dayhand.verify.trees import words_checks
from tests.verify.files import InMemoryFiles

PYTHON = 'def total(a, b):\n    """Add.\n\n    >>> total(1, 2)\n    3\n    """\n    return a + b\n'
RUST = (
    "/// Adds.\n/// ```\n/// assert_eq!(shop::total(1, 2), 3);\n/// ```\npub fn total(a: i32, b: i32) -> i32 {\n"
    "    assert!(a < 9);\n    a + b\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn adds() {\n"
    "        assert_eq!(\n            total(1, 2),\n            3\n        );\n    }\n}\n"
)


def changed(path: str, before: str, after: str, ran: str = "shop::shop.total") -> list[str]:
    results = Results((CaseResult(ran, CaseState.PASSED),), reported=True)
    found = changed_inline(
        InMemoryFiles({path: before}), InMemoryFiles({path: after}), (path,), results=results
    )
    assert all(one.path == path for one in found)
    return [one.test for one in found]


@pytest.mark.parametrize(
    ("path", "before", "old", "new", "expected"),
    [
        ("shop.py", PYTHON, "    3\n", "    -1\n", [">>> total(1, 2) 3"]),
        ("shop.py", PYTHON, "    >>> total(1, 2)\n    3\n", "", [">>> total(1, 2) 3"]),
        ("src/lib.rs", RUST, "            3\n", "            -1\n", ["assert_eq!( total(1, 2), 3 )"]),
        ("src/lib.rs", RUST, "2), 3);", "2), -1);", ["assert_eq!(shop::total(1, 2), 3)"]),
    ],
    ids=["doctest", "deleted-doctest", "rust-test", "rust-example"],
)
def test_a_changed_expectation_inside_a_source_file_is_found(
    path: str, before: str, old: str, new: str, expected: list[str]
) -> None:
    assert old in before
    assert changed(path, before, before.replace(old, new)) == expected


@pytest.mark.parametrize(
    ("path", "before", "old", "new"),
    [
        ("shop.py", PYTHON, "a + b", "b + a"),
        ("shop.py", PYTHON, "Add.", "Add two."),
        ("src/lib.rs", RUST, "assert!(a < 9);", ""),
        ("src/lib.rs", RUST, "a + b", "b + a"),
        (
            "src/lib.rs",
            RUST,
            "    #[test]\n",
            "    #[test]\n    fn zero() { assert_eq!(total(0, 0), 0); }\n    #[test]\n",
        ),
    ],
    ids=["source", "prose", "assertion-of-the-product", "rust-source", "added-test"],
)
def test_other_changes_of_the_same_files_are_left_alone(path: str, before: str, old: str, new: str) -> None:
    assert old in before
    assert changed(path, before, before.replace(old, new)) == []


def test_a_doctest_that_no_run_names_expects_nothing() -> None:
    assert (
        changed("shop.py", PYTHON, PYTHON.replace("    3\n", "    -1\n"), ran="tests.test_shop::test_a") == []
    )


def test_documentation_with_changed_examples_words_checks() -> None:
    before = InMemoryFiles({"README.md": "# Shop\n\n>>> total(1, 2)\n3\n\nText.\n"})
    assert examples(before.read("README.md")) == (">>> total(1, 2) 3",)
    for text, words in ((">>> total(1, 2)\n-1\n", True), ("# A shop\n\n>>> total(1, 2)\n3\n", False)):
        assert words_checks("README.md", before, InMemoryFiles({"README.md": text})) is words
