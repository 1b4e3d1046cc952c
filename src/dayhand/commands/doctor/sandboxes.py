"""The machine's sandboxes: which one tasks get, which limits it enforces, what would improve it, and whether it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dayhand.commands.doctor.box import try_box
from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.errors import SandboxError
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.settings.table import Settings
from dayhand.wiring.sandboxes import choose_sandbox, engine_has_image

if TYPE_CHECKING:  # docker-py takes 0.3 s to import
    from dayhand.sandbox.docker.backend import DockerSandbox

MIB = 1024 * 1024
# The releases that fix CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881:
# https://github.com/opencontainers/runc/security/advisories
PATCHED_RUNC = {(1, 2): 8, (1, 3): 3}
NEWER_RUNC = (1, 4)


def check_sandbox(settings: Settings) -> Iterator[HealthFinding]:
    """The backend that tasks get, in detail; the other is only named."""
    if not settings.data.is_dir():  # which is reported with the data folder: a sandbox keeps its files there
        return
    chosen = choose_sandbox(settings)
    yield HealthFinding(f"tasks run in {chosen.name} (DAYHAND_SANDBOX={settings.sandbox})")
    if isinstance(chosen, BubblewrapSandbox):
        yield from examine_bubblewrap(chosen)
    else:
        yield from examine_docker(chosen)


def try_sandbox(settings: Settings) -> Iterator[HealthFinding]:
    """Attempts to get out of a box, if boxes can be opened."""
    if not settings.data.is_dir():
        return
    chosen = choose_sandbox(settings)
    try:
        chosen.self_test()
    except SandboxError:
        return  # which is reported above
    yield from try_box(chosen, settings)


def check_engine(settings: Settings) -> Iterator[HealthFinding]:
    """An engine that answers is not used if it does not have the sandbox's image."""
    if settings.sandbox != "auto" or not settings.data.is_dir() or engine_has_image(settings) is not False:
        return
    yield HealthFinding(
        f"docker: an engine answers, but has no image {settings.sandbox_image}, so it is not used",
        FaultCode.ENGINE_UNUSED,
        f"Build it: docker build -t {settings.sandbox_image} deploy/sandbox. Or set DAYHAND_SANDBOX=bubblewrap.",
    )


def examine_bubblewrap(sandbox: BubblewrapSandbox) -> Iterator[HealthFinding]:
    """Open a box, and report which limits it has."""
    try:
        sandbox.self_test()
        config, has_groups = sandbox.config(), sandbox.can_create_groups()
    except SandboxError as error:
        yield HealthFinding(f"bubblewrap: {error}", FaultCode.NO_SANDBOX, error.advice)
        return
    capacity = config.capacity
    yield HealthFinding(f"bubblewrap: boxes work, with {config.bwrap}")
    memory, processes = f"{capacity.memory // MIB} MB", f"{capacity.processes} processes"
    if has_groups:
        yield HealthFinding(f"bubblewrap: a control group limits each box to {memory} and {processes}")
    else:
        yield HealthFinding(
            f"bubblewrap: each box is limited to {processes}, but nothing limits its memory: {memory} are a limit of each "
            "process, and a box that takes more in total is ended up to a few seconds later",
            FaultCode.NO_MEMORY_LIMIT,
            "Start Dayhand by `systemd-run --user --scope -p Delegate=yes dayhand up`, or in a systemd unit with Delegate=yes, "
            "or as root, or use Docker.",
        )
    if not config.overlay:
        yield HealthFinding(
            "bubblewrap: overlays do not work here, so each box starts with a copy of the repository's environment",
            FaultCode.NO_OVERLAY,
            "Use bubblewrap 0.11 and a file system that supports overlayfs: then no copy is needed.",
        )


def examine_docker(sandbox: DockerSandbox) -> Iterator[HealthFinding]:
    """Ask the engine which limits it enforces, and open a box."""
    try:
        engine = sandbox.engine()
        info, version = engine.client.info(), engine.client.version()
        yield HealthFinding(f"docker: engine {info['ServerVersion']} at {engine.address}")
        yield from _engine_weaknesses(info)
        yield from _runc(version)
        sandbox.self_test()
    except SandboxError as error:
        yield HealthFinding(f"docker: {error}", FaultCode.NO_SANDBOX, error.advice)
        return
    yield HealthFinding(f"docker: boxes work, with the image {sandbox.image}")


def _engine_weaknesses(info: dict[str, Any]) -> Iterator[HealthFinding]:
    for name, limit in (("MemoryLimit", "memory"), ("SwapLimit", "swap"), ("PidsLimit", "processes")):
        if not info.get(name):
            yield HealthFinding(
                f"docker: this engine cannot limit {limit}",
                FaultCode.ENGINE_NO_LIMIT,
                "Enable the control group for it in the engine's kernel (on Debian: swapaccount=1 for swap).",
            )
    options = " ".join(info.get("SecurityOptions") or [])
    if "name=rootless" not in options and "name=userns" not in options:
        yield HealthFinding(
            "docker: root in this engine's containers is root on its machine",
            FaultCode.ENGINE_ROOT,
            "Optional, but safer: use a rootless engine, or one with userns-remap.",
        )


def _runc(version: dict[str, Any]) -> Iterator[HealthFinding]:
    runc = next((each["Version"] for each in version.get("Components", []) if each["Name"] == "runc"), "")
    if runc and not is_patched_runc(runc):
        yield HealthFinding(
            f"docker: runc {runc} has known container escapes",
            FaultCode.RUNC_OLD,
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
