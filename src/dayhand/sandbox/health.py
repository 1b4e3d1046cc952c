"""What can be said of this machine's sandboxes: which work, which limits hold in them, and what would make them better."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dayhand.errors import SandboxError
from dayhand.sandbox.bubblewrap.backend import Bubblewrap
from dayhand.sandbox.docker.backend import Docker

MIB = 1024 * 1024
# The releases that mend CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881:
# https://github.com/opencontainers/runc/security/advisories
SOUND_RUNC = {(1, 2): 8, (1, 3): 3}
NEWER_RUNC = (1, 4)


class Health(StrEnum):
    """How a thing stands."""

    GOOD = "good"
    WEAK = "weak"  # it works, but less of it holds than could
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """One thing that was looked at."""

    health: Health
    what: str
    advice: str = ""


def examine_bubblewrap(sandbox: Bubblewrap) -> Iterator[HealthFinding]:
    """Open a box, and tell what holds in it."""
    try:
        sandbox.probe()
        ready, grouped = sandbox.ready(), sandbox.can_group()
    except SandboxError as error:
        yield HealthFinding(Health.BAD, f"bubblewrap: {error}", error.advice)
        return
    size = ready.capacity
    yield HealthFinding(Health.GOOD, f"bubblewrap: a box opens by {ready.bwrap}")
    memory, processes = f"{size.memory // MIB} MB", f"{size.processes} processes"
    if grouped:
        yield HealthFinding(
            Health.GOOD, f"bubblewrap: a control group holds each box to {memory} and {processes}"
        )
    else:
        yield HealthFinding(
            Health.WEAK,
            f"bubblewrap: each box has at most {processes}, but {memory} are the limit of each process, not of the box",
            "Run the worker as root, or in a container that may make control groups, or use Docker.",
        )
    if not ready.layers:
        yield HealthFinding(
            Health.WEAK,
            "bubblewrap: no layers here, so each box begins with a copy of the repository's environment",
            "bubblewrap 0.11 and a file system that overlayfs can use make it instant.",
        )


def examine_docker(sandbox: Docker) -> Iterator[HealthFinding]:
    """Ask the engine, open a box, and tell what holds in it."""
    try:
        engine = sandbox.engine()
        told, version = engine.client.info(), engine.client.version()
        yield HealthFinding(Health.GOOD, f"docker: engine {told['ServerVersion']} at {engine.address}")
        yield from _what_the_engine_lacks(told)
        yield from _runc(version)
        sandbox.probe()
    except SandboxError as error:
        yield HealthFinding(Health.BAD, f"docker: {error}", error.advice)
        return
    yield HealthFinding(Health.GOOD, f"docker: a box opens, of the image {sandbox.image}")


def _what_the_engine_lacks(told: dict[str, Any]) -> Iterator[HealthFinding]:
    for name, limit in (("MemoryLimit", "memory"), ("SwapLimit", "swap"), ("PidsLimit", "processes")):
        if not told.get(name):
            yield HealthFinding(
                Health.WEAK,
                f"docker: this engine cannot limit {limit}",
                "Its kernel needs the control group for it (on Debian: swapaccount=1 for swap).",
            )
    options = " ".join(told.get("SecurityOptions") or [])
    if "name=rootless" not in options and "name=userns" not in options:
        yield HealthFinding(
            Health.WEAK,
            "docker: root in this engine's containers would be root of its machine",
            "Not needed, and worth having: a rootless engine, or one with userns-remap.",
        )


def _runc(version: dict[str, Any]) -> Iterator[HealthFinding]:
    runc = next((each["Version"] for each in version.get("Components", []) if each["Name"] == "runc"), "")
    if runc and not sound_runc(runc):
        yield HealthFinding(
            Health.WEAK,
            f"docker: runc {runc} has known ways out of a container",
            "Install 1.2.8, 1.3.3 or newer, or a distribution's package that says it has their fixes.",
        )


def sound_runc(version: str) -> bool:
    """Whether a runc of this version has the fixes of November 2025; what cannot be read counts as not.

    >>> sound_runc("1.1.5+ds1"), sound_runc("1.2.8"), sound_runc("1.3.2"), sound_runc("1.4.0-rc.3"), sound_runc("2.0.0")
    (False, True, False, True, True)
    """
    numbers = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    if not numbers:
        return False
    major, minor, patch = map(int, numbers.groups())
    return (major, minor) >= NEWER_RUNC or patch >= SOUND_RUNC.get((major, minor), patch + 1)
