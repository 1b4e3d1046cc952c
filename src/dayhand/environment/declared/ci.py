"""What CI runs, put into the detected plans, and what differs from it in the end.

A check of CI takes the place of the detected ones of its kind, folder and language, which stay as its fallback: they run
only where CI's own tool cannot start here. CI's set-up commands come after the detected ones, which have fallbacks of their own.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from dayhand.environment.declared.workflows.checks import target_families, to_check
from dayhand.environment.declared.workflows.commands import SHELL_PROGRAMS, meaning
from dayhand.environment.declared.workflows.plan import CiCheck, CiPlan, CiStep
from dayhand.environment.ecosystems import python
from dayhand.environment.ecosystems.base import Check, Ecosystem, Files, SetupPlan, Step
from dayhand.environment.monorepo import in_folder
from dayhand.environment.version_pins import Pin
from dayhand.startup.records import dataclass

PLAN = "GitHub Actions"
FAMILIES: Mapping[str, str] = {
    "Python": "python",
    "Node": "node",
    "Go": "go",
    "Rust": "rust",
    "Ruby": "ruby",
    "PHP": "php",
    "Maven": "java",
    "Gradle": "java",
    ".NET": "dotnet",
}
# What is detected for these runs the same tests with options for a box without a network.
ADAPTED = frozenset(["java", "dotnet"])
# A script of the repository's own: it was written for a fresh machine, and set-up has done its work already.
SCRIPT = re.compile(r"(?:\w+=\S* )*(?:(?:ba|z|da)?sh\s+\S+|\.?[\w.-]*/[\w./-]+)")
PIP = "uv pip install "
SHOWN = 80


@dataclass(frozen=True, slots=True)
class _Placed:
    """A check of CI, and as it would run here."""

    ci: CiCheck
    families: frozenset[str]  # whose tools it starts; empty: not known
    check: Check


def apply_ci(plans: tuple[SetupPlan, ...], ci: CiPlan, files: Files) -> tuple[SetupPlan, ...]:
    """The detected plans as CI changes them, and one more plan for what CI adds."""
    if not ci.checks:
        return plans
    detected = tuple(check for plan in plans for check in plan.checks)
    placed = tuple(
        _Placed(each, target_families(each, files), to_check(each, files, detected)) for each in ci.checks
    )
    covered: set[str] = set()
    detected_kinds = {
        (check.kind, check.folder) for plan in plans if not plan.last_resort for check in plan.checks
    }
    placed = tuple(each for each in placed if not _is_opaque(each, detected_kinds))
    changed = [
        replace(plan, checks=tuple(_checks(plan, placed, covered, incomplete=ci.incomplete)))
        for plan in plans
    ]
    checks = tuple(each.check for each in placed if each.check.command not in covered)
    scripts = any("/" in each.ci.tool or each.ci.tool in SHELL_PROGRAMS for each in placed)
    installs = any(not step.always for plan in plans for step in plan.steps)
    steps = tuple(step for step in ci.steps if scripts or not installs or not SCRIPT.match(step.commands[0]))
    return (*changed, _own_plan(plans, steps, checks))


def _is_opaque(each: _Placed, detected: set[tuple[str, str]]) -> bool:
    """Whether it is a script of the repository's own, made for CI's machine, where another check of its kind is detected."""
    script = not each.families and (each.ci.tool in SHELL_PROGRAMS or "/" in each.ci.tool)
    return script and (each.ci.kind, each.ci.folder) in detected


def _checks(
    plan: SetupPlan,
    placed: tuple[_Placed, ...],
    covered: set[str],
    *,
    incomplete: frozenset[tuple[str, str]],
) -> Iterator[Check]:
    """A plan's checks; the commands of CI that they cover are added to ``covered``."""
    family = FAMILIES.get(plan.ecosystem, "")
    for check in plan.checks:
        group = [each for each in placed if _takes_the_place(each, check, plan, family=family)]
        same = [each for each in group if _same(check, each.ci) or family in ADAPTED]
        if (check.kind, check.folder) in incomplete:
            yield check
            continue
        if group and plan.last_resort:
            continue
        if same:
            covered.update(each.check.command for each in same)
            yield check
        elif group:
            yield replace(check, fallback_for=tuple(each.check.command for each in group))
        else:
            yield check


def _takes_the_place(each: _Placed, check: Check, plan: SetupPlan, *, family: str) -> bool:
    if (each.ci.kind, each.ci.folder) != (check.kind, check.folder):
        return False
    return plan.last_resort or not each.families or family in each.families


def _same(check: Check, ci: CiCheck) -> bool:
    plain = not re.match(r"\w+=", ci.command) and " && " not in ci.command
    return plain and meaning(check.command) == ci.words


def _own_plan(
    plans: tuple[SetupPlan, ...], steps: tuple[CiStep, ...], checks: tuple[Check, ...]
) -> SetupPlan:
    planned = {command for plan in plans for step in plan.steps for command in step.commands[:1]}
    own = tuple(
        made
        for each in steps
        if (made := _step(each)).commands[0] not in planned and not _is_installed(each, planned)
    )
    installs = any(step.family == "python" for step in steps) or any(
        "uv pip" in check.remedy for check in checks
    )
    if installs and not any(step.always for plan in plans for step in plan.steps):
        own = (python.make_venv(), *own)
        return SetupPlan(PLAN, own, checks, python.venv_env(), (), client=python.CLIENT)
    return SetupPlan(PLAN, own, checks, {}, ())


def _is_installed(step: CiStep, planned: set[str]) -> bool:
    """Whether the detected set-up installs everything that a step of pip's names: the project and files of requirements."""
    place = in_folder(step.folder, "") if step.folder else ""
    here = [command.removeprefix(place) for command in planned if command.startswith(place)]
    if not step.commands[0].startswith(PIP):
        return False
    synced = any(command.startswith("uv sync") for command in here)
    installed = {word for command in here if command.startswith(PIP) for word in _words(command)}
    extras = {extra for word in installed for extra in _extras(word)}
    editable = synced or any(word == "." or word.startswith(".[") for word in installed)
    wanted = [word for word in _words(step.commands[0].removeprefix(PIP)) if word not in ("-e", "-r")]
    return all(
        (editable and (synced or extras.issuperset(_extras(word))))
        if word.startswith(".")
        else word in installed
        for word in wanted
    )


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _extras(word: str) -> list[str]:
    found = re.fullmatch(r"\.\[([\w,. -]*)\]", word)
    return [extra.strip() for extra in found[1].split(",")] if found else []


def ci_pins(ci: CiPlan, ecosystems: tuple[Ecosystem, ...]) -> tuple[Pin, ...]:
    """The versions that CI sets up, as pins."""
    languages = {each.LANGUAGE.key: each.LANGUAGE for each in ecosystems if each.LANGUAGE.key}
    known = (each for each in ci.versions if each.language in languages)
    return tuple(Pin(languages[each.language], each.wanted, each.source) for each in known)


def _step(step: CiStep) -> Step:
    commands = tuple(in_folder(step.folder, each) if step.folder else each for each in step.commands)
    shown = step.commands[0].partition("\n")[0][:SHOWN]
    return Step(f"{step.source}: {f'{step.folder}: ' if step.folder else ''}{shown}", commands)


def without_fallbacks(checks: Iterable[Check], missing: Iterable[str]) -> tuple[Check, ...]:
    """The checks that run: a fallback only where none of those that it stands in for can start, and then not those."""
    checks, missing = tuple(checks), frozenset(missing)
    used = [
        check
        for check in checks
        if check.fallback_for and missing.issuperset(check.fallback_for) and check.command not in missing
    ]
    replaced = {command for check in used for command in check.fallback_for}
    return tuple(
        check
        for check in checks
        if (not check.fallback_for or check in used) and check.command not in replaced
    )


def differences(ci: CiPlan, checks: tuple[Check, ...], why: Mapping[str, str]) -> tuple[str, ...]:
    """What runs here otherwise than in CI, a sentence each. ``why`` says by command why it cannot start here."""
    sentences = []
    for each in ci.checks:
        near = [check for check in checks if (check.kind, check.folder) == (each.kind, each.folder)]
        placed = in_folder(each.folder, each.command) if each.folder else each.command
        if any(
            check.command == placed or check.source == each.source or _same(check, each) for check in near
        ):
            continue
        if near and each.family in ADAPTED:
            continue
        instead = " and ".join(f"`{check.command}` ({check.source})" for check in near)
        reason = f": {why[placed]}" if placed in why else "."
        here = f"{instead} runs here" if instead else "no such check runs here"
        sentences.append(f"{each.source} runs `{each.command}`; {here}{reason}")
    return (*sentences, *(f"{sentence}." for sentence in ci.left_out))
