"""What weakens the checks is found, and what only changes them is not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dayhand.verify.integrity import inspect

PYTHON = """import unittest

class Totals(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(total([1]), 1)
        self.assertTrue(total)

def test_plain():
    assert total([2]) == 2
"""
JS = """test('adds', () => {
  expect(add(1, 1)).toBe(2);
  expect(add).toBeDefined();
});
"""


@dataclass
class OneFile:
    path: str
    text: str

    def read(self, path: str) -> str:
        return self.text if path == self.path else ""


def found(path: str, old: str, new: str) -> list[tuple[str, str]]:
    return [(one.kind, one.what) for one in inspect(OneFile(path, old), OneFile(path, new), (path,))]


@pytest.mark.parametrize(
    ("path", "old", "new", "kind", "what"),
    [
        ("test_a.py", PYTHON, "", "deleted test", "Totals.test_sum"),
        ("test_a.py", PYTHON, PYTHON.replace("def test_plain", "@pytest.mark.skip\ndef test_plain"), "skipped test", "test_plain"),
        ("test_a.py", PYTHON, PYTHON.replace("def test_plain", "@pytest.mark.xfail(reason='x')\ndef test_plain"), "skipped test", "test_plain"),
        ("test_a.py", PYTHON, PYTHON.replace("class Tot", "@unittest.skipIf(True, '')\nclass Tot"), "skipped test", "Totals.test_sum"),
        ("test_a.py", PYTHON, f"import pytest\npytestmark = pytest.mark.skip\n{PYTHON}", "skipped test", "test_plain"),
        ("test_a.py", PYTHON, PYTHON.replace("assert total([2]) == 2", "pytest.skip('later')"), "skipped test", "test_plain"),
        ("test_a.py", PYTHON, PYTHON.replace("assert total([2]) == 2", "pass"), "emptied test", "test_plain"),
        ("test_a.py", PYTHON, PYTHON.replace("assert total([2]) == 2", "assert True"), "emptied test", "test_plain"),
        ("test_a.py", PYTHON, PYTHON.replace("        self.assertTrue(total)\n", ""), "loosened assertion", "Totals.test_sum: 1 fewer"),
        ("test_a.py", PYTHON, PYTHON.replace("assertEqual(total([1]), 1)", "assertTrue(total([1]))"), "loosened assertion", "Totals.test_sum: 1 no longer compare with a value"),
        ("a.test.js", JS, "test('other', () => {});", "deleted test", "adds"),
        ("a.test.js", JS, JS.replace("test(", "test.skip("), "skipped test", "test.skip('adds', () => {"),
        ("a.test.js", JS, JS.replace("  expect(add).toBeDefined();\n", ""), "loosened assertion", "1 fewer"),
        ("a.test.js", JS, JS.replace(".toBe(2)", ".toBeTruthy()"), "loosened assertion", "1 no longer compare with a value"),
        ("shop.py", "x = 1\n", "x = 1  # noqa\n", "suppression", "# noqa"),
        ("shop.ts", "x()\n", "// @ts-ignore\nx()\n", "suppression", "// @ts-ignore"),
        ("shop.js", "x()\n", "// eslint-disable-next-line\nx()\n", "suppression", "// eslint-disable-next-line"),
        ("pyproject.toml", "[tool.coverage.report]\nfail_under = 90\n", "[tool.coverage.report]\nfail_under = 50\n", "lowered threshold", "90 became 50"),
        ("package.json", '{"scripts": {"test": "jest"}}', '{"scripts": {"test": "true"}}', "check configuration", "scripts.test"),
        ("Makefile", "test:\n\tpytest\n", "test:\n\ttrue\n", "check configuration", "target test"),
        ("setup.cfg", "[flake8]\nmax-complexity = 5\n", "[flake8]\nmax-complexity = 50\n", "lowered threshold", "5 became 50"),
        ("tests/conftest.py", "", "def pytest_collection_modifyitems(items): items.clear()\n", "check configuration", "added"),
        ("scripts/test.sh", "pytest\n", "true\n", "check configuration", "changed"),
        (".eslintrc", "{}", '{"rules": {}}', "check configuration", "changed"),
    ],
)  # fmt: skip
def test_what_weakens_the_checks_is_found(path: str, old: str, new: str, kind: str, what: str) -> None:
    assert (kind, what) in found(path, old, new)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("test_a.py", PYTHON, PYTHON + "\ndef test_more():\n    assert total([]) == 0\n"),
        ("test_a.py", PYTHON, PYTHON.replace("test_plain", "test_renamed")),
        ("test_a.py", PYTHON, PYTHON.replace("== 2", "== 3")),
        ("test_a.py", "", PYTHON),
        ("a.test.js", JS, JS + "test('more', () => { expect(add(1, 2)).toBe(3); });\n"),
        ("shop.py", "x = 1  # noqa\n", "y = 1\nx = 2  # noqa\n"),
        ("shop.py", "", "MARK = 'write noqa or type: ignore'\n"),
        ("pyproject.toml", "[tool.ruff]\nx = 1\n", "[project]\nname = 'x'\n[tool.ruff]\nx = 1\n"),
        ("package.json", '{"scripts": {"test": "jest"}}', '{"version": "2", "scripts": {"test": "jest", "start": "x"}}'),
        ("Makefile", "test:\n\tpytest\n", "test:\n\tpytest\nrun:\n\tserve\n"),
        ("README.md", "x", "# noqa, type: ignore"),
    ],
)  # fmt: skip
def test_what_does_not_is_left_alone(path: str, old: str, new: str) -> None:
    assert found(path, old, new) == []


def test_a_test_that_was_moved_is_not_deleted() -> None:
    class Before:
        def read(self, path: str) -> str:
            return PYTHON if path == "test_a.py" else ""

    class After:
        def read(self, path: str) -> str:
            return PYTHON if path == "tests/test_b.py" else ""

    assert inspect(Before(), After(), ("test_a.py", "tests/test_b.py")) == ()
