"""What kind of file a path names."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.environment.declared import agents_md
from dayhand.environment.declared.agent_files import COPILOT, CURSOR, DEVCONTAINERS, SCRIPTS
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.file_kinds import (
    decides_set_up,
    declares_dependencies,
    is_check_configuration,
    is_install_script,
    is_lock,
    is_mixed_configuration,
    is_source,
    is_test,
)

SOURCE = Path(__file__).parents[1] / "src/dayhand"


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


@pytest.mark.parametrize("path", ["sitecustomize.py", ".rubocop_todo.yml", "phpunit.xml.dist", "tox.ini", ".eslintrc.json", "rules/test.mk", "Justfile", "Taskfile.yml", ".env.test", "ava.config.js", "lint.sh", "scripts/run-tests.sh", "eslint.config.mjs", "codecov.yml"])  # fmt: skip
def test_what_steers_checks_is_check_configuration(path: str) -> None:
    assert is_check_configuration(path)
    assert not is_source(path)


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "docs/a.rst",
        "package-lock.json",
        "pyproject.toml",
        "Makefile",
        "tests/data/a.json",
    ],
)
def test_what_no_test_is_expected_to_notice_is_not_source(path: str) -> None:
    assert not is_source(path)
    assert not is_test(path)


@pytest.mark.parametrize("path", ["pyproject.toml", "web/package.json", "Makefile", "tests/conftest.py"])
def test_some_files_configure_checks_in_parts(path: str) -> None:
    assert is_mixed_configuration(path)
    assert not is_check_configuration(path)


def test_what_installers_read_and_run_is_known() -> None:
    assert is_install_script("native/binding.gyp")
    assert declares_dependencies("requirements-dev.txt")
    assert not declares_dependencies("requirements.md")


@pytest.mark.parametrize(
    "path",
    [
        ".dayhand.toml", "AGENTS.md", "uv.lock", "backend/uv.lock", "requirements.txt", "requirements/dev.txt",
        "dev-requirements.in", "web/package.json", "pnpm-lock.yaml", "go.sum", "Cargo.lock", "shop.gemspec",
        "src/Shop.csproj", ".devcontainer/devcontainer.json", ".github/workflows/copilot-setup-steps.yml",
        ".github/workflows/ci.yml", ".github/actions/web/action.yml",
        "gradle/libs.versions.toml", ".nvmrc", "Makefile",
    ],
)  # fmt: skip
def test_locks_manifests_pins_and_declared_set_up_do(path: str) -> None:
    assert decides_set_up(path)


@pytest.mark.parametrize(
    "path", ["src/app.py", "README.md", "docs/uv.lock.md", "my_requirements.py", "package.json.bak", ""]
)
def test_code_and_words_do_not(path: str) -> None:
    assert not decides_set_up(path)


def test_every_file_from_which_set_up_is_read_does() -> None:
    read = (agents_md.NAME, *DEVCONTAINERS, *COPILOT, *CURSOR, *SCRIPTS)
    assert [path for path in read if not decides_set_up(path)] == []


def test_every_file_that_an_ecosystem_declares_does() -> None:
    names = {
        name for each in ECOSYSTEMS for name in (*each.MANIFESTS, *each.LOCKS, *each.SETTINGS, *each.PINS)
    }
    assert names >= {"uv.lock", "tox.ini", "package.json", ".ruby-version", "Makefile"}
    assert sorted(name for name in names if not decides_set_up(f"a/{name}")) == []


FORMER_SET_UP_FILES = """
.dayhand.toml AGENTS.md Makefile makefile GNUmakefile justfile Justfile .justfile .tool-versions
mise.toml .mise.toml .devcontainer.json .github/workflows/copilot-setup-steps.yml
.github/workflows/copilot-setup-steps.yaml pyproject.toml uv.lock poetry.lock pdm.lock Pipfile
Pipfile.lock setup.py setup.cfg tox.ini noxfile.py pytest.ini .pytest.ini
.pre-commit-config.yaml .flake8 ruff.toml .ruff.toml mypy.ini .mypy.ini .python-version
pylock.toml package.json package-lock.json npm-shrinkwrap.json pnpm-lock.yaml
pnpm-workspace.yaml yarn.lock .yarnrc.yml .yarnrc bun.lock bun.lockb bunfig.toml .npmrc .nvmrc
.node-version go.mod go.sum go.work go.work.sum .golangci.yml .golangci.yaml .golangci.toml
Cargo.toml Cargo.lock rust-toolchain rust-toolchain.toml Gemfile Gemfile.lock gems.rb
gems.locked .ruby-version .rubocop.yml Rakefile .rspec pom.xml build.gradle build.gradle.kts
settings.gradle settings.gradle.kts gradle.properties gradle.lockfile libs.versions.toml
gradle-wrapper.properties maven-wrapper.properties composer.json composer.lock phpunit.xml
phpunit.xml.dist global.json nuget.config NuGet.Config packages.lock.json packages.config
Directory.Build.props Directory.Build.targets Directory.Packages.props
"""


def test_every_file_that_was_once_known_to_decide_set_up_still_does() -> None:
    assert [name for name in FORMER_SET_UP_FILES.split() if not decides_set_up(name)] == []


@pytest.mark.parametrize(
    "path", ["go.sum", "web/pnpm-lock.yaml", "gradle.lockfile", "packages.lock.json", "bun.lockb"]
)
def test_a_lock_is_not_source(path: str) -> None:
    assert is_lock(path)
    assert not is_source(path)


def test_no_other_module_lists_lock_files() -> None:
    locks = {name for each in ECOSYSTEMS for name in each.LOCKS}
    listing = []
    for path in sorted(SOURCE.rglob("*.py")):
        inside = path.relative_to(SOURCE)
        if inside.parts[:2] != ("environment", "ecosystems") and "cases" not in inside.parts:
            text = path.read_text().replace("\\", "")
            if len([name for name in locks if name in text]) > 2:
                listing.append(str(inside))
    assert listing == []
