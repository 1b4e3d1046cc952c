"""``.dayhand.toml``: what a repository's maintainers decided, read from the default branch and from nowhere else.

A branch that somebody works on, we among them, must not be able to open the network for itself.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

from dayhand.environment.ecosystems.base import Files

NAME = ".dayhand.toml"
KNOWN = {
    "network": ("allow",),
    "setup": ("run",),
    "checks": ("lint", "types", "test"),
    "limits": ("lines", "files", "money", "minutes"),
}
SIZES = ("lines", "files")  # whole numbers; 0: no limit
HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


@dataclass(frozen=True, slots=True)
class RepoConfig:
    """The decisions. ``problems`` are sentences about what could not be understood: it is passed over."""

    allow: tuple[
        str, ...
    ] = ()  # hosts that set-up may reach beside the registries; "*.example.org" for all below
    problems: tuple[str, ...] = ()
    run: tuple[str, ...] | None = None  # what sets the repository up, instead of what would be detected
    checks: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # a kind, and its commands; none: not checked
    limits: Mapping[str, int] = field(default_factory=dict)  # "lines" and "files" of a change; 0: no limit
    budget: Mapping[str, float] = field(default_factory=dict)  # "money" (dollars) and "minutes" of one task


def read_config(files: Files) -> RepoConfig:
    """Read the decisions from the files of the default branch; without a file there are none."""
    text = files.read(NAME)
    if not text.strip():
        return RepoConfig()
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return RepoConfig(problems=(f"{NAME} is not TOML and is passed over: {error}.",))
    problems = [
        f"{NAME}: {section} is not known, so it is passed over." for section in table if section not in KNOWN
    ]
    sections = {name: _section(table, name, problems) for name in KNOWN}
    wanted = sections["network"].get("allow", [])
    hosts = wanted if isinstance(wanted, list) else [wanted]
    sound = [host for host in hosts if isinstance(host, str) and HOST.fullmatch(host)]
    problems += [
        f"{NAME}: {host!r} in network.allow is no host name such as files.example.org, so it is passed over."
        for host in hosts
        if host not in sound
    ]
    run = _commands(sections["setup"], "setup", "run", problems=problems)
    checks = {
        kind: _commands(sections["checks"], "checks", kind, problems=problems) for kind in KNOWN["checks"]
    }
    numbers = _numbers(sections["limits"], "limits", problems)
    return RepoConfig(
        tuple(dict.fromkeys(sound)),
        tuple(problems),
        run,
        {kind: commands for kind, commands in checks.items() if commands is not None},
        {name: int(number) for name, number in numbers.items() if name in SIZES},
        {name: number for name, number in numbers.items() if name not in SIZES},
    )


def _section(table: Mapping[str, object], name: str, problems: list[str]) -> Mapping[str, object]:
    section = table.get(name, {})
    if not isinstance(section, dict):
        problems.append(f"{NAME}: [{name}] is no table, so it is passed over.")
        return {}
    problems += [
        f"{NAME}: {name}.{key} is not known, so it is passed over."
        for key in section
        if key not in KNOWN[name]
    ]
    return section


def _numbers(section: Mapping[str, object], name: str, problems: list[str]) -> Mapping[str, float]:
    sound = {}
    for key, value in section.items():
        if key in SIZES and type(value) is int and value >= 0:
            sound[key] = float(value)
        elif key in SIZES:
            problems.append(f"{NAME}: {name}.{key} is no whole number, so it is passed over.")
        elif key in KNOWN[name] and type(value) in (int, float) and 0 < float(str(value)) < math.inf:
            sound[key] = float(str(value))
        elif key in KNOWN[name]:
            problems.append(f"{NAME}: {name}.{key} is no number above 0, so it is passed over.")
    return sound


def _commands(
    section: Mapping[str, object], name: str, key: str, *, problems: list[str]
) -> tuple[str, ...] | None:
    """One command or a list of them; None where nothing is said, or nothing that is a command."""
    if key not in section:
        return None
    value = section[key]
    commands = value if isinstance(value, list) else [value]
    if all(isinstance(one, str) and one.strip() and "\0" not in one for one in commands):
        return tuple(map(str.strip, commands))
    problems.append(f"{NAME}: {name}.{key} is no command and no list of commands, so it is passed over.")
    return None
