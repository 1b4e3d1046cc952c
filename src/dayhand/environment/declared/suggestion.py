"""Suggest a better ``.dayhand.toml`` from what failed; it counts only after it was tried in a box.

A suggestion never opens a host: a person decides what a repository's own code may reach.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping

from dayhand.environment import monorepo
from dayhand.environment.base import Environment
from dayhand.environment.declared.dayhand_toml import NAME
from dayhand.environment.declared.improvement import SuggestedSetting, Suggestion
from dayhand.environment.ecosystems import python_checks
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.ecosystems.base import Check, Files
from dayhand.environment.prepare import combine
from dayhand.startup.records import dataclass

# Well-known tools and the package of each: a name that only a repository gives is never installed.
BY_NPM = {"eslint": "eslint", "prettier": "prettier", "tsc": "typescript"}


@dataclass(frozen=True, slots=True)
class FilesWithSuggestion:
    """The files of a commit as they would be with the suggested text."""

    files: Files
    text: str

    def paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.files.paths(), NAME)))

    def read(self, path: str) -> str:
        return self.text if path == NAME else self.files.read(path)


def suggest(files: Files, environment: Environment, missing: Mapping[str, str]) -> Suggestion | None:
    """What might work better; None without an idea. ``missing``: the commands that cannot run, and why."""
    detected, _left = monorepo.plans(files, ECOSYSTEMS)
    always = {step.title for plan in detected for step in plan.steps if step.always}
    settings = (
        *_set_up(environment, missing, always),
        *_checks(environment, missing, combine(detected, "").checks),
    )
    text = write(files.read(NAME), settings) if settings else None
    return Suggestion(text, settings) if text is not None else None


def _set_up(
    environment: Environment, missing: Mapping[str, str], always: set[str]
) -> Iterator[SuggestedSetting]:
    """The steps that passed, without those that failed, and what installs the missing tools."""
    failed = [step for step in environment.steps if not step.passed]
    further = tuple(
        dict.fromkeys(
            command
            for check in environment.checks
            if check.command in missing
            for command in _install(check, environment)
        )
    )
    if not failed and not further:
        return
    kept = tuple(step.command for step in environment.steps if step.passed and step.title not in always)
    why = [f"“{step.title}” fails, so it is left out." for step in failed]
    why += [f"`{command}` installs a tool that a check needs." for command in further]
    yield SuggestedSetting("setup", "run", (*kept, *further), " ".join(why))


def _install(check: Check, environment: Environment) -> Iterator[str]:
    if check.tool in python_checks.BY_NAME and "VIRTUAL_ENV" in environment.env:
        yield f"uv pip install {check.tool}"
    elif check.tool in BY_NPM and "Node" in environment.ecosystems:
        yield f"npm install --no-save {BY_NPM[check.tool]}"


def _checks(
    environment: Environment, missing: Mapping[str, str], detected: tuple[Check, ...]
) -> Iterator[SuggestedSetting]:
    """For a declared check that cannot run and whose tool cannot be installed: the detected checks of its kind."""
    for kind in dict.fromkeys(check.kind for check in environment.checks):
        declared = [check for check in environment.checks if check.kind == kind]
        instead = tuple(check.command for check in detected if check.kind == kind)
        stuck = [
            check for check in declared if check.command in missing and not list(_install(check, environment))
        ]
        if stuck and instead and set(instead) != {check.command for check in declared}:
            named = ", ".join(f"`{check.command}` ({check.source})" for check in stuck)
            value = instead[0] if len(instead) == 1 else instead
            why = f"{named} cannot run here; this is what Dayhand detects from the files."
            yield SuggestedSetting("checks", kind, value, why)


def write(text: str, settings: tuple[SuggestedSetting, ...]) -> str | None:
    """``text`` with these settings and otherwise unchanged; None where that cannot be done safely."""
    try:
        wanted = tomllib.loads(text)
        for setting in settings:
            value = list(setting.value) if isinstance(setting.value, tuple) else setting.value
            wanted.setdefault(setting.section, {})[setting.key] = value
            text = _set(text, setting)
        return text if tomllib.loads(text) == wanted else None
    except (tomllib.TOMLDecodeError, RecursionError, AttributeError, TypeError):
        return None


def _set(text: str, setting: SuggestedSetting) -> str:
    shown = f"{setting.key} = {_toml(setting.value)}"
    section = re.compile(rf"^\[{setting.section}\][^\n]*\n?", re.MULTILINE)
    found = section.search(text)
    if not found:
        return f"{text.rstrip()}\n\n[{setting.section}]\n{shown}\n".lstrip()
    next_section = re.compile(r"^\[", re.MULTILINE).search(text, found.end())
    end = next_section.start() if next_section else len(text)
    body = text[found.end() : end]
    old = re.compile(
        rf"^{setting.key}[ \t]*=[ \t]*(\[.*?\]|\"[^\"\n]*\"|'[^'\n]*')[ \t]*(#[^\n]*)?$",
        re.MULTILINE | re.DOTALL,
    )
    new = old.sub(lambda _old: shown, body, count=1) if old.search(body) else f"{shown}\n{body}"
    head = found.group() if found.group().endswith("\n") else f"{found.group()}\n"
    return text[: found.start()] + head + new + text[end:]


def _toml(value: str | tuple[str, ...]) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if len(value) < 2:
        return f"[{', '.join(_toml(item) for item in value)}]"
    return "[\n" + "".join(f"  {_toml(item)},\n" for item in value) + "]"
