"""The repository's toolchain: planned from its files, installed once in a set-up box, probed, kept as a snapshot.

The model sees nothing of this and adds nothing to it. The set-up box is the only one with a network, and it reaches only
the package registries; it holds the base commit, no secret and no text of the issue.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment import monorepo, version_pins
from dayhand.environment.base import CombinedPlan, Environment, Log, Source
from dayhand.environment.declared import declarations
from dayhand.environment.declared.ci import apply_ci, ci_pins, differences, without_fallbacks
from dayhand.environment.declared.dayhand_toml import RepoConfig, read_config
from dayhand.environment.declared.workflows.jobs import read_ci
from dayhand.environment.declared.workflows.plan import CiPlan
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.ecosystems.base import Ecosystem, Files, SetupPlan
from dayhand.environment.registries.base import ExtraRegistries
from dayhand.environment.services.base import ServiceDeclaration
from dayhand.environment.services.containers import read_containers
from dayhand.environment.services.plan import host_addresses, plan_services
from dayhand.environment.setup import install, record
from dayhand.environment.setup.build_lock import building
from dayhand.environment.setup.record import Outcome
from dayhand.environment.setup.runtimes import BaseImage, survey
from dayhand.environment.setup.system_packages import missing_packages
from dayhand.environment.setup.toolchains import (
    choose_toolchains,
    find_toolchains,
    use_toolchains,
    with_toolchains,
)
from dayhand.sandbox.base import Box, Sandbox, Snapshot

RULES = "3"  # part of every key: raise it when the same files should be set up differently
RETRY_SECONDS = 600  # an incomplete environment is shared for this long, then tried again
ORDER = {"lint": 0, "types": 1, "test": 2}

Fill = Callable[[Box], None]


def prepare(
    files: Files,
    sandbox: Sandbox,
    fill: Fill,
    *,
    log: Log,
    source: Source,
    config: RepoConfig | None = None,
    extra: ExtraRegistries | None = None,
    ecosystems: tuple[Ecosystem, ...] = ECOSYSTEMS,
) -> Environment:
    """Set up what the repository declares, or find it already set up.

    ``fill`` puts the base commit into a box. ``source`` names it: set-up runs the repository's own code, so one
    repository's snapshot is never another's, and one tree's never another tree's. ``config`` is the default branch's ``.dayhand.toml`` (None: that
    of ``files``). A failing installation or a missing tool is part of the result (``Environment.steps`` and
    ``missing``), never an exception. ``extra`` are the operator's own registries. Raises ``SandboxError`` where the
    sandbox breaks.
    """
    started = time.monotonic()
    base_image = survey(sandbox)
    plan = _plan(
        files,
        sandbox,
        base_image,
        log=log,
        config=read_config(files) if config is None else config,
        extra=extra,
        ecosystems=ecosystems,
    )
    key = _key(plan, files, f"{sandbox.name}\n{base_image.identity}", source=source)
    log.line("say", _summary(plan))
    for sentence in plan.pins:
        log.line("say", sentence)
    if not (plan.installs or plan.checks):
        return _environment(key, None, plan, outcome=Outcome({}, (), ()), started=started)
    if found := _recall(sandbox, key):
        return _known(key, found, plan, started=started, log=log)
    with building(key):  # of fifty tasks that start at once, one builds
        if found := _recall(sandbox, key):
            return _known(key, found, plan, started=started, log=log)
        with install.installed(plan, base_image, sandbox, fill=fill, log=log, source=source, files=files) as (
            box,
            found_out,
        ):
            outcome = found_out.settled(plan.checks)
            name = key if outcome.complete else _temporary(key)
            record.write(box, outcome)
            sandbox.delete_snapshots([name])
            snapshot = box.save(name)
    return _environment(key, snapshot, plan, outcome=outcome, started=started)


def _services_of_ci(ci: CiPlan) -> tuple[ServiceDeclaration, ...]:
    read = (
        read_containers(job.services, source=job.source, published=not job.in_container)
        for job in ci.services
    )
    return tuple(service for services in read for service in services)


def _plan(
    files: Files,
    sandbox: Sandbox,
    base_image: BaseImage,
    *,
    log: Log,
    config: RepoConfig,
    extra: ExtraRegistries | None,
    ecosystems: tuple[Ecosystem, ...],
) -> CombinedPlan:
    """What is set up and checked: what is detected, as CI, the operator's toolchains and the declarations change it."""
    for problem in config.problems:
        log.line("error", problem)
    surveyed = version_pins.surveyed_versions(base_image.identity, ecosystems)
    toolchains = find_toolchains(sandbox, log)
    ci = read_ci(files, with_toolchains(surveyed, toolchains))
    declared = declarations.read_declarations(config, files, frozenset(check.kind for check in ci.checks))
    for problem in (*ci.problems, *declared.problems):
        log.line("say", problem)
    detected, left = monorepo.plans(files, ecosystems)
    for problem in (problem for plan in detected for problem in plan.problems):
        log.line("say", problem)
    if left:
        log.line("say", f"Too many nested projects; these are not set up: {', '.join(left)}.")
    pins = version_pins.all_pins(files, ecosystems, ci_pins(ci, ecosystems))
    choice = choose_toolchains(pins, surveyed, toolchains)
    plans = declarations.apply(apply_ci(detected, ci, files), declared)
    return replace(
        combine(use_toolchains(plans, choice), base_image.path),
        allow=config.allow,
        pins=(
            *version_pins.unmet(pins, choice.versions, provided=frozenset(["node"] if choice.node else [])),
            *missing_packages(sandbox, ci),
        ),
        ci=ci,
        extra=extra or ExtraRegistries(),
        ecosystems=ecosystems,
        services=plan_services(files, decided=config.services, of_ci=_services_of_ci(ci)),
    )


def combine(plans: tuple[SetupPlan, ...], path: str) -> CombinedPlan:
    """Several ecosystems as one environment; ``path`` is the box's own PATH.

    A last resort's checks count only for kinds that no other plan has.
    """
    first = {check.kind for plan in plans if not plan.last_resort for check in plan.checks}
    checks = [
        check for plan in plans for check in plan.checks if not (plan.last_resort and check.kind in first)
    ]
    probes = {check.probe for check in checks}
    plans = tuple(
        replace(plan, runtime=None)
        if plan.last_resort and plan.runtime and plan.runtime.probe not in probes
        else plan
        for plan in plans
    )
    env: dict[str, str] = {}
    for plan in plans:
        env |= plan.env
    front = [plan.env["PATH"] for plan in plans if "PATH" in plan.env]
    env["PATH"] = ":".join((*front, *([f"{ENVIRONMENT}/bin"] if front else []), path))
    return CombinedPlan(
        plans, env, tuple(sorted(checks, key=lambda check: ORDER.get(check.kind, len(ORDER))))
    )


def _summary(plan: CombinedPlan) -> str:
    names = " and ".join(_names(plan))
    checks = ", ".join(check.command for check in plan.checks if not check.fallback_for)
    return f"Toolchain: {names or 'none that Dayhand knows'}. Checks: {checks or 'none declared'}."


def _names(plan: CombinedPlan) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.ecosystem for part in plan.plans if part.steps or part.checks))


def _key(plan: CombinedPlan, files: Files, base: str, *, source: Source) -> str:
    """Everything that decides what a snapshot holds, and whether it has the tools that are needed.

    Steps, remedies and probes may run any file of the repository (a Makefile's target, a build backend, ``./check.sh``,
    a module in the working copy), so the whole tree is part of it; and what an untrusted tree built is never a trusted one's.
    """
    parts = [
        RULES,
        base,
        repr(source),
        repr((plan.allow, plan.extra)),
        json.dumps(dict(plan.env), sort_keys=True),
    ]
    for part in plan.plans:
        parts += [repr(step) for step in part.steps]
        parts += [f"{path}\n{files.read(path)}" for path in part.locks]
    parts += [repr((check.command, check.probe, check.remedy)) for check in plan.checks]
    parts.append(repr(plan.services))
    return "env-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _temporary(key: str) -> str:
    """An incomplete environment is kept under a name that expires: the registry may be back by then."""
    return f"{key}-{int(time.time()) // RETRY_SECONDS}"


def _recall(sandbox: Sandbox, key: str) -> tuple[Snapshot, Outcome] | None:
    for name in (key, _temporary(key)):
        if snapshot := sandbox.find_snapshot(name):
            with sandbox.open(origin=snapshot) as box:
                outcome = record.read(box)
            if outcome:
                return snapshot, outcome
    return None


def _known(
    key: str, found: tuple[Snapshot, Outcome], plan: CombinedPlan, *, started: float, log: Log
) -> Environment:
    snapshot, outcome = found
    log.line("result", "This environment was set up before: nothing is installed again.")
    for step in outcome.steps:
        if not step.passed:
            log.line("result", f"{step.title}: failed when it was set up.")
    for missing in (*outcome.missing.values(), *outcome.missing_services.values()):
        log.line("result", f"Missing: {missing.tool}. {missing.why}")
    return _environment(key, snapshot, plan, outcome=outcome, started=started, cached=True)


def _environment(
    key: str,
    snapshot: Snapshot | None,
    plan: CombinedPlan,
    *,
    outcome: Outcome,
    started: float,
    cached: bool = False,
) -> Environment:
    checks = without_fallbacks(plan.checks, (*outcome.missing, *outcome.replaced))
    reasons = {command: one.why for command, one in outcome.replaced.items()}
    return Environment(
        key=key,
        snapshot=snapshot,
        env=plan.env,
        checks=checks,
        ci=differences(plan.ci, checks, reasons),
        missing=outcome.missing,
        steps=outcome.steps,
        blocked=outcome.blocked,
        cached=cached,
        seconds=time.monotonic() - started,
        pins=plan.pins,
        ecosystems=_names(plan),
        services=tuple(
            each for each in plan.services if snapshot and each.name not in outcome.missing_services
        ),
        missing_services=tuple(outcome.missing_services.values()),
        hosts=host_addresses(plan.services),
    )
