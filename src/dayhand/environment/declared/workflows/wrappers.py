"""Programs that only start another one, such as ``poetry run``: what they start, and what can be left away here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dayhand.environment.declared.workflows.shell import Word

# All packages of Python are in one virtual environment that is first in the PATH, so these are not needed to start its tools.
PYTHON_RUNNERS = frozenset(["uv", "poetry", "pdm", "pipenv", "rye"])
FETCHING = (
    ("uvx",),
    ("uv", "tool", "run"),
    ("pipx", "run"),
)  # these start a tool that set-up installs by its name
# Options of these programs that take a value in the next word.
VALUE_OPTIONS: Mapping[str, frozenset[str]] = {
    "uv": frozenset(
        [
            "-p",
            "--python",
            "--group",
            "--only-group",
            "--no-group",
            "--extra",
            "--with",
            "--with-requirements",
            "--with-editable",
            "--env-file",
            "--package",
            "--directory",
            "--project",
            "--index",
            "--default-index",
            "--resolution",
            "--no-extra",
            "--cache-dir",
            "--color",
            "--prerelease",
            "--from",
            "--spec",
        ]
    ),
    "poetry": frozenset(["-C", "--directory", "-P", "--project"]),
    "hatch": frozenset(["-e", "--env"]),
    "pdm": frozenset(["-p", "--project", "-s", "--site-packages"]),
    "python": frozenset(["-W", "-X", "-Q"]),
    "coverage": frozenset(
        ["--source", "--rcfile", "--include", "--omit", "--context", "--data-file", "--concurrency"]
    ),
    "timeout": frozenset(["-s", "--signal", "-k", "--kill-after"]),
    "xvfb-run": frozenset(
        ["-s", "--server-args", "-n", "--server-num", "-e", "--error-file", "-f", "--auth-file"]
    ),
}
PYTHON = re.compile(r"python(3(\.\d+)?)?|py")
PREFIXES = frozenset(["sudo", "time", "command", "exec", "nice", "cross-env", "env", "dbus-run-session"])
EXECUTORS = (
    ("npx",),
    ("bunx",),
    ("pnpx",),
    ("pnpm", "exec"),
    ("pnpm", "dlx"),
    ("yarn", "exec"),
    ("npm", "exec"),
)


def bare(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """What a command really starts, without what can be left away here."""
    while words:
        first, rest = words[0].value, words[1:]
        if first in PREFIXES:
            words = rest
            while words and (words[0].value.startswith("-") or re.match(r"\w+=", words[0].value)):
                words = words[1:]
        elif first in PYTHON_RUNNERS and rest and rest[0].value == "run":
            words = _after_options(first, rest[1:])
        elif fetching := next((each for each in FETCHING if _starts_with(words, each)), ()):
            words = _after_options("uv", words[len(fetching) :])
        elif first in ("xvfb-run", "timeout"):
            words = _after_options(first, rest)
            if first == "timeout":
                words = words[1:]
        else:
            return words
    return words


def program(words: tuple[Word, ...]) -> tuple[str, ...]:
    """What a bare command means: the tool's name and its arguments, through ``python -m``, ``bundle exec`` and ``npx``."""
    values = tuple(word.value for word in words)
    for _ in range(4):
        if not values:
            return ()
        name = (
            values[0].rpartition("/")[2]
            if values[0].startswith(("/", "vendor/bin/", "node_modules/.bin/", ".venv/", "venv/"))
            else values[0]
        )
        values = (name, *values[1:])
        if PYTHON.fullmatch(name):
            rest = _plain_after("python", values[1:])
            if rest[:1] == ("-m",):
                values = rest[1:]
                continue
            return ("python", *rest)
        if values[:2] == ("coverage", "run"):
            rest = _plain_after("coverage", values[2:])
            values = rest[1:] if rest[:1] == ("-m",) else ("python", *rest)
            continue
        if values[:2] == ("bundle", "exec"):
            values = values[2:]
            continue
        executor = next((each for each in EXECUTORS if values[: len(each)] == each), ())
        if not executor:
            return values
        values = _skip_flags(values[len(executor) :])
    return values


def _starts_with(words: tuple[Word, ...], values: tuple[str, ...]) -> bool:
    return tuple(word.value for word in words[: len(values)]) == values


def _after_options(name: str, words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words after a program's own options."""
    takes = VALUE_OPTIONS.get(name, frozenset())
    while words and words[0].value.startswith("-"):
        option = words[0].value
        if option == "--":
            return words[1:]
        if name == "uv" and option in ("-m", "--module"):
            return (Word("python3", "python3"), Word("-m", "-m"), *words[1:])
        words = words[2:] if option in takes else words[1:]
    return words


def _plain_after(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    takes = VALUE_OPTIONS[name]
    while values and values[0].startswith("-") and values[0] not in ("-m", "-c"):
        values = values[2:] if values[0] in takes else values[1:]
    return values


def _skip_flags(values: tuple[str, ...]) -> tuple[str, ...]:
    """Past the flags of npx; ``-p package`` takes a value."""
    while values and values[0].startswith("-"):
        values = values[2:] if values[0] in ("-p", "--package", "--filter", "-C") else values[1:]
    return values
