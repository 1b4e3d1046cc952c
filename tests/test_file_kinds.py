"""What a path's name says."""

from __future__ import annotations

import pytest

from dayhand.file_kinds import (
    acts_on_developer_machines,
    declares_dependencies,
    is_check_configuration,
    is_install_script,
    is_mixed_configuration,
    is_source,
    is_test,
    is_workflow,
    steers_agents,
)


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
    assert not is_check_configuration(path)


@pytest.mark.parametrize("path", ["sitecustomize.py", ".rubocop_todo.yml", "phpunit.xml.dist", "tox.ini", ".eslintrc.json", "lint.sh", "scripts/run-tests.sh", "eslint.config.mjs", ".circleci/config.yml"])  # fmt: skip
def test_what_steers_checks_is_check_configuration(path: str) -> None:
    assert is_check_configuration(path)
    assert not is_source(path)


@pytest.mark.parametrize(
    "path",
    ["README.md", "docs/a.rst", "package-lock.json", "pyproject.toml", "Makefile", "tests/data/a.json"],
)
def test_what_no_test_is_expected_to_notice_is_no_source(path: str) -> None:
    assert not is_source(path)
    assert not is_test(path)


@pytest.mark.parametrize("path", ["pyproject.toml", "web/package.json", "Makefile", "tests/conftest.py"])
def test_some_files_configure_checks_in_parts(path: str) -> None:
    assert is_mixed_configuration(path)
    assert not is_check_configuration(path)


@pytest.mark.parametrize(
    "path", ["web/AGENTS.md", ".cursor/rules/x.mdc", ".github/prompts/fix.md", "a/.claude/x"]
)
def test_what_agents_follow_is_known_by_its_name_or_its_folder(path: str) -> None:
    assert steers_agents(path)


@pytest.mark.parametrize("path", ["docs/agents.md", "src/cursor/rules.py", "web/.github/prompts/x.md"])
def test_other_names_do_not_steer_agents(path: str) -> None:
    assert not steers_agents(path)


@pytest.mark.parametrize("path", ["web/.npmrc", "web/.vscode/tasks.json", ".cargo/config.toml"])
def test_what_tools_read_on_developers_machines_is_known(path: str) -> None:
    assert acts_on_developer_machines(path)


@pytest.mark.parametrize("path", ["docs/npmrc", "vscode/tasks.json", "web/.cargo/config.toml"])
def test_other_names_do_not_act_on_developers_machines(path: str) -> None:
    assert not acts_on_developer_machines(path)


def test_workflows_and_what_installers_read_and_run_are_known() -> None:
    assert is_workflow(".github/workflows/ci.yml")
    assert not is_workflow("docs/.github/workflows/ci.yml")
    assert is_install_script("native/binding.gyp")
    assert declares_dependencies("requirements-dev.txt")
    assert not declares_dependencies("requirements.md")
