"""What kind of file a path names, judged by the path alone. Lists of file names are kept here, and only here."""

from __future__ import annotations

import re
from functools import cache

from dayhand.environment.declared import agents_md
from dayhand.environment.declared.agent_files import COPILOT, CURSOR, DEVCONTAINERS, SCRIPTS
from dayhand.environment.declared.dayhand_toml import NAME as DAYHAND_TOML
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.ecosystems.base import Ecosystem
from dayhand.environment.version_pins import VERSION_MANAGERS
from dayhand.startup.records import dataclass
from dayhand.startup.regex import regex

# Tests

TEST = regex(
    r"(^|/)(tests?|specs?|__tests__|testing)/"
    r"|(^|/)(test_[^/]*|[^/]*_tests?|tests?|conftest)\.py$"
    r"|\.(test|spec|cy)\.[cm]?[jt]sx?$"
    r"|(^|/)(tests?|test[-_][^/]*|[^/]*[-_]test)\.[cm]?[jt]sx?$"
    r"|_test\.(go|rb|exs?)$|_spec\.rb$|(Test|Tests|IT)\.(java|kt|cs|php)$"
)
# What tests compare with, or use: beside them in a folder of its own.
TEST_DATA = regex(
    r"(^|/)(testdata|test[-_]data|__snapshots__|__mocks__|__fixtures__|cypress|fixtures?|goldens?|cassettes|e2e)/"
    r"|(^|/)features/(steps|step_definitions|support)/|\.feature$"
    r"|(^|/)test[-_]?(utils?|helpers?|support|lib|fixtures?)(/|\.\w+$)|(^|/)(testing|assert(ion)?s?)\.\w+$"
    r"|\.(snap|golden)$|\.(approved|verified)\.\w+$"
)
TEST_CODE = regex(r"\.(py|[cm]?[jt]sx?|go|rb|exs?|java|kt|cs|php|rs|sh|c|cc|cpp)$")


def is_test(path: str) -> bool:
    """Whether the file holds tests: its name or its folder says so, and it is code."""
    return bool(TEST.search(path) and TEST_CODE.search(path))


def belongs_to_tests(path: str) -> bool:
    """Whether the file is a test, or a helper or data of tests."""
    return bool(TEST.search(path) or TEST_DATA.search(path))


# Check configuration

WORKFLOWS = ".github/workflows/"
ACTIONS = ".github/actions/"
# Settings of linters, type checkers and test runners: any change in them may change what a check reports.
JSON_SETTINGS_WITHOUT_SUFFIX = frozenset([".eslintrc", ".mocharc", ".nycrc", ".c8rc"])
INI_SETTINGS_WITHOUT_SUFFIX = frozenset([".coveragerc", ".flake8", ".pylintrc", "pylintrc"])
CHECK_SETTINGS = JSON_SETTINGS_WITHOUT_SUFFIX | INI_SETTINGS_WITHOUT_SUFFIX | frozenset(
    [
        "pytest.ini", ".pytest.ini", "tox.ini", "noxfile.py", "mypy.ini", ".mypy.ini", "ruff.toml", ".ruff.toml",
        "pyrightconfig.json", "codecov.yml", "codecov.yaml", ".codecov.yml", ".codecov.yaml",
        ".eslintignore", ".oxlintrc.json", "biome.json", "biome.jsonc", ".prettierignore",
        ".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json",
        "clippy.toml", ".clippy.toml", "rustfmt.toml", ".rustfmt.toml", "nextest.toml",
        ".rspec", ".rspec-local", "Rakefile", "junit-platform.properties",
        "phpunit.xml", "phpunit.xml.dist", "psalm.xml", "phpcs.xml", ".phpcs.xml", "phpcs.xml.dist", ".phpcs.xml.dist",
        ".php-cs-fixer.php", ".php-cs-fixer.dist.php", "checkstyle.xml", "detekt.yml",
    ]
)  # fmt: skip
CHECK_SETTINGS_PATTERN = regex(
    r"\.(eslint|prettier|stylelint|mocha|nyc|c8)rc(\.\w+)?|eslint\.config\.[cm]?[jt]s|tsconfig(\.\w+)?\.json"
    r"|(jest|vitest|karma|playwright|cypress|ava)\.config\.\w+|vitest\.workspace\.\w+|\.taprc|bunfig\.toml"
    r"|[\w.-]+\.mk|\.?[jJ]ustfile|Taskfile\.ya?ml|\.env\.(test|testing|ci)"
    r"|\.rubocop\w*\.yml|phpstan[\w.-]*\.neon(\.dist)?"
)
# Python imports these in place of the real modules.
SHADOWING_MODULES = frozenset(["sitecustomize.py", "usercustomize.py", "pytest.py", "unittest.py"])
SHADOWING_PACKAGES = ("pytest/", "_pytest/", "unittest/")  # from the top of the repository
# Minitest loads every such file that it can find, and Maven reads its options from these.
LOADED_BY_A_RUNNER = regex(r"(^|/)minitest/\w+_plugin\.rb$|(^|/)\.mvn/(maven|jvm)\.config$")
CHECK_SCRIPT = regex(
    r"((scripts?|bin|tools)/)?(run[-_]?)?(tests?|lint|check|types|typecheck)(\.sh)?"
    r"|((scripts?|bin|tools)/)?((run[-_]?)(tests?|lint|check|types|typecheck)|lint|check|types|typecheck)\.py"
)
# Only some parts of these files configure checks.
MIXED_CONFIGURATION = frozenset(
    [
        "conftest.py",
        "pyproject.toml",
        "setup.cfg",
        "package.json",
        "composer.json",
        "Cargo.toml",
        "pom.xml",
        "build.gradle",
        "build.gradle.kts",
        "GNUmakefile",
        "Makefile",
        "makefile",
    ]
)


def is_check_configuration(path: str) -> bool:
    """Whether the whole file configures checks."""
    name = _name(path)
    return (
        name in CHECK_SETTINGS
        or name in SHADOWING_MODULES
        or path == DAYHAND_TOML
        or path.startswith(SHADOWING_PACKAGES)
        or bool(CHECK_SETTINGS_PATTERN.fullmatch(name) or CHECK_SCRIPT.fullmatch(path))
        or bool(LOADED_BY_A_RUNNER.search(path))
    )


def is_mixed_configuration(path: str) -> bool:
    """Whether parts of the file configure checks."""
    return _name(path) in MIXED_CONFIGURATION


# What acts on installation

GIT_ATTRIBUTES = ".gitattributes"
SUBMODULES = ".gitmodules"
INSTALL_SCRIPTS = frozenset(["setup.py", "build.rs", "binding.gyp"])  # an installer runs them
DEPENDENCY_MANIFEST = regex(
    r"requirements[^/]*\.(txt|in)|pyproject\.toml|setup\.(py|cfg)|Pipfile|package\.json|Cargo\.toml|Gemfile"
)


def is_install_script(path: str) -> bool:
    return _name(path) in INSTALL_SCRIPTS


def declares_dependencies(path: str) -> bool:
    return DEPENDENCY_MANIFEST.fullmatch(_name(path)) is not None


# Lock files and set-up files: what each ecosystem's module declares, and the files of other tools

CODEX_FOLDER = ".codex/"
DEVCONTAINER_FOLDER = ".devcontainer/"
DECLARING_SET_UP = (agents_md.NAME, *DEVCONTAINERS, *COPILOT, *CURSOR, *SCRIPTS, *VERSION_MANAGERS)


@dataclass(frozen=True, slots=True)
class EcosystemFiles:
    """The file names of some ecosystems; a name with a slash is a path from the top."""

    manifests: frozenset[str]
    locks: frozenset[str]
    set_up: frozenset[str]  # everything that decides what is installed or checked
    set_up_pattern: re.Pattern[str]


@cache
def ecosystem_files(ecosystems: tuple[Ecosystem, ...]) -> EcosystemFiles:
    """Collect what the modules of these ecosystems declare."""
    manifests = frozenset(name for each in ecosystems for name in each.MANIFESTS)
    locks = frozenset(name for each in ecosystems for name in each.LOCKS)
    others = frozenset(name for each in ecosystems for name in (*each.SETTINGS, *each.PINS))
    patterns = "|".join(f"(?:{each.SETTINGS_PATTERN.pattern})" for each in ecosystems)
    return EcosystemFiles(manifests, locks, manifests | locks | others, regex(patterns))


def is_lock(path: str, ecosystems: tuple[Ecosystem, ...] = ECOSYSTEMS) -> bool:
    """Whether a tool writes the file from a manifest."""
    return _name(path) in ecosystem_files(ecosystems).locks


def decides_set_up(path: str, ecosystems: tuple[Ecosystem, ...] = ECOSYSTEMS) -> bool:
    """Whether a file of this path (from the repository's root) can change what is installed or checked.

    >>> decides_set_up("backend/uv.lock"), decides_set_up("requirements/dev.txt"), decides_set_up("src/app.py")
    (True, True, False)
    """
    files = ecosystem_files(ecosystems)
    return (
        _name(path) in files.set_up
        or path in files.set_up
        or files.set_up_pattern.fullmatch(path) is not None
        or _name(path) in (agents_md.NAME, DAYHAND_TOML)
        or path in DECLARING_SET_UP
        or path.startswith((WORKFLOWS, ACTIONS, CODEX_FOLDER, DEVCONTAINER_FOLDER))
    )


# What commands leave behind

BY_PRODUCT_FOLDERS = frozenset(
    [
        "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox", ".venv", "venv",
        ".eggs", "htmlcov", ".ipynb_checkpoints",
        "node_modules", ".npm", ".yarn-cache", ".parcel-cache", ".turbo", ".next", ".nuxt", ".svelte-kit", ".angular",
        ".nyc_output", "coverage", "playwright-report", "test-results", ".vitest", ".vite", ".cache",
        "build", "dist", "out", "target", "obj", "TestResults",
        ".gradle", ".bundle", ".phpunit.cache", ".scannerwork",
    ]
)  # fmt: skip
BY_PRODUCT_FILE = regex(
    r".*\.(pyc|pyo|class|o|obj|so|dylib|dll|exe|a|test|prof|profraw|profdata|gcda|gcno|rlib|tsbuildinfo|swp|orig|rej|bak"
    r"|tmp|log|dump|dmp|sqlite3-journal|hprof)|.*~|core(\.\d+)?|\.coverage(\..*)?|coverage(-final)?\.(xml|json|out|lcov)"
    r"|lcov\.info|cover\.out|(junit|test-?results?|report)([-_.][\w.-]*)?\.xml|\.eslintcache|\.stylelintcache|\.phpunit\.result\.cache"
    r"|\.DS_Store|Thumbs\.db|nohup\.out|(npm|yarn|pnpm)-(debug|error)\.log.*"
)
BY_PRODUCT_SUFFIX = (".egg-info", ".dist-info")  # of a folder


def by_product(path: str) -> str:
    """The folder, or else the file, that commands leave behind under this name; "" if the name says nothing.

    >>> by_product("api/__pycache__/app.cpython-311.pyc"), by_product("api/run.log"), by_product("api/app.py")
    ('api/__pycache__/', 'api/run.log', '')
    """
    parts = path.split("/")
    for depth, name in enumerate(parts[:-1], start=1):
        if name in BY_PRODUCT_FOLDERS or name.endswith(BY_PRODUCT_SUFFIX):
            return "/".join(parts[:depth]) + "/"
    return path if BY_PRODUCT_FILE.fullmatch(parts[-1]) else ""


# Prose and source

PROSE = regex(
    r"\.(md|rst|txt|adoc|png|jpe?g|gif|svg|ico|pdf|lock|po|csv)$|(^|/)(LICENSE|NOTICE|\.gitignore)$"
)


def is_documentation(path: str) -> bool:
    """Whether the file is for people to read."""
    return bool(PROSE.search(path)) and not is_lock(path)


def is_source(path: str) -> bool:
    """Whether tests could be expected to notice when the file is broken."""
    configures = is_check_configuration(path) or is_mixed_configuration(path)
    return not (belongs_to_tests(path) or configures or is_lock(path) or PROSE.search(path))


def _name(path: str) -> str:
    return path.rpartition("/")[2]
