"""Packages of the system that CI installs by ``apt-get``: set-up has no right to, so those that are missing are named."""

from __future__ import annotations

import shlex

from dayhand.environment.declared.workflows.plan import CiPlan
from dayhand.environment.setup.steps import PROBE
from dayhand.sandbox.base import Sandbox

# Every package of Debian and its kin has a folder there; where dpkg has none, nothing can be told.
SCRIPT = "test -d /usr/share/doc/dpkg || exit 0; for each in {names}; do test -e /usr/share/doc/$each || echo $each; done"


def missing_packages(sandbox: Sandbox, ci: CiPlan) -> tuple[str, ...]:
    """A sentence for each package that CI installs and an empty box lacks."""
    sources = dict(ci.packages)
    if not sources:
        return ()
    with sandbox.open() as box:
        result = box.run(SCRIPT.format(names=shlex.join(sources)), cwd="/", limits=PROBE)
    return tuple(
        f"{sources[name]} installs {name} with apt-get; the box lacks it. Install it on the worker, or with Docker in the "
        "sandbox's image."
        for name in result.text().split()
        if name in sources
    )
