"""What weakens the checks is found, and what only changes them is not."""

from __future__ import annotations

import pytest

from dayhand.verify.integrity.inspect import inspect
from tests.verify.files import InMemoryFiles

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


def found(path: str, old: str, new: str) -> list[tuple[str, str]]:
    return [
        (one.kind, one.detail)
        for one in inspect(InMemoryFiles({path: old}), InMemoryFiles({path: new}), (path,))
    ]


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
        ("test_a.py", PYTHON, PYTHON.replace("assertEqual(total([1]), 1)", "assertTrue(total([1]))"), "loosened assertion", "Totals.test_sum: 1 no longer compares with a value"),
        ("a.test.js", JS, "test('other', () => {});", "deleted test", "adds"),
        ("a.test.js", JS, JS.replace("test(", "test.skip("), "skipped test", "adds"),
        ("a.test.js", JS, JS.replace("  expect(add).toBeDefined();\n", ""), "loosened assertion", "adds: 1 fewer"),
        ("a.test.js", JS, JS.replace(".toBe(2)", ".toBeTruthy()"), "loosened assertion", "adds: 1 no longer compares with a value"),
        ("shop.py", "x = 1\n", "x = 1  # noqa\n", "suppression", "# noqa"),
        ("shop.ts", "x()\n", "// @ts-ignore\nx()\n", "suppression", "// @ts-ignore"),
        ("Shop.php", "", "// @phpstan-ignore-next-line", "suppression", "// @phpstan-ignore-next-line"),
        ("shop.py", "x = 1  # noqa: E501\ny = 2\n", "x = 1\ny = 2  # type: ignore\n", "suppression", "# type: ignore"),
        ("shop.js", "x()\n", "// eslint-disable-next-line\nx()\n", "suppression", "// eslint-disable-next-line"),
        ("pyproject.toml", "[tool.coverage.report]\nfail_under = 90\n", "[tool.coverage.report]\nfail_under = 50\n", "lowered threshold", "90 became 50"),
        ("package.json", '{"scripts": {"test": "jest"}}', '{"scripts": {"test": "true"}}', "check configuration", "scripts.test: jest → true"),
        ("Makefile", "test:\n\tpytest\n", "test:\n\ttrue\n", "check configuration", "target test: without pytest, with true"),
        ("setup.cfg", "[flake8]\nmax-complexity = 5\n", "[flake8]\nmax-complexity = 50\n", "lowered threshold", "5 became 50"),
        ("tests/conftest.py", "", "def pytest_collection_modifyitems(items): items.clear()\n", "check configuration", "pytest_collection_modifyitems added: def pytest_collection_modifyitems(items): items.clear()"),
        ("scripts/test.sh", "pytest\n", "true\n", "check configuration", "changed"),
        (".eslintrc", "{}", '{"rules": {}}', "check configuration", "rules added: {}"),
    ],
)  # fmt: skip
def test_what_weakens_the_checks_is_found(path: str, old: str, new: str, kind: str, what: str) -> None:
    assert (kind, what) in found(path, old, new)


TABLE = """import pytest

@pytest.fixture
def cart():
    return []

class TestTotals:
    def test_sum(self, cart):
        assert total(cart) == 0

    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_many(self, n):
        assert total([n]) == n
        with pytest.raises(ValueError):
            total([-n])
"""
SUM = "        assert total(cart) == 0"


@pytest.mark.parametrize(
    ("old", "new", "kind", "what"),
    [
        ("== 0", "is not None", "loosened assertion", "TestTotals.test_sum: 1 no longer compares with a value"),
        ("== 0", ">= 0", "loosened assertion", "TestTotals.test_sum: 1 no longer compares with a value"),
        (SUM, f"        return\n{SUM}", "emptied test", "TestTotals.test_sum"),
        (SUM, f"        if False:\n    {SUM}", "emptied test", "TestTotals.test_sum"),
        (SUM, f"        try:\n    {SUM}\n        except AssertionError:\n            pass", "emptied test", "TestTotals.test_sum"),
        (SUM, f"        with suppress(Exception):\n    {SUM}", "emptied test", "TestTotals.test_sum"),
        ("[1, 2, 3]", "[1]", "deleted test", "TestTotals.test_many: 2 of its cases"),
        ("[1, 2, 3]", "[1, pytest.param(2, marks=pytest.mark.xfail), 3]", "skipped test", "TestTotals.test_many"),
        ("ValueError", "Exception", "loosened assertion", "TestTotals.test_many: 1 no longer compares with a value"),
        ("    return []", "    pytest.skip('no cart')", "skipped test", "cart"),
        ("class TestTotals:", "class TestTotals:\n    __test__ = False", "skipped test", "TestTotals.test_sum"),
        ("class TestTotals:", "class Totals:", "deleted test", "TestTotals.test_sum"),
        ("    def test_sum", "    def check_sum", "deleted test", "TestTotals.test_sum"),
        ("class Test", "raise unittest.SkipTest('x')\nclass Test", "skipped test", "TestTotals.test_sum"),
        ("class Test", "x = (((\nclass Test", "deleted test", "the file can no longer be parsed"),
    ],
)  # fmt: skip
def test_a_python_test_that_tests_less_is_found(old: str, new: str, kind: str, what: str) -> None:
    assert (kind, what) in found("test_a.py", TABLE, TABLE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("== 0", "== 1"),
        ("[1, 2, 3]", "[1, 2, 3, 4]"),
        ("test_sum", "test_total"),
        (SUM, "        result = total(cart)\n        assert result == 0"),
        (SUM, f"        for _ in range(2):\n            with there():\n        {SUM}"),
        (SUM, f"        try:\n    {SUM}\n        except ValueError:\n            pytest.fail('no')"),
        ("    return []", "    return query.skip(10)"),
    ],
)
def test_ordinary_work_on_a_python_test_is_left_alone(old: str, new: str) -> None:
    assert found("test_a.py", TABLE, TABLE.replace(old, new)) == []


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
def test_what_does_not_weaken_the_checks_is_left_alone(path: str, old: str, new: str) -> None:
    assert found(path, old, new) == []


def test_a_test_that_was_moved_is_not_deleted() -> None:
    before, after = InMemoryFiles({"test_a.py": PYTHON}), InMemoryFiles({"tests/test_b.py": PYTHON})
    assert inspect(before, after, ("test_a.py", "tests/test_b.py")) == ()
