"""Which kind of check a command is, by the tool that it starts and by the name of the script or target."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dayhand.startup.regex import regex

KINDS = ("lint", "types", "test")
SETUP, DATABASE, PACKAGES, NOTHING, UNKNOWN = "setup", "database", "packages", "nothing", "unknown"

# Tools of which any call is of one kind.
TOOLS: Mapping[str, str] = {
    **dict.fromkeys(
        [
            "pytest",
            "py.test",
            "nose2",
            "nosetests",
            "trial",
            "stestr",
            "unittest",
            "ward",
            "runtests.py",
            "vitest",
            "jest",
            "mocha",
            "ava",
            "tap",
            "tape",
            "jasmine",
            "uvu",
            "c8",
            "nyc",
            "rspec",
            "minitest",
            "phpunit",
            "pest",
            "paratest",
            "codecept",
            "gotestsum",
            "ginkgo",
            "ctest",
            "bats",
            "busted",
            "behave",
        ],
        "test",
    ),
    **dict.fromkeys(
        [
            "flake8",
            "pylint",
            "pycodestyle",
            "pydocstyle",
            "bandit",
            "codespell",
            "vulture",
            "interrogate",
            "doc8",
            "rstcheck",
            "djlint",
            "curlylint",
            "eslint",
            "stylelint",
            "xo",
            "standard",
            "oxlint",
            "tslint",
            "jshint",
            "markdownlint",
            "markdownlint-cli2",
            "knip",
            "golangci-lint",
            "staticcheck",
            "revive",
            "errcheck",
            "rubocop",
            "standardrb",
            "erb_lint",
            "haml-lint",
            "reek",
            "brakeman",
            "phpcs",
            "pint",
            "ecs",
            "phpmd",
            "shellcheck",
            "yamllint",
            "actionlint",
            "ktlint",
            "detekt",
            "hadolint",
            "slotscheck",
            "twine",
            "check-manifest",
            "pyroma",
            "deptry",
            "validate-pyproject",
        ],
        "lint",
    ),
    **dict.fromkeys(
        [
            "mypy",
            "dmypy",
            "pyright",
            "basedpyright",
            "pyre",
            "pytype",
            "ty",
            "tsc",
            "vue-tsc",
            "svelte-check",
            "phpstan",
            "psalm",
            "srb",
            "steep",
            "flow",
        ],
        "types",
    ),
}
PYTHON_TOOLS = frozenset(
    [
        "pytest",
        "py.test",
        "nose2",
        "trial",
        "stestr",
        "unittest",
        "ward",
        "flake8",
        "pylint",
        "pycodestyle",
        "pydocstyle",
        "bandit",
        "codespell",
        "vulture",
        "interrogate",
        "ruff",
        "black",
        "isort",
        "mypy",
        "pyright",
        "basedpyright",
        "pyre",
        "pytype",
        "ty",
        "pre-commit",
        "tox",
        "nox",
        "coverage",
        "python",
        "djlint",
        "doc8",
        "slotscheck",
    ]
)
# Only with one of these words are they checks; without, they change files.
CHECKING: Mapping[str, tuple[str, ...]] = {
    "black": ("--check",),
    "isort": ("--check", "--check-only", "-c"),
    "prettier": ("--check", "-c", "-l", "--list-different"),
    "gofmt": ("-l", "-d"),
    "goimports": ("-l", "-d"),
    "php-cs-fixer": ("--dry-run", "check"),
    "rector": ("--dry-run",),
    "standard-version": (),
}
REPAIRING = frozenset(["--fix", "--write", "-w", "-a", "-A", "--auto-correct", "--autocorrect"])
# Tool and first argument.
CALLS: Mapping[tuple[str, str], str] = {
    ("ruff", "check"): "lint",
    ("pre-commit", "run"): "lint",
    ("biome", "check"): "lint",
    ("biome", "ci"): "lint",
    ("biome", "lint"): "lint",
    ("next", "lint"): "lint",
    ("ng", "lint"): "lint",
    ("ng", "test"): "test",
    ("node", "--test"): "test",
    ("bun", "test"): "test",
    ("deno", "test"): "test",
    ("deno", "lint"): "lint",
    ("deno", "check"): "types",
    ("go", "test"): "test",
    ("go", "vet"): "lint",
    ("go", "build"): SETUP,
    ("go", "generate"): SETUP,
    ("go", "install"): SETUP,
    ("go", "get"): SETUP,
    ("go", "mod"): SETUP,
    ("cargo", "test"): "test",
    ("cargo", "nextest"): "test",
    ("cargo", "clippy"): "lint",
    ("cargo", "check"): "types",
    ("cargo", "hack"): "types",
    ("cargo", "build"): SETUP,
    ("cargo", "fetch"): SETUP,
    ("artisan", "test"): "test",
    ("dotnet", "test"): "test",
    ("dotnet", "restore"): SETUP,
    ("dotnet", "build"): SETUP,
    ("turbo", "build"): SETUP,
}
DATABASE_WORDS = regex(
    r"\b(db:(create|setup|schema:load|migrate|prepare|test:prepare|structure:load|push)|migrate|alembic upgrade|prisma (migrate|db push)|"
    r"createdb|psql|mysql|flask db upgrade|doctrine:(database|migrations|schema):\w+|knex migrate)\b"
)
BROWSER = regex(r"(?i)e2e|end-to-end|playwright|cypress|browser")
# The names of scripts, targets and tasks; the first that matches counts.
NO_CHECK_NAME = regex(
    r"e2e|end-to-end|playwright|cypress|browser|system|bench|perf|smoke|docs?\b|publish|release|deploy|docker|storybook|visual|snapshot-update",
    re.IGNORECASE,
)
NAMES: Mapping[str, re.Pattern[str]] = {
    "types": regex(
        r"type-?check|typing|(^|[:_-])(types?|tsc|mypy|pyright|phpstan|stan|psalm|static-?analysis)($|[:_-])"
    ),
    "lint": regex(
        r"lint|(^|[:_-])(style|ruff|flake8|black|rubocop|phpcs|cs|prettier|clippy|stylelint|vet|quality|pre-?commit)($|[:_-])|"
        r"(format|fmt)[:_-]?(check|ci)|check[:_-]?(format|fmt|formatting|style)|(^|[:_-])(format|fmt)[:_-]check"
    ),
    "test": regex(
        r"(^|[:_./-])(run[_-]?)?(tests?|unit(tests?)?|specs?|coverage|cov|pytest|jest|vitest|phpunit|rspec)($|[:_.-])"
    ),
    SETUP: regex(
        r"(^|[:_./-])(set-?up|install|bootstrap|deps|dependencies|requirements|build|compile|generate|gen|codegen|prepare|proto|develop|dev-setup|init)($|[:_.-])"
    ),
}


def kind_of_name(name: str) -> str:
    """The kind that the name of a script or target says; ``UNKNOWN`` where it says none."""
    if NO_CHECK_NAME.search(name):
        return NOTHING
    return next((kind for kind, pattern in NAMES.items() if pattern.search(name)), UNKNOWN)


def kind_of_environment(name: str) -> str:
    """The kind that the name of tox's environment or nox's session says: "py311-django50" is a test."""
    if re.match(r"(py|cpython)?[23]?\.?\d*($|-)|py$|py-|pypy", name) and kind_of_name(name) in (
        "test",
        UNKNOWN,
    ):
        return "test"
    return kind_of_name(name.replace("_", "-"))


def kind_of_tool(words: tuple[str, ...]) -> str:
    """The kind of a command by its tool; ``UNKNOWN`` where the tool is not known, ``NOTHING`` where it repairs."""
    if not words:
        return NOTHING
    tool, arguments = words[0], words[1:]
    if tool in CHECKING:
        return "lint" if set(CHECKING[tool]) & set(arguments) else NOTHING
    kind = CALLS.get((tool, arguments[0] if arguments else ""), "")
    kind = kind or _special(tool, arguments) or TOOLS.get(tool, UNKNOWN)
    if kind in ("lint", "types") and REPAIRING & set(arguments):
        return NOTHING
    if kind == "test" and {"--collect-only", "--version", "--help", "--no-run"} & set(arguments):
        return NOTHING
    return kind


def _special(tool: str, arguments: tuple[str, ...]) -> str:
    """Tools whose kind depends on more than their first argument."""
    plain = [word for word in arguments if not word.startswith("-")]
    match tool:
        case "ruff" if plain[:1] == ["format"]:
            return "lint" if {"--check", "--diff"} & set(arguments) else NOTHING
        case "ruff":
            return "lint"
        case "cargo" if arguments[:1] in (("fmt",), ("+nightly",)):
            return "lint" if "fmt" in arguments and "--check" in arguments else NOTHING
        case "deno" if plain[:1] == ["fmt"]:
            return "lint" if "--check" in arguments else NOTHING
        case "dotnet" if plain[:1] == ["format"]:
            return "lint" if "--verify-no-changes" in arguments else NOTHING
        case "mvn" | "./mvnw" | "mvnw":
            return _maven(arguments, plain)
        case "gradle" | "./gradlew" | "gradlew":
            return _gradle(plain)
        case "python":
            return _python(tuple(plain))
        case "php" if plain[:2] == ["artisan", "test"]:
            return "test"
        case "coverage":
            return NOTHING
        case "test" if any("gofmt" in word for word in arguments):
            return "lint"
        case "rails" | "bin/rails" | "bin/rake":
            return _rails(plain)
        case "composer" if plain[:1] in (["validate"], ["audit"]):
            return NOTHING
        case "black" | "isort":
            return NOTHING
    return ""


def _rails(tasks: list[str]) -> str:
    if any(re.fullmatch(r"test(:(?!system|all)\w+)*|spec(:\w+)*", task) for task in tasks):
        return "test"
    return DATABASE if any(task.startswith("db:") for task in tasks) else NOTHING


def _maven(arguments: tuple[str, ...], goals: list[str]) -> str:
    if any(re.search(r"(checkstyle|spotless|spotbugs|pmd|formatter):", goal) for goal in goals):
        return "lint"
    skips = any(re.match(r"-D(skipTests|maven\.test\.skip)(=true)?$", word) for word in arguments)
    if {"test", "verify", "integration-test"} & set(goals) or ("package" in goals or "install" in goals):
        return SETUP if skips else "test"
    return SETUP if goals else NOTHING


def _gradle(tasks: list[str]) -> str:
    names = [task.rpartition(":")[2] for task in tasks]
    if any(re.fullmatch(r"(\w*[tT]est|check|build)", name) for name in names):
        return "test"
    if any(re.search(r"(?i)checkstyle|spotless|ktlint|detekt|pmd|spotbugs|lint", name) for name in names):
        return "lint"
    return SETUP if names else NOTHING


def _python(words: tuple[str, ...]) -> str:
    """Python with a script: Django's manage.py, a runner of the repository's own, setup.py."""
    if not words:
        return NOTHING
    script, rest = words[0], words[1:]
    name = script.rpartition("/")[2]
    if name == "manage.py":
        match rest[:1]:
            case ("test",):
                return "test"
            case ("check" | "makemigrations",):
                return "lint" if rest[0] == "check" else NOTHING
            case ("migrate",):
                return DATABASE
            case ("collectstatic" | "compilemessages",):
                return SETUP
        return NOTHING
    if name == "setup.py":
        return {"test": "test", "install": SETUP, "develop": SETUP, "build_ext": SETUP, "build": SETUP}.get(
            rest[0] if rest else "", NOTHING
        )
    return kind_of_name(name.removesuffix(".py"))
