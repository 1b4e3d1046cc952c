"""What a repository declares about its set-up and its checks, and what that changes in the detected plans.

``.dayhand.toml`` decides: its commands replace the detected ones. The other files were written for other machines, so the
first of them that declares set-up adds its commands to the detected ones.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from dayhand.environment.declared import agents_md
from dayhand.environment.declared.agent_files import SCRIPTS, read_agent_files
from dayhand.environment.declared.agents_md import read_agents_md
from dayhand.environment.declared.dayhand_toml import NAME, RepoConfig
from dayhand.environment.ecosystems.base import Check, Files, SetupPlan, Step
from dayhand.startup.records import dataclass

NO_PROGRAM = ("cd", "export", "set", "source", ".", "exec", "time", "env", "if", "for", "!", "(")


@dataclass(frozen=True, slots=True)
class Declarations:
    """What one repository declares."""

    steps: tuple[Step, ...] = ()
    checks: tuple[Check, ...] = ()
    kinds: frozenset[str] = frozenset()  # of checks that are declared, even where the declaration is empty
    source: str = ""  # the file that declares the steps; "" where none does
    problems: tuple[str, ...] = ()  # sentences about what was ignored


def read_declarations(config: RepoConfig, files: Files, in_ci: frozenset[str] = frozenset()) -> Declarations:
    """Read everything that is declared; the first source in the documented order counts.

    ``in_ci`` are the kinds of check that CI runs: for these, only ``.dayhand.toml`` counts for more.
    """
    agents = read_agents_md(files.read(agents_md.NAME))
    problems: tuple[str, ...] = ()
    if config.run is not None:
        source, commands = NAME, config.run
    elif "setup" in agents:
        source, commands = agents_md.NAME, agents["setup"]
    else:
        found = read_agent_files(files)
        source, commands, problems = found.name, found.commands, found.problems
    checks: list[Check] = []
    kinds = set(config.checks)
    for kind in ("lint", "types", "test"):
        if kind in config.checks:
            checks += (_check(kind, command, f"{NAME} checks.{kind}") for command in config.checks[kind])
        elif kind in agents and kind not in in_ci:
            kinds.add(kind)
            checks.append(_check(kind, agents[kind][0], agents_md.NAME))  # the others are mostly variants
    steps = tuple(_step(source, command) for command in commands)
    return Declarations(steps, tuple(checks), frozenset(kinds), source, problems)


def apply(plans: tuple[SetupPlan, ...], declared: Declarations) -> tuple[SetupPlan, ...]:
    """The detected plans as the declarations change them, and one more plan for what is declared."""
    if not declared.steps and not declared.kinds and not declared.source:
        return plans
    detected = tuple(check for plan in plans for check in plan.checks)
    checks = tuple(_like_detected(check, detected) for check in declared.checks)
    planned = {command for plan in plans for step in plan.steps for command in step.commands[:1]}
    replaces = declared.source == NAME
    changed = [
        replace(
            plan,
            steps=tuple(step for step in plan.steps if step.always or not replaces),
            checks=tuple(check for check in plan.checks if check.kind not in declared.kinds),
        )
        for plan in plans
    ]
    steps = tuple(step for step in declared.steps if replaces or step.commands[0] not in planned)
    locks = tuple(path for path in SCRIPTS if path == declared.source)
    return (*changed, SetupPlan("its own declarations", steps, checks, {}, locks))


def _like_detected(check: Check, detected: tuple[Check, ...]) -> Check:
    """A declared check with the probe and the remedy of the detected one that starts the same tool."""
    words = re.findall(r"[\w.@/-]+", check.command)
    for other in detected:
        if other.command == check.command or (other.kind == check.kind and other.tool in words):
            return replace(other, kind=check.kind, command=check.command, source=check.source)
    return check


def _step(source: str, command: str) -> Step:
    first, _, more = command.removeprefix("set -e\n").partition("\n")
    return Step(f"{source}: {first[:80]}{' …' if more or len(first) > 80 else ''}", (command,))


def _check(kind: str, command: str, source: str) -> Check:
    tool = _program(command)
    probe = f"command -v {shlex.quote(tool)}" if tool else "true"
    return Check(kind, command, probe, tool or "the shell", source)


def _program(command: str) -> str:
    """The first program that a command starts; "" where the shell runs it all by itself."""
    for part in re.split(r"&&|\|\||[;|\n]", command):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            words = part.split()
        while words and re.match(r"\w+=", words[0]):
            words.pop(0)
        if words and words[0] not in NO_PROGRAM:
            return words[0]
    return ""
