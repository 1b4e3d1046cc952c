"""Which parts of a settings file configure checks, and what changed in them."""

from __future__ import annotations

import json

import pytest

from dayhand.verify.integrity.inspect import inspect
from tests.verify.files import InMemoryFiles
from tests.verify.integrity.test_inspect import found

CONFTEST = "import pytest\n\n@pytest.fixture\ndef shop():\n    return 1\n"
PYPROJECT = """[project]
name = "x"
[tool.pytest.ini_options]
addopts = "-q"
testpaths = ["tests", "more"]
[tool.coverage.run]
omit = []
[tool.mypy]
strict = true
"""
MAKEFILE = """PY = python3
ARGS = -q

test: build unit
	$(PY) -m pytest $(ARGS)

unit:
	./ci/unit.sh

build:
	make -C x

serve:
	flask run
"""
PACKAGE = '{"scripts": {"test": "npm run unit:all && jest", "unit:all": "mocha", "start": "x", "build": "tsc"}, "dependencies": {"a": "1"}}'
TSCONFIG = '{\n  // how strict\n  "compilerOptions": {"strict": true,},\n}'
CARGO = "[package]\nname = 'x'\n[lints.clippy]\nall = 'deny'\n"
POM = "<project>\n<properties>\n</properties>\n</project>"


@pytest.mark.parametrize(
    ("path", "text", "old", "new", "what"),
    [
        ("conftest.py", CONFTEST, "@pytest", "def pytest_collection_modifyitems(items): items.clear()\n\n@pytest", "pytest_collection_modifyitems added: def pytest_collection_modifyitems(items): items.clear()"),
        ("conftest.py", CONFTEST, "@pytest", "collect_ignore = ['test_a.py']\n@pytest", "collect_ignore added: ['test_a.py']"),
        ("conftest.py", CONFTEST, "fixture", "fixture(autouse=True)", "fixture shop (autouse) added: @pytest.fixture(autouse=True) def shop(): return 1"),
        ("conftest.py", CONFTEST, "@pytest", "cart.total = lambda: 0\n@pytest", "code: cart.total added: cart.total = lambda: 0"),
        ("conftest.py", CONFTEST, "@pytest", "os._exit(0)\n@pytest", "code: os._exit(0) added: runs before every test"),
        ("pyproject.toml", PYPROJECT, '"-q"', '"-q --ignore=t.py"', "[tool.pytest].ini_options.addopts: -q → -q --ignore=t.py"),
        ("pyproject.toml", PYPROJECT, ', "more"', "", "[tool.pytest].ini_options.testpaths: without more"),
        ("pyproject.toml", PYPROJECT, "omit = []", 'omit = ["shop.py"]', "[tool.coverage].run.omit: with shop.py"),
        ("pyproject.toml", PYPROJECT, "strict = true", "ignore_errors = true", "[tool.mypy].ignore_errors added: true"),
        ("pyproject.toml", PYPROJECT, "[tool.pytest", '[project.entry-points.pytest11]\nx = "y"\n[tool.pytest', '[project.entry-points.pytest11] added: {"x": "y"}'),
        ("pytest.ini", "[pytest]\naddopts = -q\n", "-q", "--deselect t.py::x", "pytest.addopts: -q → --deselect t.py::x"),
        (".coveragerc", "[run]\nbranch = True\n", "branch", "omit = shop.py\nbranch", "run.omit added: shop.py"),
        ("tsconfig.json", TSCONFIG, "true", "false", "compilerOptions.strict: true → false"),
        (".eslintrc.json", '{"rules": {"no-console": "error"}}', "error", "off", "rules.no-console: error → off"),
        ("eslint.config.js", "export default []", "[]", "[{}]", "changed"),
        ("package.json", PACKAGE, "&& jest", "&& jest || true", "scripts.test: npm run unit:all && jest → npm run unit:all && jest || true"),
        ("package.json", PACKAGE, "jest", "jest --passWithNoTests", "scripts.test: npm run unit:all && jest → npm run unit:all && jest --passWithNoTests"),
        ("package.json", PACKAGE, '"mocha"', '"mocha --grep x"', "scripts.unit:all: mocha → mocha --grep x"),
        ("composer.json", '{"scripts": {"test": "phpunit"}}', "phpunit", "true", "scripts.test: phpunit → true"),
        ("Makefile", MAKEFILE, "\t$(PY)", "\t-$(PY)", "target test: without $(PY) -m pytest $(ARGS), with -$(PY) -m pytest $(ARGS)"),
        ("Makefile", MAKEFILE, "$(ARGS)", "$(ARGS) || true", "target test: without $(PY) -m pytest $(ARGS), with $(PY) -m pytest $(ARGS) || true"),
        ("Makefile", MAKEFILE, "ARGS = -q", "ARGS = -k x", "ARGS: without -q, with -k x"),
        ("Makefile", MAKEFILE, "./ci/unit.sh", "true", "target unit: without ./ci/unit.sh, with true"),
        ("Makefile", MAKEFILE, "PY =", "MAKEFLAGS += -i\nPY =", 'MAKEFLAGS added: ["-i"]'),
        ("Makefile", MAKEFILE, "PY =", "SHELL = /bin/true\nPY =", 'SHELL added: ["/bin/true"]'),
        ("Makefile", MAKEFILE, "PY =", ".IGNORE:\nPY =", '.IGNORE added: [""]'),
        ("Cargo.toml", CARGO, "[lints.clippy]\nall = 'deny'\n", "", '[lints] deleted: {"clippy": {"all": "deny"}}'),
        ("pom.xml", POM, "<properties>", "<properties>\n<skipTests>true</skipTests>", 'build added: ["<skipTests>true</skipTests>"]'),
        ("sitecustomize.py", "", "", "import os\n", "added"),
        (".rspec-local", "", "", "--dry-run\n", "added"),
        ("lib/minitest/quiet_plugin.rb", "", "", "module Minitest; end\n", "added"),
        (".mvn/maven.config", "", "", "-Dtest=ZeroTest\n", "added"),
        ("src/main/resources/junit-platform.properties", "", "", "a = b\n", "added"),
        ("Cargo.toml", CARGO, "[lints", "autotests = false\n[lints", "[package] autotests added: false"),
        ("pom.xml", POM, "<properties>", "<properties>\n<test>ZeroTest</test>", 'build added: ["<test>ZeroTest</test>"]'),
        ("pom.xml", POM, "<properties>", "<properties>\n<maven.test.failure.ignore>true</maven.test.failure.ignore>", 'build added: ["<maven.test.failure.ignore>true</maven.test.failure.ignore>"]'),
    ],
)  # fmt: skip
def test_what_changed_in_the_settings_of_checks_is_reported(
    path: str, text: str, old: str, new: str, what: str
) -> None:
    assert old in text
    assert ("check configuration", what) in found(path, text, text.replace(old, new, 1) if old else new)


@pytest.mark.parametrize(
    ("path", "text", "old", "new"),
    [
        ("conftest.py", CONFTEST, "@pytest", "@pytest.fixture\ndef till():\n    return 2\n\n@pytest"),
        ("conftest.py", CONFTEST, "return 1", "return 2"),
        ("conftest.py", CONFTEST, "import pytest", '"""Shops."""\n\nimport pytest\n\nRATE = 2\n'),
        ("pyproject.toml", PYPROJECT, "[tool.pytest", 'dependencies = ["httpx"]\n[tool.pytest'),
        ("pyproject.toml", PYPROJECT, "addopts", 'markers = ["slow: takes long"]\naddopts'),
        ("package.json", PACKAGE, '"a": "1"', '"a": "2"'),
        ("package.json", PACKAGE, '"tsc"', '"tsc -b"'),
        ("Makefile", MAKEFILE, "flask run", "gunicorn"),
        ("Cargo.toml", CARGO, "[lints", "[dependencies]\nserde = '1'\n[lints"),
        ("pom.xml", POM, "</properties>", "</properties>\n<dependency><artifactId>guava</artifactId></dependency>"),
        ("build.gradle", "dependencies {\n}\n", "{", "{\n  implementation 'x'"),
    ],
)  # fmt: skip
def test_an_ordinary_edit_of_the_same_files_is_left_alone(path: str, text: str, old: str, new: str) -> None:
    assert old in text
    assert found(path, text, text.replace(old, new, 1)) == []


@pytest.mark.parametrize(
    ("command", "path", "told"),
    [
        ("./ci/all", "ci/all", True),
        ("sh dev/go.sh -x", "dev/go.sh", True),
        ("make x && python3 dev/go.py", "dev/go.py", True),
        ("python3 -m pytest", "pytest.cfg", False),
        ("ruff check shop.py", "shop.py", False),
        ("node --test test/a.js", "test/a.js", False),
        ("uv run dev/go.py", "dev/go.py", True),
    ],
)
@pytest.mark.parametrize(
    "by", ["the command", "package.json", "composer.json", "web/package.json", "Makefile"]
)
def test_a_program_that_a_check_starts_counts_as_its_configuration(
    command: str, path: str, by: str, *, told: bool
) -> None:
    folder, _, name = by.rpartition("/")
    path = f"{folder}/{path}" if folder else path
    script = f"test:\n\t@{command}\n" if name == "Makefile" else json.dumps({"scripts": {"test": command}})
    other = {} if name == "the command" else {by: script}
    concerns = inspect(
        InMemoryFiles({path: "run_all()\n", **other}),
        InMemoryFiles({path: "pass\n", **other}),
        (path,),
        commands=() if other else (command,),
    )
    assert bool(concerns) is told
