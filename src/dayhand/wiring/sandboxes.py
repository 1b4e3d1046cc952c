"""The sandbox of the settings."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dayhand.sandbox.base import Sandbox
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.docker import image_probe
from dayhand.sandbox.snapshot_cache import SnapshotCache
from dayhand.settings.table import Settings

if TYPE_CHECKING:
    from dayhand.sandbox.docker.backend import DockerSandbox

LOCAL_ENGINE = "unix:///var/run/docker.sock"


def open_sandbox(settings: Settings) -> Sandbox:
    """The sandbox of the settings, tried out. Raises ``SandboxError``: nothing runs without a sandbox."""
    sandbox = choose_sandbox(settings)
    sandbox.self_test()
    return sandbox


def open_snapshot_cache(settings: Settings) -> SnapshotCache:
    """The same, with a limit on the bytes of its snapshots."""
    sandbox = open_sandbox(settings)
    return SnapshotCache(sandbox, settings.data / "shelf" / sandbox.name, settings.cache_bytes)


def choose_sandbox(settings: Settings) -> BubblewrapSandbox | DockerSandbox:
    """The backend of the settings; ``auto`` is Docker if an engine answers that has our image, else bubblewrap."""
    if settings.sandbox == "docker" or (settings.sandbox == "auto" and engine_has_image(settings)):
        # Here and not on top: without an engine, docker's client is not worth its 0.3 seconds of imports.
        from dayhand.wiring.docker_sandbox import open_docker_sandbox

        return open_docker_sandbox(settings)
    return _bubblewrap(settings.data, settings.toolchains)


def engine_has_image(settings: Settings) -> bool | None:
    """Whether the engine of the settings has our image; None if no engine answers."""
    address = settings.docker_host or os.environ.get("DOCKER_HOST") or LOCAL_ENGINE
    return image_probe.has_image(address, settings.sandbox_image)


@cache
def _bubblewrap(data: Path, toolchains: tuple[str, ...]) -> BubblewrapSandbox:
    """One for a process and its forks: what it finds out about bwrap and the kernel holds for all jobs of a worker."""
    return BubblewrapSandbox(data, toolchains=toolchains)
