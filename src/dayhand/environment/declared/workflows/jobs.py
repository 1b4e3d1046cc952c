"""Read what CI runs: each job's steps, in the cell of its matrix that fits the box, as set-up, checks and services."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from dayhand.environment.declared.workflows import kinds
from dayhand.environment.declared.workflows.actions import equivalent_command, requested_versions
from dayhand.environment.declared.workflows.commands import (
    Understood,
    environments,
    in_its_folder,
    session_name,
    understand,
)
from dayhand.environment.declared.workflows.context import (
    context_of,
    dimension_kinds,
    folder_of,
    job_context,
    resolve_all,
    used_dimensions,
    with_variables,
)
from dayhand.environment.declared.workflows.expressions import (
    PLACEHOLDER,
    Context,
    holds,
    resolve,
    unknown_names,
)
from dayhand.environment.declared.workflows.matrix import OTHER_SYSTEM, UNUSUAL, all_cells, choose_cells
from dayhand.environment.declared.workflows.plan import (
    CiCheck,
    CiParts,
    CiPlan,
    CiServices,
    CiStep,
    CiVersion,
)
from dayhand.environment.declared.workflows.read import Job, JobReader, WorkflowStep
from dayhand.environment.declared.workflows.scripts import ScriptsByFolder, named_script
from dayhand.environment.declared.workflows.setup_commands import FILE_COMMANDS, system_packages
from dayhand.environment.declared.workflows.shell import ShellCommand, split
from dayhand.environment.declared.workflows.tox import choose, read_tox
from dayhand.environment.ecosystems.base import Files
from dayhand.environment.ecosystems.python_runners import nox_sessions
from dayhand.environment.monorepo import Printable
from dayhand.environment.yaml_file import Value

SHELLS = re.compile(r"(ba|z|da)?sh( .*)?")
NEEDS_SECRETS = re.compile(r"\b(secrets|vars)\b")
OTHER_EVENTS = re.compile(r"schedule|workflow_dispatch|'release'|refs/tags|startsWith\(\s*github\.ref")
PIP = ("uv pip ", "python3 -m pip ")
VERSION = re.compile(r"[<>=~^v]*\d[\w.<>=~^*|, -]{0,40}")
SHOWN = 100
MAX_SCRIPT = 10_000
MAX_CELLS = 16
MAX_COMMANDS = 2_000  # of one job, in all cells and with those of targets
MAX_DEPTH = 4
TARGETS = ("make", "just", "task")
WRAPPED = re.compile(r"\b(poetry|pdm|pipenv|rye) run\b")


def read_ci(files: Files, available: Mapping[str, tuple[str, ...]]) -> CiPlan:
    """What CI runs, in the cell of each matrix that fits ``available``: the versions in the box, by language."""
    files = Printable(files)
    reader = JobReader(files)
    parts, scripts = CiParts(), ScriptsByFolder(files)
    for job in reader.read():
        if not job.deploys:
            JobPlanner(scripts, job, parts, available=available).plan()
    return parts.plan(tuple(reader.problems))


class JobPlanner:
    """One job. Its set-up, versions and services count only if a check of it is understood."""

    def __init__(
        self, scripts: ScriptsByFolder, job: Job, parts: CiParts, *, available: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.scripts = scripts
        self.job = job
        self.parts = parts
        self.available = available
        self.steps: list[CiStep] = []
        self.checks: list[CiCheck] = []
        self.packages: list[str] = []
        self.before: dict[str, list[str]] = {}  # by folder: what prepares a database for the checks after it
        self.env: dict[str, str] = {}  # of the checks
        self.steps_before_last_check = 0
        self.depth = 0  # of targets in targets
        self.commands_left = MAX_COMMANDS

    def plan(self) -> None:
        job = self.job
        cells = choose_cells(
            job.matrix,
            dimension_kinds(job),
            self.available,
            used=used_dimensions(job),
            gates=self._gates,
        )
        if len(cells) > MAX_CELLS:
            self.parts.left_out.append(
                f"{job.source}: its matrix has {len(cells)} variants; only the first {MAX_CELLS} count"
            )
        for cell in cells[:MAX_CELLS]:
            context = job_context(job, cell)
            runs_on = job.runs_on if isinstance(job.runs_on, str) else ""
            other_system = OTHER_SYSTEM.search(resolve(runs_on, context) or "")
            if other_system or not self._gates(cell):
                continue
            for step in job.steps:
                self._step(step, context)
            self.before.clear()
        del self.steps[self.steps_before_last_check :]  # reports, uploads
        if self.checks:
            self.parts.checks += self.checks
            self.parts.steps += self.steps
            self.parts.versions += self._versions()
            for name in self.packages:
                self.parts.packages.setdefault(name, job.source)
        if self.checks and job.services:
            first = job_context(job, cells[0])
            services = {name: resolve_all(value, first) for name, value in job.services.items()}
            self.parts.services.append(CiServices(services, self.env, job.in_container, job.source))

    def _gates(self, cell: Mapping[str, Value]) -> bool:
        """Whether the job fails the workflow in this cell."""
        return not holds(self.job.may_fail or "false", job_context(self.job, cell))

    def _step(self, step: WorkflowStep, job: Context) -> None:
        context = context_of(step, job)
        script = step.run or equivalent_command(step.uses, step.inputs)
        if not script.strip() or holds(step.may_fail or "false", context) or _skipped(step, context):
            return
        shell = resolve(step.shell, context)
        if shell is None or (shell and not SHELLS.fullmatch(shell)):
            return
        text, folder = resolve(script, context), resolve(step.folder, context)
        if text is None or folder is None:
            self._leave_out(script, unknown_names(f"{script}\n{step.folder}", context))
        elif (top := folder_of(folder)) is not None:
            commands = split(text)
            if commands is None:
                self._leave_out_compound(text, top)
            for command in commands or ():
                self._command(command, top, context)

    def _command(self, command: ShellCommand, top: str, context: Context) -> None:
        command = in_its_folder(command)
        folder = folder_of(posixpath.join(top, command.folder))
        self.commands_left -= 1
        if folder is None or self.commands_left < 0:
            return
        found = understand(command, self.scripts.of(folder))
        if (found.tool == "tox" and self._tox(found, folder, context)) or self._inlined(
            found, folder, context
        ):
            return
        if found.tool == "nox" and not self._has_session(found, folder):
            found = Understood(kinds.NOTHING, why_not="installs a copy, so it would not test a change")
        if found.kind in kinds.KINDS and kinds.BROWSER.search(self.job.name):
            found = Understood(kinds.NOTHING, why_not="needs a browser")
        if found.kind in kinds.KINDS and not command.ignored:
            self._check(found, command, folder=folder, context=context)
        elif found.kind == kinds.PACKAGES:
            self.packages += system_packages(found.words) or ()
        elif found.kind == kinds.DATABASE:
            made = self._with_variables(found.run, command, context)
            if made and self.job.services:
                self.before.setdefault(folder, []).append(made)
            elif made:
                self._set_up(found.family, folder, (made,))
        elif found.kind == kinds.SETUP and self.checks and found.tool in FILE_COMMANDS:
            return  # it moves what a check has left
        elif found.kind == kinds.SETUP:
            made_all = (self._with_variables(each, command, context) for each in found.instead)
            self._set_up(found.family, folder, tuple(filter(None, made_all)))
        elif found.why_not:
            self.parts.left_out.append(
                f"{self.job.source}: {found.why_not}; left out: {_short(command.text)}"
            )
            if found.seems:
                self.parts.incomplete.add((found.seems, folder))

    def _check(self, found: Understood, command: ShellCommand, *, folder: str, context: Context) -> None:
        run = self._with_variables(found.run, command, context, only_own=found.kind == "lint")
        if not run:
            self._leave_out(command.text, tuple(re.findall(r"\$\{?[A-Z_]+\}?", command.text)))
            return
        self.env |= context.env
        self.steps_before_last_check = len(self.steps)
        run = " && ".join((*self.before.get(folder, []), run))
        self.checks.append(
            CiCheck(found.kind, found.family, run, folder=folder, words=found.words, source=self.job.source)
        )

    def _tox(self, found: Understood, folder: str, context: Context) -> bool:
        """Put what tox's environments install and run in the place of tox; False where only tox can tell."""
        tox = read_tox(self.scripts.of(folder).files)
        named = environments(found.words) or tox.env_list
        tests = tuple(name for name in named if kinds.kind_of_environment(name) == "test")
        chosen = [choose(tests, self.available.get("python", ()))] if tests else []
        chosen += [name for name in named if kinds.kind_of_environment(name) in ("lint", "types")]
        before = len(self.checks)
        for name in chosen:
            environment = tox.environment(name)
            if environment is None:
                continue
            if environment.deps:
                self._set_up("python", folder, (f"uv pip install {' '.join(environment.deps)}",))
            inner = replace(context, env={**context.env, **environment.env})
            for text in environment.commands:
                for command in split(text) or ():
                    if command.values[:1] != ("tox",):
                        self._command(command, posixpath.join(folder, environment.folder), inner)
        return len(self.checks) > before

    def _has_session(self, found: Understood, folder: str) -> bool:
        """Whether nox's session tests the files of the working copy."""
        usable = {each.name for each in nox_sessions(self.scripts.of(folder).files.read("noxfile.py"))}
        named = {session_name(name) for name in environments(found.words)}
        return bool(usable & named if named else usable)

    def _inlined(self, found: Understood, folder: str, context: Context) -> bool:
        """Put a target's commands in its place where it starts them by a program that a box lacks: ``poetry run``."""
        runner, name = named_script(found.words)
        text = self.scripts.of(folder).text(runner, name) if runner in TARGETS else ""
        commands = [split(line) for line in text.splitlines()]
        if not WRAPPED.search(text) or "$(" in text or "{{" in text or None in commands:
            return False
        for command in (command for line in commands for command in line or ()):
            inner = named_script(command.values)
            if inner[0] not in TARGETS or not WRAPPED.search(self.scripts.of(folder).text(*inner)):
                self._command(command, folder, context)
            elif self.depth < MAX_DEPTH:
                self.depth += 1
                self._command(command, folder, context)
                self.depth -= 1
        return True

    def _set_up(self, family: str, folder: str, commands: tuple[str, ...]) -> None:
        if commands:
            self.steps.append(CiStep(commands, folder, family, self.job.source))

    def _with_variables(
        self, run: str, command: ShellCommand, context: Context, *, only_own: bool = False
    ) -> str:
        own = {name: _unquoted(value) for name, value in command.env}
        return with_variables(run, context, own, only_own=only_own or run.startswith(PIP))

    def _versions(self) -> Iterator[CiVersion]:
        """The versions of all cells: any of them is what CI runs."""
        every = all_cells(self.job.matrix) or ({},)
        for step in self.job.steps:
            for request in requested_versions(step.uses, step.inputs):
                wanted: list[str] = []
                for cell in every:
                    text = resolve(request.text, context_of(step, job_context(self.job, cell))) or ""
                    wanted += [line.strip() for line in text.splitlines() if line.strip()]
                plain = [each for each in dict.fromkeys(wanted) if not UNUSUAL.search(each)]
                if plain and all(VERSION.fullmatch(each) for each in plain):  # "stable" may be any version
                    yield CiVersion(request.language, " || ".join(plain), self.job.source)

    def _leave_out(self, script: str, names: tuple[str, ...]) -> None:
        """Name a script that is left out, if it checks something."""
        commands = split(PLACEHOLDER.sub("X", script[:MAX_SCRIPT])) or ()
        scripts = self.scripts.of("")
        if any(understand(command, scripts).kind in kinds.KINDS for command in commands):
            why = " and ".join(f"`{name}`" for name in names[:3]) or "something that only CI has"
            self.parts.left_out.append(f"{self.job.source}: needs {why}; left out: {_short(script)}")

    def _leave_out_compound(self, script: str, top: str) -> None:
        scripts = self.scripts.of(top)
        for line in script.splitlines():
            for command in split(re.sub(r"^\s*(then|do|else)\s", "", line)) or ():
                kind = understand(command, scripts).kind
                if kind in kinds.KINDS:
                    self.parts.incomplete.add((kind, top))
                    self.parts.left_out.append(
                        f"{self.job.source}: a script with conditions or loops is not split; left out: {_short(line)}"
                    )
                    return


def _skipped(step: WorkflowStep, context: Context) -> bool:
    """Whether a condition keeps a step from running for a change; what only GitHub knows is taken as met."""
    for condition in step.conditions:
        met = holds(condition, context)
        unmet = met is None and (NEEDS_SECRETS.search(condition) or OTHER_EVENTS.search(condition))
        if met is False or unmet:
            return True
    return False


def _unquoted(raw: str) -> str:
    return raw[1:-1] if len(raw) > 1 and raw[0] == raw[-1] and raw[0] in "'\"" else raw


def _short(text: str) -> str:
    first = next((line for line in text.strip().splitlines() if line.strip()), "")
    return "".join(character for character in first if character.isprintable())[:SHOWN]
