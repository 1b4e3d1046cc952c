"""What CI's set-up commands become here: many are what set-up does anyway, some have to be written differently."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dayhand.environment.declared.workflows.kinds import DATABASE_WORDS
from dayhand.environment.declared.workflows.shell import ShellCommand, Word

# Package managers and services of CI: others take their place here.
NOT_NEEDED = re.compile(
    r"(pip|setuptools|wheel|uv|poetry|pipenv|pdm|hatch|hatchling|rye|build|twine|tox|tox-uv|tox-gh(-actions)?|nox|nox-uv|"
    r"codecov|coveralls|pipx|poetry-\w+|virtualenv|flit|pre-commit-uv|setuptools-scm)([\[<>=!~].*)?"
)
PIP_FLAGS_WITH_VALUE = frozenset(
    [
        "-r",
        "--requirement",
        "-e",
        "--editable",
        "-c",
        "--constraint",
        "-i",
        "--index-url",
        "--extra-index-url",
        "-f",
        "--find-links",
        "--cache-dir",
        "--python",
        "--group",
        "--only-binary",
        "--no-binary",
        "--extra",
        "--prefix",
        "-t",
        "--target",
        "--upgrade-strategy",
        "--config-settings",
    ]
)
PIP_DROPPED = frozenset(
    [
        "-U",
        "--upgrade",
        "-q",
        "--quiet",
        "-v",
        "--verbose",
        "--user",
        "--system",
        "--break-system-packages",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
        "--use-pep517",
        "--no-input",
        "--root-user-action=ignore",
        "--no-warn-script-location",
        "--upgrade-strategy",
        "eager",
        "only-if-needed",
    ]
)
PIP_VALUES = frozenset(
    ["-r", "--requirement", "-e", "--editable", "-c", "--constraint", "--group", "--extra"]
)
# The installation of a project's own dependencies: each is what the ecosystem's module does, with its fallbacks.
COVERED: Mapping[str, frozenset[str]] = {
    "uv": frozenset(["sync", "lock", "venv", "python"]),
    "poetry": frozenset(["install", "config", "self", "sync", "env"]),
    "pdm": frozenset(["install", "sync", "config", "use"]),
    "pipenv": frozenset(["install", "sync"]),
    "rye": frozenset(["sync"]),
    "hatch": frozenset(["env"]),
    "npm": frozenset(["ci", "install", "i", "clean-install"]),
    "pnpm": frozenset(["install", "i"]),
    "yarn": frozenset(["install", "set", "config", ""]),
    "bun": frozenset(["install", "i"]),
    "bundle": frozenset(["install", "config", "check"]),
    "composer": frozenset(["install", "update", "config", "validate", "dump-autoload"]),
    "go": frozenset(["mod", "get", "install", "build", "work", "env", "version"]),
    "cargo": frozenset(["fetch", "build", "install", "generate-lockfile"]),
    "dotnet": frozenset(["restore", "build", "tool"]),
}
# Files that tests need: a copied example of settings, a folder.
FILE_COMMANDS = frozenset(["cp", "mkdir", "touch", "ln", "mv", "sed"])


def setup_commands(
    command: ShellCommand, words: tuple[Word, ...], values: tuple[str, ...]
) -> tuple[str, ...]:
    """The commands that do the same here, tried in turn; none where set-up does it anyway or only CI needs it."""
    tool, arguments = values[0], values[1:]
    if tool in ("pip", "pip3") or values[:2] == ("uv", "pip"):
        return _pip(words, values)
    if (tool == "pipx" and arguments[:1] == ("install",)) or values[:3] == ("uv", "tool", "install"):
        wanted = [
            word
            for word in values[2:]
            if word != "install" and not word.startswith("-") and not NOT_NEEDED.fullmatch(word)
        ]
        return (f"uv pip install {' '.join(wanted)}",) if wanted else ()
    first = next((word for word in arguments if not word.startswith("-")), "")
    if tool in COVERED and first in COVERED[tool]:
        return ()
    if tool in FILE_COMMANDS or tool in ("echo", "printf"):
        writes = tool in FILE_COMMANDS or ">" in command.text
        return () if _only_for_ci(command.text) or not writes else (command.text,)
    return (" ".join(word.raw for word in words),)


def migrates(values: tuple[str, ...]) -> bool:
    """Whether a command prepares a database: its data is fresh in each run, so this belongs to the check."""
    return bool(DATABASE_WORDS.search(" ".join(values[:4])))


def system_packages(values: tuple[str, ...]) -> tuple[str, ...] | None:
    """The packages that ``apt-get install`` names; None for any other command."""
    if values[:1] not in (("apt-get",), ("apt",), ("aptitude",)):
        return None
    if "install" not in values:
        return ()
    rest = values[values.index("install") + 1 :]
    names = (word.partition("=")[0].partition("/")[0] for word in rest if not word.startswith("-"))
    return tuple(name for name in names if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+(:\w+)?", name))


def _only_for_ci(text: str) -> bool:
    return bool(re.search(r"GITHUB_|RUNNER_|~/|\$HOME|/etc/|/usr/", text))


def _pip(words: tuple[Word, ...], values: tuple[str, ...]) -> tuple[str, ...]:
    """``pip install`` as uv has it; the project itself stays editable, so that tests see the change."""
    if "install" not in values:
        return ()
    raws = (
        [word.raw for word in words][-(len(values) - values.index("install") - 1) :]
        if values[-1] != "install"
        else []
    )
    kept: list[str] = []
    at = 0
    while at < len(raws):
        word = raws[at].strip("'\"")
        if word in PIP_FLAGS_WITH_VALUE and at + 1 < len(raws):
            if word in PIP_VALUES:
                kept += [raws[at], raws[at + 1]]
            at += 2
            continue
        at += 1
        if (
            word in PIP_DROPPED
            or NOT_NEEDED.fullmatch(word)
            or (word.startswith("-") and not word.startswith(("-r", "-e", "--no-deps", "--pre")))
        ):
            continue
        kept += (
            ["-e", raws[at - 1]] if re.fullmatch(r"\.(/[\w./-]*)?(\[[\w,. -]*\])?", word) else [raws[at - 1]]
        )
    if not kept:
        return ()
    text = " ".join(kept)
    return (f"uv pip install {text}", f"python3 -m pip install {text}")
