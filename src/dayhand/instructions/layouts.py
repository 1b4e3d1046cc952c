"""The layouts of instruction files: where each is found, and what its first lines say about what it governs.

https://agents.md, https://docs.github.com/copilot/customizing-copilot/adding-repository-custom-instructions-for-github-copilot,
https://cursor.com/docs/context/rules, https://code.claude.com/docs/en/memory,
https://github.com/google-gemini/gemini-cli/blob/main/docs/cli/gemini-md.md
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dayhand.instructions.globs import split
from dayhand.startup.records import dataclass
from dayhand.startup.regex import regex

Values = Mapping[str, tuple[str, ...]]
NOT_FOR_US = "it says that coding agents do not read it"
NO_PATTERNS = "it names no files that it applies to"
ON_REQUEST = "it applies on request only"


@dataclass(frozen=True, slots=True)
class Applies:
    """What the first lines of a file say: ``reason`` is why it is not read."""

    globs: tuple[str, ...] = ()
    reason: str = ""


def everywhere(_: Values) -> Applies:
    return Applies()


def copilot(values: Values) -> Applies:
    """``applyTo``, and ``excludeAgent``."""
    if any(agent in ("coding-agent", "cloud-agent") for agent in values.get("excludeagent", ())):
        return Applies(reason=NOT_FOR_US)
    globs = _patterns(values, "applyto")
    return _applies(globs) if globs else Applies(reason=NO_PATTERNS)


def cursor(values: Values) -> Applies:
    """``alwaysApply``, or ``globs``. A rule with only a description is for whoever finds that it fits."""
    if [value.lower() for value in values.get("alwaysapply", ())] == ["true"]:
        return Applies()
    globs = _patterns(values, "globs")
    # A pattern without a slash is about the file's name, in any folder.
    anywhere = tuple(
        glob if "/" in glob else glob.replace(glob.lstrip("!"), f"**/{glob.lstrip('!')}") for glob in globs
    )
    return _applies(anywhere) if globs else Applies(reason=ON_REQUEST)


def _patterns(values: Values, key: str) -> tuple[str, ...]:
    return tuple(glob for value in values.get(key, ()) for glob in split(value))


def _applies(globs: tuple[str, ...]) -> Applies:
    return Applies() if {"**", "**/*", "*", "**/**"} & set(globs) else Applies(globs)


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout. Group 1 of ``path`` is the folder that it governs."""

    path: re.Pattern[str]
    applies: Callable[[Values], Applies] = everywhere


def _layout(path: str, applies: Callable[[Values], Applies] = everywhere) -> Layout:
    return Layout(regex(path), applies)


# In the order in which files of one folder are read.
LAYOUTS = (
    _layout(r"((?:.*/)?)AGENTS\.md"),
    _layout(r"((?:.*/)?)AGENTS\.override\.md"),
    _layout(r"((?:.*/)?)\.claude/CLAUDE\.md"),
    _layout(r"((?:.*/)?)CLAUDE\.md"),
    _layout(r"((?:.*/)?)GEMINI\.md"),
    _layout(r"()\.github/copilot-instructions\.md"),
    _layout(r"()\.github/instructions/(?:.*/)?[^/]+\.md", copilot),
    _layout(r"((?:.*/)?)\.cursorrules"),
    _layout(r"((?:.*/)?)\.cursor/rules/(?:.*/)?(?:[^/]+\.mdc|RULE\.md)", cursor),
)
OVERRIDE, OVERRIDDEN = "AGENTS.override.md", "AGENTS.md"
