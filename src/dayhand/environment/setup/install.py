"""Everything of one repository installed in one set-up box, proved, and cleared of the repository's own files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dayhand.environment.base import CombinedPlan, Log
from dayhand.environment.setup.record import Outcome
from dayhand.environment.setup.runtimes import BaseImage, Runtimes
from dayhand.environment.setup.steps import (
    CACHE,
    PROBE,
    STEP,
    Installer,
    tell_blocked,
)
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box, Egress, Sandbox

CLEAR = f"""
cd /workspace || exit 1
git ls-files -z | xargs -0 -r rm -f -- 2>/dev/null
rm -rf .git {CACHE}
"""


def _lacks_runtime(whole: CombinedPlan, sandbox: Sandbox) -> bool:
    """Whether a language has to be brought although the repository itself installs nothing."""
    probes = [plan.runtime.probe for plan in whole.plans if plan.runtime and plan.checks]
    if not probes:
        return False
    with sandbox.open() as box:
        return not all(box.run(probe, cwd="/", env=whole.env, limits=PROBE).passed for probe in probes)


@contextmanager
def made_ready(
    whole: CombinedPlan, ground: BaseImage, sandbox: Sandbox, *, fill: Callable[[Box], None], log: Log
) -> Iterator[tuple[Box, Outcome]]:
    """Install everything and prove the tools; give the box, cleared of the repository's own files, ready to be saved.

    Where nothing is to be installed, the box has no way out.
    """
    make = _installed if whole.installs or _lacks_runtime(whole, sandbox) else _proved
    with make(whole, ground, sandbox, fill=fill, log=log) as (box, outcome):
        cleared = box.run(["/bin/sh", "-c", CLEAR], limits=STEP)
        if not cleared.passed:
            raise SandboxError(f"The set-up box could not be cleared: {cleared.text()[-300:]}")
        yield box, outcome


@contextmanager
def _proved(
    whole: CombinedPlan, _ground: BaseImage, sandbox: Sandbox, *, fill: Callable[[Box], None], log: Log
) -> Iterator[tuple[Box, Outcome]]:
    with sandbox.open() as box:
        fill(box)
        yield box, Outcome(Installer(box, whole.env, {}, log=log).prove(whole.checks), (), ())


@contextmanager
def _installed(
    whole: CombinedPlan, ground: BaseImage, sandbox: Sandbox, *, fill: Callable[[Box], None], log: Log
) -> Iterator[tuple[Box, Outcome]]:
    supply = Runtimes(sandbox, ground, whole, log=log)
    origin = supply.bring_runtimes(whole.plans)
    allowed, client_env = supply.open_registries(whole.plans, origin)
    egress = Egress((*allowed, *whole.allow, *whole.extra.hosts), whole.extra.hosts)
    with sandbox.open(origin=origin, egress=egress) as box:
        fill(box)
        setup = Installer(box, whole.env, client_env, log=log)
        if any(plan.client == "python" for plan in whole.plans):
            setup.lay_uv()
        for plan in whole.plans:
            for step in plan.steps:
                setup.take(step)
        missing = setup.prove(whole.checks, supply.failures)
        blocked = tuple(dict.fromkeys((*supply.blocked, *egress.refused)))
        tell_blocked(blocked, log)
        yield box, Outcome(missing, tuple(setup.steps), blocked)
