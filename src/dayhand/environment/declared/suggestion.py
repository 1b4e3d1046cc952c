"""A better ``.dayhand.toml``, guessed from what went wrong: only a guess, until it was tried in a box.

No host is ever opened by a guess: what a repository's own code asks for is a person's to allow.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dayhand.environment import monorepo
from dayhand.environment.base import Environment
from dayhand.environment.declared.dayhand_toml import NAME
from dayhand.environment.declared.improvement import Guess, Line
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.ecosystems.base import Check, Files
from dayhand.environment.prepare import combine

# Tools that we know by name, and what brings each: a name that a repository gives is not installed on its word.
BY_UV = frozenset(
    {"black", "flake8", "isort", "mypy", "nox", "pre-commit", "pylint", "pytest", "ruff", "tox"}
)
BY_NPM = {"eslint": "eslint", "prettier": "prettier", "tsc": "typescript"}


@dataclass(frozen=True, slots=True)
class Guessed:
    """The files of a commit as they would be with a guess."""

    files: Files
    text: str

    def paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.files.paths(), NAME)))

    def read(self, path: str) -> str:
        return self.text if path == NAME else self.files.read(path)


def guess(files: Files, place: Environment, lacking: Mapping[str, str]) -> Guess | None:
    """What might do better, where anything might. ``lacking``: the commands that cannot run, and why."""
    detected, _left = monorepo.plans(files, ECOSYSTEMS)
    always = {step.title for plan in detected for step in plan.steps if step.always}
    lines = (*_set_up(place, lacking, always), *_checks(place, lacking, combine(detected, "").checks))
    text = write(files.read(NAME), lines) if lines else None
    return Guess(text, lines) if text is not None else None


def _set_up(place: Environment, lacking: Mapping[str, str], always: set[str]) -> Iterator[Line]:
    """What passed, without what failed, and with what would bring the tools that lack."""
    failed = [step for step in place.steps if not step.passed]
    bring = tuple(
        dict.fromkeys(
            line for check in place.checks if check.command in lacking for line in _bringing(check, place)
        )
    )
    if not failed and not bring:
        return
    kept = tuple(step.command for step in place.steps if step.passed and step.title not in always)
    why = [f"“{step.title}” fails, so it is left out." for step in failed]
    why += [f"`{command}` brings what a check needs and nothing installs." for command in bring]
    yield Line("setup", "run", (*kept, *bring), " ".join(why))


def _bringing(check: Check, place: Environment) -> Iterator[str]:
    if check.tool in BY_UV and "VIRTUAL_ENV" in place.env:
        yield f"uv pip install {check.tool}"
    elif check.tool in BY_NPM and "Node" in place.ecosystems:
        yield f"npm install --no-save {BY_NPM[check.tool]}"


def _checks(place: Environment, lacking: Mapping[str, str], detected: tuple[Check, ...]) -> Iterator[Line]:
    """Where a declared check cannot run, and cannot be helped: what would be run if nothing were declared."""
    for kind in dict.fromkeys(check.kind for check in place.checks):
        declared = [check for check in place.checks if check.kind == kind]
        instead = tuple(check.command for check in detected if check.kind == kind)
        hopeless = [one for one in declared if one.command in lacking and not list(_bringing(one, place))]
        if hopeless and instead and set(instead) != {one.command for one in declared}:
            named = ", ".join(f"`{one.command}` ({one.source})" for one in hopeless)
            value = instead[0] if len(instead) == 1 else instead
            yield Line(
                "checks", kind, value, f"{named} cannot run here; this is what the files themselves set up."
            )


def write(text: str, lines: tuple[Line, ...]) -> str | None:
    """``text`` with the settings of ``lines`` in it, all else as it stands; None where that cannot be done safely."""
    try:
        wanted = tomllib.loads(text)
        for line in lines:
            value = list(line.value) if isinstance(line.value, tuple) else line.value
            wanted.setdefault(line.section, {})[line.key] = value
            text = _set(text, line)
        return text if tomllib.loads(text) == wanted else None
    except (tomllib.TOMLDecodeError, RecursionError, AttributeError, TypeError):
        return None


def _set(text: str, line: Line) -> str:
    shown = f"{line.key} = {_toml(line.value)}"
    section = re.compile(rf"^\[{line.section}\][^\n]*\n?", re.MULTILINE)
    found = section.search(text)
    if not found:
        return f"{text.rstrip()}\n\n[{line.section}]\n{shown}\n".lstrip()
    ended = re.compile(r"^\[", re.MULTILINE).search(text, found.end())
    end = ended.start() if ended else len(text)
    body = text[found.end() : end]
    old = re.compile(
        rf"^{line.key}[ \t]*=[ \t]*(\[.*?\]|\"[^\"\n]*\"|'[^'\n]*')[ \t]*(#[^\n]*)?$",
        re.MULTILINE | re.DOTALL,
    )
    new = old.sub(lambda _old: shown, body, count=1) if old.search(body) else f"{shown}\n{body}"
    head = found.group() if found.group().endswith("\n") else f"{found.group()}\n"
    return text[: found.start()] + head + new + text[end:]


def _toml(value: str | tuple[str, ...]) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if len(value) < 2:
        return f"[{', '.join(_toml(one) for one in value)}]"
    return "[\n" + "".join(f"  {_toml(one)},\n" for one in value) + "]"
