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


IN_SOURCE = "export const total = (a, b) => a + b;\nif (import.meta.vitest) {\n  const { it, expect } = import.meta.vitest;\n  it('adds', () => {\n    expect(total(1, 2)).toBe(3);\n  });\n}\n"
WITH_TEST = "def total(a, b):\n    return a + b\n\n\ndef test_total():\n    assert total(1, 2) == 3\n"


def changed(path: str, before: str, after: str, ran: str = "") -> list[str]:
    names = [ran] if ran else ["shop::shop.total", "total::test_total"]
    results = Results(tuple(CaseResult(name, CaseState.PASSED) for name in names), reported=True)
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
        ("total.py", WITH_TEST, "== 3", "== -1", ["assert total(1, 2) == 3"]),
        ("src/total.ts", IN_SOURCE, "toBe(3)", "toBe(-1)", ["expect(total(1, 2)).toBe(3)"]),
        (
            "src/total.ts",
            IN_SOURCE,
            "    expect(total(1, 2)).toBe(3);\n",
            "",
            ["expect(total(1, 2)).toBe(3)"],
        ),
        ("src/lib.rs", RUST, "            3\n", "            -1\n", ["assert_eq!( total(1, 2), 3 )"]),
        ("src/lib.rs", RUST, "2), 3);", "2), -1);", ["assert_eq!(shop::total(1, 2), 3)"]),
    ],
    ids=[
        "doctest",
        "deleted-doctest",
        "python-test",
        "vitest",
        "deleted-vitest",
        "rust-test",
        "rust-example",
    ],
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
        ("total.py", WITH_TEST, "a + b", "b + a"),
        ("src/total.ts", IN_SOURCE, "a + b", "b + a"),
        ("src/lib.rs", RUST, "assert!(a < 9);", ""),
        ("src/lib.rs", RUST, "a + b", "b + a"),
        (
            "src/lib.rs",
            RUST,
            "    #[test]\n",
            "    #[test]\n    fn zero() { assert_eq!(total(0, 0), 0); }\n    #[test]\n",
        ),
    ],
    ids=[
        "source",
        "prose",
        "python-source",
        "vitest-source",
        "assertion-of-the-product",
        "rust-source",
        "added-test",
    ],
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
