"""The repository's toolchain: planned from its files, installed once in set-up boxes, probed, kept as snapshots.

There are two layers. Dependencies are downloaded where no code of the repository runs, for all commits that declare the
same (``setup/dependencies.py``); what its own code installs is kept for its tree alone (``setup/install.py``). What
compilers keep is filled in set-up too. The model sees nothing of this and adds nothing to it. The set-up boxes are the only ones with a network, and they reach only the
package registries; they hold no secret and no text of the issue.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from dayhand.environment import monorepo, version_pins
from dayhand.environment.base import CombinedPlan, Environment, Log, Source, combined_env
from dayhand.environment.declared import declarations
from dayhand.environment.declared.ci import apply_ci, ci_pins, differences, without_fallbacks
from dayhand.environment.declared.dayhand_toml import RepoConfig, read_config
from dayhand.environment.declared.workflows.jobs import read_ci
from dayhand.environment.declared.workflows.plan import CiPlan
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.ecosystems.base import Ecosystem, Files, SetupPlan, Step
from dayhand.environment.registries.base import ExtraRegistries
from dayhand.environment.registries.machine import HostMachine
from dayhand.environment.registries.python_index import downloads_python
from dayhand.environment.services.base import ServiceDeclaration
from dayhand.environment.services.containers import read_containers
from dayhand.environment.services.plan import host_addresses, plan_services
from dayhand.environment.setup import record
from dayhand.environment.setup.build_lock import building
from dayhand.environment.setup.install import Repository, SetUp
from dayhand.environment.setup.record import Outcome
from dayhand.environment.setup.runtimes import BaseImage, survey
from dayhand.environment.setup.system_packages import missing_packages
from dayhand.environment.setup.toolchains import (
    choose_toolchains,
    find_toolchains,
    use_toolchains,
    with_toolchains,
    without_broken,
)
from dayhand.sandbox.base import Box, Sandbox, Snapshot

RULES = "5"  # part of every key: raise it when the same files should be set up differently
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

    ``fill`` puts the base commit into a box. ``source`` names it: where set-up runs the repository's own code, one
    tree's snapshot is never another tree's; what runs none is shared by all commits with the same manifests. ``config`` is the default branch's ``.dayhand.toml`` (None: that
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
    if found := record.recall(sandbox, key):
        return _known(key, found, plan, started=started, log=log)
    with building(key):  # of fifty tasks that start at once, one builds
        if found := record.recall(sandbox, key):
            return _known(key, found, plan, started=started, log=log)
        set_up = SetUp(plan, base_image, sandbox, repository=Repository(fill, source), log=log)
        set_up.find_dependencies()
        if shared := set_up.share():
            if set_up.found:
                return _known(shared[0].key, shared, plan, started=started, log=log)
            return _environment(shared[0].key, shared[0], plan, outcome=shared[1], started=started)
        with set_up.installed() as (box, outcome):
            snapshot = record.save(box, sandbox, key, outcome=outcome)
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
    extra = extra or ExtraRegistries()
    downloads = downloads_python(HostMachine(extra.environ(os.environ)), extra.hosts)
    choice = choose_toolchains(pins, surveyed, toolchains, downloads_python=downloads)
    while len(starting := without_broken(sandbox, choice.toolchains, log)) < len(choice.toolchains):
        broken = frozenset(choice.toolchains) - frozenset(starting)
        toolchains = tuple(each for each in toolchains if each not in broken)
        choice = choose_toolchains(pins, surveyed, toolchains, downloads_python=downloads)
    plans = declarations.apply(apply_ci(detected, ci, files), declared)
    combined = combine(use_toolchains(plans, choice), base_image.path)
    return replace(
        combined,
        allow=config.allow,
        pins=(
            *version_pins.unmet(pins, choice.versions, provided=choice.provided),
            *missing_packages(sandbox, ci),
        ),
        ci=ci,
        extra=extra,
        ecosystems=ecosystems,
        services=plan_services(files, decided=config.services, of_ci=_services_of_ci(ci)),
        compiles=tuple(dict.fromkeys(_compiles(combined, files, ecosystems))),
        languages=version_pins.named_versions(choice.versions, ecosystems),
    )


def _compiles(plan: CombinedPlan, files: Files, ecosystems: tuple[Ecosystem, ...]) -> Iterator[Step]:
    for command in dict.fromkeys(check.command for check in plan.checks):
        steps = (ecosystem.compile_only(command, files) for ecosystem in ecosystems)
        yield from (step for step in steps if step)


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
    ordered = sorted(checks, key=lambda check: ORDER.get(check.kind, len(ORDER)))
    return CombinedPlan(plans, combined_env(plans, path), tuple(ordered))


def _summary(plan: CombinedPlan) -> str:
    names = " and ".join(_names(plan))
    checks = ", ".join(check.command for check in plan.checks if not check.fallback_for)
    return f"Toolchain: {names or 'none that Dayhand knows'}. Checks: {checks or 'none declared'}."


def _names(plan: CombinedPlan) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.ecosystem for part in plan.plans if part.steps or part.checks))


def _key(plan: CombinedPlan, files: Files, base: str, *, source: Source) -> str:
    """Everything that decides what the code layer holds, and whether it has the tools that are needed.

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
        parts += [repr(part.runtime), *(repr(step) for step in part.steps)]
        parts += [f"{path}\n{files.read(path)}" for path in part.locks]
    parts += [repr((check.command, check.probe, check.remedy)) for check in plan.checks]
    parts += [repr(plan.services), repr(plan.compiles)]
    return "env-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


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
        languages=plan.languages,
        ecosystems=_names(plan),
        services=tuple(
            each for each in plan.services if snapshot and each.name not in outcome.missing_services
        ),
        missing_services=tuple(outcome.missing_services.values()),
        hosts=host_addresses(plan.services),
    )
