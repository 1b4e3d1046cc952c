"""The set-up that a repository declares for other tools: dev containers, coding agents' workflows, settings and scripts.

Each reader gives the commands in the order in which that tool runs them, and a sentence for everything that it cannot use.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping

from dayhand.environment import yaml_file
from dayhand.environment.declared.agents_md import PLACEHOLDER
from dayhand.environment.ecosystems.base import Files
from dayhand.environment.manifest import json_object
from dayhand.startup.records import dataclass

DEVCONTAINERS = (".devcontainer/devcontainer.json", ".devcontainer.json")
COPILOT = (".github/workflows/copilot-setup-steps.yml", ".github/workflows/copilot-setup-steps.yaml")
CURSOR = (".cursor/environment.json",)
SCRIPTS = (".openhands/setup.sh", ".codex/setup.sh")
JOB = "copilot-setup-steps"
COMMANDS = ("onCreateCommand", "updateContentCommand", "postCreateCommand")
# What GitHub starts for these reads the same script: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
SHELLS = re.compile(r"(ba|z|da)?sh( .*)?")


@dataclass(frozen=True, slots=True)
class SetupSource:
    """One file's set-up commands; ``problems`` are sentences about what was ignored."""

    name: str  # "": no file declares any
    commands: tuple[str, ...]
    problems: tuple[str, ...] = ()


class _IgnoredError(Exception):
    """Why a file or a part of it is ignored: the rest of a sentence that begins with the file's name."""


Reader = Callable[[str], Iterator[str | _IgnoredError]]


def read_agent_files(files: Files) -> SetupSource:
    """Read the first file that declares set-up. Files before it that cannot be used are named in ``problems``."""
    problems: list[str] = []
    for names, reader in ((DEVCONTAINERS, _devcontainer), (COPILOT, _workflow), (CURSOR, _cursor)):
        for name in names:
            commands, wrong = _read(reader, files.read(name))
            problems += (f"{name}: {sentence}; ignored." for sentence in wrong)
            if commands:
                usable = tuple(command for command in commands if not PLACEHOLDER.search(command))
                problems += (
                    f"{name}: a command contains a placeholder; ignored: {command.splitlines()[0][:100]}"
                    for command in commands
                    if command not in usable
                )
                return SetupSource(name, usable, tuple(problems))
    script = next((name for name in SCRIPTS if files.read(name).strip()), "")
    return SetupSource(script, (f"bash {script}",) if script else (), tuple(problems))


def _read(reader: Reader, text: str) -> tuple[list[str], list[str]]:
    """The commands of one file, and what is wrong with it."""
    commands: list[str] = []
    problems: list[str] = []
    if text.strip():
        try:
            for found in reader(text):
                if isinstance(found, str):
                    commands.append(found)
                else:
                    problems.append(str(found))
        except _IgnoredError as error:
            problems.append(str(error))
    return commands, problems


def _devcontainer(text: str) -> Iterator[str | _IgnoredError]:
    """Commands in the order in which they run: https://containers.dev/implementors/json_reference."""
    settings = _json(text)
    for name in COMMANDS:
        value = settings.get(name, "")
        for command in value.values() if isinstance(value, dict) else (value,):
            if isinstance(command, list) and command and all(isinstance(word, str) for word in command):
                yield shlex.join(command)
            elif isinstance(command, str):
                if command.strip():
                    yield command.strip()
            else:
                yield _IgnoredError(f"{name} must be a string, a list of strings or an object of these")


def _cursor(text: str) -> Iterator[str | _IgnoredError]:
    install = _json(text).get("install", "")
    if not isinstance(install, str):
        raise _IgnoredError("install must be a string")
    if install.strip():
        yield install.strip()


def _workflow(text: str) -> Iterator[str | _IgnoredError]:
    """The ``run`` steps of the job that GitHub's agent runs; of all jobs where none has that name."""
    workflow, problem = yaml_file.parse(text)
    if problem:
        raise _IgnoredError(problem)
    jobs = _mapping(_mapping(workflow).get("jobs"))
    chosen = [jobs[JOB]] if JOB in jobs else list(jobs.values())
    if not any(isinstance(_mapping(job).get("steps"), list) for job in chosen):
        raise _IgnoredError(f"has no steps in a job named {JOB}")
    for job in chosen:
        steps = _mapping(job).get("steps")
        defaults = {**_run_defaults(workflow), **_run_defaults(job)}
        for number, step in enumerate(steps if isinstance(steps, list) else [], 1):
            settings = {**defaults, "run": "", **_mapping(step)}
            if (run := settings.get("run", "")) == "":
                continue
            if isinstance(run, str):
                yield _step(run.strip(), number, settings)
            else:
                yield _IgnoredError(f"run of step {number} must be a string")


def _step(script: str, number: int, settings: Mapping[str, yaml_file.Value]) -> str | _IgnoredError:
    shell, folder = settings.get("shell", "bash"), settings.get("working-directory", "")
    if not (isinstance(shell, str) and SHELLS.fullmatch(shell)):
        return _IgnoredError(f"step {number} uses the shell “{shell}”")
    go = f"cd {shlex.quote(folder)}" if isinstance(folder, str) and folder else ""
    if "\n" in script:
        return "\n".join(("set -e", *([go] if go else []), script))
    return f"{go} && {script}" if go else script


def _run_defaults(part: object) -> Mapping[str, yaml_file.Value]:
    """The ``defaults: run:`` of a workflow or of a job."""
    return _mapping(_mapping(_mapping(part).get("defaults")).get("run"))


def _mapping(value: object) -> Mapping[str, yaml_file.Value]:
    return value if isinstance(value, dict) else {}


def _json(text: str) -> Mapping[str, object]:
    """JSON as editors write it, with comments and trailing commas."""
    bare = re.sub(
        r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda found: found[1] or "", text, flags=re.DOTALL
    )
    bare = re.sub(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', lambda found: found[1] or "", bare)
    settings = json_object(bare)
    if not settings and bare.split() != ["{}"]:
        raise _IgnoredError("is not a JSON object")
    return settings
