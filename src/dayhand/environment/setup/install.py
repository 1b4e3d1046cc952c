"""Everything of one repository installed in one set-up box, probed, and cleared of the repository's own files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dayhand.environment.base import CombinedPlan, Log
from dayhand.environment.ecosystems.base import CACHE
from dayhand.environment.setup.record import Outcome
from dayhand.environment.setup.runtimes import BaseImage, Runtimes
from dayhand.environment.setup.steps import PROBE, STEP, Installer, log_blocked
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box, Egress, Sandbox

CLEAR = f"""
cd /workspace || exit 1
git ls-files -z | xargs -0 -r rm -f -- 2>/dev/null
rm -rf .git {CACHE}
"""


@contextmanager
def installed(
    plan: CombinedPlan, base_image: BaseImage, sandbox: Sandbox, *, fill: Callable[[Box], None], log: Log
) -> Iterator[tuple[Box, Outcome]]:
    """Install everything and probe the tools; give the box, cleared of the repository's own files, to be saved.

    Where nothing is to be installed, the box has no network.
    """
    make = _online if plan.installs or _needs_runtime(plan, sandbox) else _offline
    with make(plan, base_image, sandbox, fill=fill, log=log) as (box, outcome):
        cleared = box.run(["/bin/sh", "-c", CLEAR], limits=STEP)
        if not cleared.passed:
            raise SandboxError(f"The set-up box could not be cleared: {cleared.text()[-300:]}")
        yield box, outcome


def _needs_runtime(plan: CombinedPlan, sandbox: Sandbox) -> bool:
    """Whether a language has to be installed although the repository itself installs nothing."""
    probes = [part.runtime.probe for part in plan.plans if part.runtime and part.checks]
    if not probes:
        return False
    with sandbox.open() as box:
        return not all(box.run(probe, cwd="/", env=plan.env, limits=PROBE).passed for probe in probes)


@contextmanager
def _offline(
    plan: CombinedPlan, _base_image: BaseImage, sandbox: Sandbox, *, fill: Callable[[Box], None], log: Log
) -> Iterator[tuple[Box, Outcome]]:
    with sandbox.open() as box:
        fill(box)
        yield box, Outcome(Installer(box, plan.env, {}, log=log).prove(plan.checks), (), ())


@contextmanager
def _online(
    plan: CombinedPlan, base_image: BaseImage, sandbox: Sandbox, *, fill: Callable[[Box], None], log: Log
) -> Iterator[tuple[Box, Outcome]]:
    runtimes = Runtimes(sandbox, base_image, plan, log=log)
    origin = runtimes.install_missing(plan.plans)
    allowed, client_env = runtimes.open_registries(plan.plans, origin)
    egress = Egress((*allowed, *plan.allow, *plan.extra.hosts), plan.extra.hosts)
    with sandbox.open(origin=origin, egress=egress) as box:
        fill(box)
        installer = Installer(box, plan.env, client_env, log=log)
        if any(part.client == "python" for part in plan.plans):
            installer.copy_uv()
        for part in plan.plans:
            for step in part.steps:
                installer.take(step)
        missing = installer.prove(plan.checks, runtimes.failures)
        blocked = tuple(dict.fromkeys((*runtimes.blocked, *egress.refused)))
        log_blocked(blocked, log)
        yield box, Outcome(missing, tuple(installer.steps), blocked)
