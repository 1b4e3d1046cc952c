"""What a path's name says."""

from __future__ import annotations

import pytest

from dayhand.file_kinds import is_configuration, is_source, is_test


@pytest.mark.parametrize(
    "path",
    ["tests/test_a.py", "a_test.py", "src/a.test.ts", "__tests__/a.js", "pkg/a_test.go", "spec/a_spec.rb", "src/test/java/ATest.java",
     "shop/tests.py", "test.js", "src/cart-test.mjs"],
)  # fmt: skip
def test_tests_are_known_by_their_names(path: str) -> None:
    assert is_test(path)
    assert not is_source(path)


@pytest.mark.parametrize(
    "path", ["src/app.js", "shop.py", "sql/search.sql", "contest.py", "src/latest.ts", "prompts/x.txt.j2"]
)
def test_source_is_what_tests_could_notice(path: str) -> None:
    assert is_source(path)
    assert not is_test(path)
    assert not is_configuration(path)


@pytest.mark.parametrize("path", ["sitecustomize.py", ".rubocop_todo.yml", "phpunit.xml.dist", "tox.ini", ".eslintrc.json", "lint.sh", "scripts/run-tests.sh", "eslint.config.mjs", ".circleci/config.yml"])  # fmt: skip
def test_what_steers_checks_is_configuration(path: str) -> None:
    assert is_configuration(path)
    assert not is_source(path)


@pytest.mark.parametrize(
    "path",
    ["README.md", "docs/a.rst", "package-lock.json", "pyproject.toml", "Makefile", "tests/data/a.json"],
)
def test_what_no_test_is_expected_to_notice_is_no_source(path: str) -> None:
    assert not is_source(path)
    assert not is_test(path)
