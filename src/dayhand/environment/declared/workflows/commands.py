"""What one command of CI is: a check, a part of set-up, system packages, or something that only CI needs."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace

from dayhand.environment.declared.workflows import kinds
from dayhand.environment.declared.workflows.kinds import kind_of_name, kind_of_tool
from dayhand.environment.declared.workflows.scripts import NODE_MANAGERS, RUN_ALL, Scripts, named_script
from dayhand.environment.declared.workflows.setup_commands import (
    COVERED,
    FILE_COMMANDS,
    migrates,
    setup_commands,
    system_packages,
)
from dayhand.environment.declared.workflows.shell import ShellCommand, Word, split
from dayhand.environment.declared.workflows.wrappers import PYTHON, bare, program
from dayhand.startup.records import dataclass

FAMILIES: Mapping[str, str] = {
    **dict.fromkeys(kinds.PYTHON_TOOLS, "python"),
    **dict.fromkeys(
        ["pip", "pip3", "uv", "poetry", "pdm", "pipenv", "hatch", "rye", "runtests.py", "flask", "alembic"],
        "python",
    ),
    **dict.fromkeys(
        [
            "npm",
            "pnpm",
            "yarn",
            "bun",
            "node",
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
            "eslint",
            "prettier",
            "biome",
            "stylelint",
            "xo",
            "standard",
            "oxlint",
            "tslint",
            "jshint",
            "tsc",
            "vue-tsc",
            "svelte-check",
            "turbo",
            "nx",
            "lerna",
            "ng",
            "next",
            "knip",
            "run-s",
            "run-p",
            "npm-run-all",
            "deno",
        ],
        "node",
    ),
    **dict.fromkeys(
        ["go", "gotestsum", "ginkgo", "golangci-lint", "staticcheck", "gofmt", "goimports", "revive"], "go"
    ),
    **dict.fromkeys(["cargo"], "rust"),
    **dict.fromkeys(
        [
            "bundle",
            "rake",
            "rspec",
            "rails",
            "bin/rails",
            "rubocop",
            "standardrb",
            "minitest",
            "ruby",
            "srb",
            "steep",
            "erb_lint",
            "reek",
            "brakeman",
        ],
        "ruby",
    ),
    **dict.fromkeys(
        [
            "composer",
            "php",
            "phpunit",
            "pest",
            "paratest",
            "phpcs",
            "phpstan",
            "psalm",
            "pint",
            "php-cs-fixer",
            "ecs",
            "rector",
            "phpmd",
            "artisan",
        ],
        "php",
    ),
    **dict.fromkeys(["mvn", "./mvnw", "mvnw", "gradle", "./gradlew", "gradlew"], "java"),
    **dict.fromkeys(["dotnet"], "dotnet"),
}
FOLDER_OPTIONS = frozenset(["--cwd", "--prefix", "-C", "--dir"])
MONOREPO_RUNNERS = frozenset(["turbo", "nx", "lerna"])
CONTAINERS = frozenset(["docker", "docker-compose", "podman", "act"])
SHELL_SCRIPT = re.compile(r"(\./|[\w.-]+/)*[\w.-]+")
SHELL_PROGRAMS = frozenset(["sh", "bash", "zsh", "dash"])


@dataclass(frozen=True, slots=True)
class Understood:
    """One command, and how it runs in a box."""

    kind: str  # see ``kinds``
    family: str = ""
    run: str = ""
    tool: str = ""
    words: tuple[str, ...] = ()  # what it means, without runners
    instead: tuple[str, ...] = ()  # of set-up: the commands that do the same here
    why_not: str = ""  # of a check that cannot run here
    seems: str = ""  # of one that is not recognized: the kind that its words name


def understand(command: ShellCommand, scripts: Scripts) -> Understood:
    """What a command is. ``scripts`` are those of the folder in which it runs."""
    words = bare(command.words)
    if words[:1] and words[0].value == "hatch" and not scripts.text("hatch", named_script(program(words))[1]):
        words = bare(tuple(word for word in words[1:] if word.value != "run"))
    values = program(words)
    if not values:
        return Understood(kinds.NOTHING)
    if system_packages(values) is not None:
        return Understood(kinds.PACKAGES, words=values)
    if values[0] in CONTAINERS:
        checks = any(kind_of_tool(values[at:]) in kinds.KINDS for at in range(1, len(values)))
        return Understood(kinds.NOTHING, why_not="runs in a container" if checks else "")
    kind, family = _kind(values, scripts)
    run = _runnable(words, values, scripts)
    if kind in kinds.KINDS:
        if values[0] in ("rails", "bin/rails"):  # system tests need a browser
            run = run.replace(" test:system", "")
        return Understood(kind, family, run, values[0], _meaning(values))
    if migrates(values) and kind != kinds.NOTHING:
        return Understood(kinds.DATABASE, family, run, values[0], values)
    if kind == kinds.SETUP:
        commands = setup_commands(command, _rewritten_words(words), values)
        return Understood(kind, family, run, values[0], values, commands)
    if _needs_browser(values):
        return Understood(kind, family, run, values[0], values, why_not="needs a browser")
    seems = _named_kind(values) if kind == kinds.UNKNOWN else ""
    why_not = "not recognized" if seems else ""
    return Understood(kind, family, run, values[0], values, why_not=why_not, seems=seems)


def in_its_folder(command: ShellCommand) -> ShellCommand:
    """A package manager's command without the option that changes its folder, in that folder."""
    words = command.words
    if not words or words[0].value not in NODE_MANAGERS:
        return command
    for at, word in enumerate(words[1:-1], 1):
        if word.value in FOLDER_OPTIONS and "$" not in words[at + 1].raw:
            folder = posixpath.join(command.folder, words[at + 1].value)
            return replace(command, words=(*words[:at], *words[at + 2 :]), folder=folder)
    return command


def _kind(values: tuple[str, ...], scripts: Scripts) -> tuple[str, str]:
    """The kind of a command, and the family of its tool."""
    tool = values[0]
    family = FAMILIES.get(tool, "")
    runner, name = named_script(values)
    if tool in NODE_MANAGERS and name in MONOREPO_RUNNERS:
        return _kind(values[values.index(name) :], scripts)
    if runner == "npm" and not scripts.text(runner, name):
        return _elsewhere(values, name), family
    if runner:
        return scripts.kind(runner, name), family
    if tool in MONOREPO_RUNNERS or tool in RUN_ALL:
        return _strongest(kind_of_name(word) for word in values[1:] if not word.startswith("-")), family
    if tool in ("tox", "nox"):
        named = environments(values)
        return (_strongest(map(kinds.kind_of_environment, named)) if named else "test"), family
    if tool in SHELL_PROGRAMS:
        script = next((word for word in values[1:] if not word.startswith("-")), "")
        return (kind_of_name(script.rpartition("/")[2]) if script else kinds.NOTHING), ""
    kind = kind_of_tool(values)
    if kind == kinds.UNKNOWN and _sets_up(values):
        kind = kinds.SETUP
    if kind == kinds.UNKNOWN and SHELL_SCRIPT.fullmatch(tool) and "/" in tool:
        inner = tool.rpartition("/")[2]
        kind = kind_of_tool((inner, *values[1:]))
        return (kind if kind != kinds.UNKNOWN else kind_of_name(inner)), FAMILIES.get(inner, "")
    return kind, family


def _elsewhere(values: tuple[str, ...], name: str) -> str:
    """What a package manager starts that is no script of this folder: one of a workspace's members, or a tool."""
    members = ("-w", "--workspace", "--filter", "-F", "-r", "--recursive", "workspace")
    if any(word.startswith(members) for word in values[1:]):
        return kind_of_name(name)
    return kind_of_tool(values[1:]) if values[0] != "npm" else kinds.NOTHING


def _strongest(found: Iterable[str]) -> str:
    found = tuple(found)
    return next((kind for kind in ("test", "types", "lint", kinds.SETUP) if kind in found), kinds.NOTHING)


def _sets_up(values: tuple[str, ...]) -> bool:
    first = next((word for word in values[1:] if not word.startswith("-")), "")
    known = values[0] in FILE_COMMANDS or values[0] in ("echo", "printf", "pip", "pip3", "pipx", "gem")
    return known or first in COVERED.get(values[0], ()) or values[:2] in (("uv", "pip"), ("uv", "tool"))


def environments(values: tuple[str, ...]) -> tuple[str, ...]:
    """The environments of tox or the sessions of nox that a command names; none: the default ones."""
    names: list[str] = []
    for option, word in zip(values, (*values[1:], ""), strict=True):
        if option in ("-e", "-s", "--session", "--sessions", "--env"):
            names += word.split(",")
        elif found := re.fullmatch(r"(?:-[es]|--sessions?=)([\w.,{}-]+)", option):
            names += found[1].split(",")
    return tuple(name.strip() for name in names if name.strip())


def session_name(name: str) -> str:
    """A session of nox without the Python and the parameters that it runs with: "tests-3.11(django='5')" is "tests"."""
    return re.sub(r"(-\d+(\.\d+)*)?(\(.*\))?$", "", name)


def _needs_browser(values: tuple[str, ...]) -> bool:
    """Whether it runs tests that a box cannot run: end to end, in a browser."""
    _runner, name = named_script(values)
    return bool(kinds.BROWSER.search(name or values[0]))


def _named_kind(values: tuple[str, ...]) -> str:
    found = (kind_of_name(word) for word in values[:3] if not word.startswith("-"))
    return next((kind for kind in found if kind in kinds.KINDS), "")


def _rewritten_words(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Python by the name that every box has; CI's own name may be that of another version."""
    return tuple(
        Word("python3", "python3") if at == 0 and PYTHON.fullmatch(word.value) else word
        for at, word in enumerate(words)
    )


def _runnable(words: tuple[Word, ...], values: tuple[str, ...], scripts: Scripts) -> str:
    """The command as a box can run it: scripts of package.json by npm, its tools by npx, which installs nothing."""
    raws = [word.raw for word in _rewritten_words(words)]
    runner, name = named_script(values)
    if runner == "npm" and scripts.text("npm", name):
        extra = _after_script(values, name)
        return shlex.join(("npm", "run", name, *(("--", *extra) if extra else ())))
    if runner == "hatch":
        return " && ".join(scripts.text("hatch", name).splitlines())
    if (
        values[0] in NODE_MANAGERS
        and values[0] != "bun"
        and (kind_of_tool(values[1:]) in kinds.KINDS or name in MONOREPO_RUNNERS)
    ):
        return " ".join(("npx --no-install", *raws[1:]))
    if words[0].value in ("npx", "pnpx") or (
        words[0].value in NODE_MANAGERS and len(values) < len(words) - 1
    ):
        return " ".join(("npx --no-install", *raws[len(raws) - len(values) :]))
    return " ".join(raws)


def _after_script(values: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The arguments that a package manager passes on to a script."""
    if "--" in values:
        return values[values.index("--") + 1 :]
    rest = values[values.index(name) + 1 :] if name in values else ()
    return rest if values[0] != "npm" else ()


QUIET = re.compile(
    r"-[qvrasx]+|-r\w|--(verbose|quiet|color|colors|tb|durations|no-header|ci|show-source|statistics)(=.*)?|--color=\w+"
)


def _meaning(values: tuple[str, ...]) -> tuple[str, ...]:
    """The words by which two commands are the same check: without what only changes the output."""
    runner, name = named_script(values)
    if runner == "npm":
        targets = tuple(
            word for word in values[1:] if word.startswith(("--workspace", "--filter", "-w", "-F", "-r"))
        )
        return ("npm", "run", name, *targets, *_after_script(values, name))
    return tuple(word for word in values if not QUIET.fullmatch(word))


def meaning(text: str) -> tuple[str, ...]:
    """The same for a command that was detected, without the folder that it changes to."""
    commands = split(text)
    return _meaning(program(bare(commands[-1].words))) if commands else (text,)
