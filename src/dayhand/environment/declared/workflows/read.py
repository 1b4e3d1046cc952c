"""Read the jobs that GitHub runs for pull requests and pushes, with local actions and workflows put in their place."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from dayhand.environment import yaml_file
from dayhand.environment.declared.agent_files import COPILOT
from dayhand.environment.ecosystems.base import Files
from dayhand.environment.yaml_file import Value
from dayhand.startup.records import dataclass

WORKFLOW = re.compile(r"\.github/workflows/[^/]+\.ya?ml")
EVENTS = frozenset(["push", "pull_request", "pull_request_target", "merge_group"])
ACTION_FILES = ("action.yml", "action.yaml")
MAX_WORKFLOWS = 50
MAX_STEPS = 1_000  # of all workflows, with those of local actions
MAX_DEPTH = 4  # of local actions in local actions
MAX_NAME = 80

Mappings = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """One step of a job. A local action's steps are in its place, with its inputs in ``scopes``."""

    run: str = ""
    uses: str = ""
    inputs: Mappings = field(default_factory=dict)  # its ``with``
    env: tuple[Mappings, ...] = ()  # the workflow's, the job's and its own: the last one counts
    folder: str = ""
    shell: str = ""
    conditions: tuple[str, ...] = ()  # its own, and those of the actions and jobs around it
    scopes: tuple[
        Mappings, ...
    ] = ()  # the inputs of the workflow and of the actions around it, outermost first
    may_fail: str = ""  # its ``continue-on-error``


@dataclass(frozen=True, slots=True)
class Job:
    """One job that runs for a pull request or a push."""

    path: str
    name: str  # its id, safe to show
    runs_on: Value
    matrix: Value
    steps: tuple[WorkflowStep, ...]
    services: Mappings
    env: tuple[Mappings, ...]
    scopes: tuple[Mappings, ...]
    conditions: tuple[str, ...]
    in_container: bool
    deploys: bool  # it names an environment to deploy to
    may_fail: str

    @property
    def source(self) -> str:
        """Where it is written, for people."""
        return f"{posixpath.basename(self.path)}, job {self.name}"


class JobReader:
    """Reads all workflows of one commit; ``problems`` are sentences about files that cannot be read."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.paths = frozenset(files.paths())
        self.problems: list[str] = []
        self.steps_left = MAX_STEPS

    def read(self) -> tuple[Job, ...]:
        found = sorted(path for path in self.paths if WORKFLOW.fullmatch(path) and path not in COPILOT)
        if len(found) > MAX_WORKFLOWS:
            self.problems.append(f"There are {len(found)} workflows; the first {MAX_WORKFLOWS} are read.")
        jobs: list[Job] = []
        for path in found[:MAX_WORKFLOWS]:
            workflow = self._parse(path)
            if _runs_for_changes(workflow.get("on")):
                jobs += self._jobs(path, workflow, around=WorkflowStep(), depth=0)
        if self.steps_left <= 0:
            self.problems.append(f"The workflows have more than {MAX_STEPS:,} steps; the rest is ignored.")
        return tuple(jobs)

    def _parse(self, path: str) -> Mappings:
        value, problem = yaml_file.parse(self.files.read(path))
        if problem:
            self.problems.append(f"{path} {problem}; ignored.")
        return _mapping(value)

    def _jobs(self, path: str, workflow: Mappings, *, around: WorkflowStep, depth: int) -> Iterator[Job]:
        for name, value in _mapping(workflow.get("jobs")).items():
            job = _mapping(value)
            env = (*around.env, _mapping(workflow.get("env")), _mapping(job.get("env")))
            conditions = (*around.conditions, *_texts(job.get("if")))
            inner = WorkflowStep(env=env, scopes=around.scopes, conditions=conditions)
            if called := self._called(_text(job.get("uses"))):
                if depth < MAX_DEPTH:
                    called_workflow = self._parse(called)
                    trigger = _mapping(_mapping(called_workflow.get("on")).get("workflow_call"))
                    scope = _with_defaults(_mapping(job.get("with")), trigger)
                    calling = WorkflowStep(env=(), scopes=(*around.scopes, scope), conditions=conditions)
                    yield from self._jobs(called, called_workflow, around=calling, depth=depth + 1)
                continue
            run = {**_run_defaults(workflow), **_run_defaults(job)}
            steps = tuple(self._steps(job.get("steps"), inner, run=run, depth=0))
            yield Job(
                path,
                _shown(name),
                job.get("runs-on", ""),
                _mapping(job.get("strategy")).get("matrix", ""),
                steps,
                _mapping(job.get("services")),
                env,
                around.scopes,
                conditions,
                in_container=bool(job.get("container")),
                deploys=bool(job.get("environment")),
                may_fail=_text(job.get("continue-on-error")),
            )

    def _called(self, uses: str) -> str:
        path = uses.removeprefix("./")
        return path if uses.startswith("./") and path in self.paths and WORKFLOW.fullmatch(path) else ""

    def _steps(
        self, value: Value | None, around: WorkflowStep, *, run: Mappings, depth: int
    ) -> Iterator[WorkflowStep]:
        for each in value if isinstance(value, list) else []:
            self.steps_left -= 1
            if self.steps_left <= 0:
                return
            step = _mapping(each)
            settings = {**run, **step}
            made = WorkflowStep(
                _text(step.get("run")),
                _text(step.get("uses")),
                _mapping(step.get("with")),
                (*around.env, _mapping(step.get("env"))),
                _text(settings.get("working-directory")),
                _text(settings.get("shell")),
                (*around.conditions, *_texts(step.get("if"))),
                around.scopes,
                _text(step.get("continue-on-error")) or around.may_fail,
            )
            if made.uses.startswith("./") and depth < MAX_DEPTH:
                yield from self._composite(made, depth)
            else:
                yield made

    def _composite(self, step: WorkflowStep, depth: int) -> Iterator[WorkflowStep]:
        """The steps of a local action: https://docs.github.com/actions/reference/metadata-syntax-for-github-actions."""
        folder = posixpath.normpath(step.uses)
        path = next((f"{folder}/{name}" for name in ACTION_FILES if f"{folder}/{name}" in self.paths), "")
        action = self._parse(path) if path else {}
        scope = _with_defaults(step.inputs, action)
        around = WorkflowStep(
            env=step.env, scopes=(*step.scopes, scope), conditions=step.conditions, may_fail=step.may_fail
        )
        yield from self._steps(_mapping(action.get("runs")).get("steps"), around, run={}, depth=depth + 1)


def _runs_for_changes(on: Value | None) -> bool:
    names = [on] if isinstance(on, str) else on if isinstance(on, list) else list(_mapping(on))
    return any(name in EVENTS for name in names if isinstance(name, str))


def _with_defaults(given: Mappings, declaring: Mappings) -> Mappings:
    """The inputs that a workflow or an action is called with, and the defaults of the others."""
    declared = {name: _mapping(value) for name, value in _mapping(declaring.get("inputs")).items()}
    return {**{name: value.get("default", "") for name, value in declared.items()}, **given}


def _run_defaults(part: Mappings) -> Mappings:
    return _mapping(_mapping(part.get("defaults")).get("run"))


def _mapping(value: object) -> Mappings:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) and value.strip() else ()


def _shown(name: str) -> str:
    """A name from the file as it may stand in a sentence."""
    return "".join(character for character in name if character.isprintable())[:MAX_NAME]
