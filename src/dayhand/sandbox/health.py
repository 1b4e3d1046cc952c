"""Checks of this machine's sandboxes: which work, which limits they enforce, and what would improve them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dayhand.errors import SandboxError
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox

if TYPE_CHECKING:  # docker-py takes 0.3 s to import
    from dayhand.sandbox.docker.backend import DockerSandbox

MIB = 1024 * 1024
# The releases that fix CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881:
# https://github.com/opencontainers/runc/security/advisories
PATCHED_RUNC = {(1, 2): 8, (1, 3): 3}
NEWER_RUNC = (1, 4)


class Health(StrEnum):
    """How severe a finding is."""

    GOOD = "good"
    WEAK = "weak"  # it works, but protects less than it could
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """The result of one check."""

    health: Health
    what: str
    advice: str = ""


def examine_bubblewrap(sandbox: BubblewrapSandbox) -> Iterator[HealthFinding]:
    """Open a box, and report which limits it has."""
    try:
        sandbox.self_test()
        config, has_groups = sandbox.config(), sandbox.can_create_groups()
    except SandboxError as error:
        yield HealthFinding(Health.BAD, f"bubblewrap: {error}", error.advice)
        return
    capacity = config.capacity
    yield HealthFinding(Health.GOOD, f"bubblewrap: boxes work, with {config.bwrap}")
    memory, processes = f"{capacity.memory // MIB} MB", f"{capacity.processes} processes"
    if has_groups:
        yield HealthFinding(
            Health.GOOD, f"bubblewrap: a control group limits each box to {memory} and {processes}"
        )
    else:
        yield HealthFinding(
            Health.WEAK,
            f"bubblewrap: each box is limited to {processes}, but nothing limits its memory: {memory} are a limit of each "
            "process, and a box that takes more in total is ended up to a few seconds later",
            "Start Dayhand by `systemd-run --user --scope -p Delegate=yes dayhand up`, or in a systemd unit with Delegate=yes, "
            "or as root, or use Docker.",
        )
    if not config.overlay:
        yield HealthFinding(
            Health.WEAK,
            "bubblewrap: overlays do not work here, so each box starts with a copy of the repository's environment",
            "Use bubblewrap 0.11 and a file system that supports overlayfs: then no copy is needed.",
        )


def examine_docker(sandbox: DockerSandbox) -> Iterator[HealthFinding]:
    """Ask the engine which limits it enforces, and open a box."""
    try:
        engine = sandbox.engine()
        info, version = engine.client.info(), engine.client.version()
        yield HealthFinding(Health.GOOD, f"docker: engine {info['ServerVersion']} at {engine.address}")
        yield from _engine_weaknesses(info)
        yield from _runc(version)
        sandbox.self_test()
    except SandboxError as error:
        yield HealthFinding(Health.BAD, f"docker: {error}", error.advice)
        return
    yield HealthFinding(Health.GOOD, f"docker: boxes work, with the image {sandbox.image}")


def _engine_weaknesses(info: dict[str, Any]) -> Iterator[HealthFinding]:
    for name, limit in (("MemoryLimit", "memory"), ("SwapLimit", "swap"), ("PidsLimit", "processes")):
        if not info.get(name):
            yield HealthFinding(
                Health.WEAK,
                f"docker: this engine cannot limit {limit}",
                "Enable the control group for it in the engine's kernel (on Debian: swapaccount=1 for swap).",
            )
    options = " ".join(info.get("SecurityOptions") or [])
    if "name=rootless" not in options and "name=userns" not in options:
        yield HealthFinding(
            Health.WEAK,
            "docker: root in this engine's containers is root on its machine",
            "Optional, but safer: use a rootless engine, or one with userns-remap.",
        )


def _runc(version: dict[str, Any]) -> Iterator[HealthFinding]:
    runc = next((each["Version"] for each in version.get("Components", []) if each["Name"] == "runc"), "")
    if runc and not is_patched_runc(runc):
        yield HealthFinding(
            Health.WEAK,
            f"docker: runc {runc} has known container escapes",
            "Install 1.2.8, 1.3.3 or newer, or a distribution's package that includes their fixes.",
        )


def is_patched_runc(version: str) -> bool:
    """Whether this version of runc has the fixes of November 2025; False for a version that cannot be parsed.

    >>> is_patched_runc("1.1.5+ds1"), is_patched_runc("1.2.8"), is_patched_runc("1.3.2"), is_patched_runc("1.4.0-rc.3")
    (False, True, False, True)
    >>> is_patched_runc("2.0.0")
    True
    """
    numbers = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    if not numbers:
        return False
    major, minor, patch = map(int, numbers.groups())
    return (major, minor) >= NEWER_RUNC or patch >= PATCHED_RUNC.get((major, minor), patch + 1)
