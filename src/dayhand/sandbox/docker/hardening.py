"""The hardening of a container: what it may not do, and how much of the machine it may use."""

from __future__ import annotations

from typing import Any

from docker.types import LogConfig, Ulimit

from dayhand.sandbox.docker.seccomp_profile import profile
from dayhand.sandbox.guest import SHARED_MEMORY
from dayhand.sandbox.limits import Capacity

# The first process belongs to root, without capabilities: no command can signal or trace it. It reaps orphans.
FIRST_PROCESS = ("/bin/sh", "-c", "while :; do sleep 3600 & wait; done")


def hardening(capacity: Capacity, runtime: str, *, cpus: int) -> dict[str, Any]:
    """Arguments for creating a container; ``cpus`` is the number of processors of the engine's machine.

    They are documented at https://docs.docker.com/reference/cli/docker/container/run/.
    """
    ulimits = {"core": 0, "fsize": capacity.file, "nofile": capacity.open_files}
    return {
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true", f"seccomp={profile()}"],
        "pids_limit": capacity.processes,
        "mem_limit": capacity.memory,
        "memswap_limit": capacity.memory,
        "nano_cpus": int(min(capacity.cpus, cpus) * 1_000_000_000),
        "ulimits": [Ulimit(name=name, soft=limit, hard=limit) for name, limit in ulimits.items()],
        "ipc_mode": "private",
        "shm_size": SHARED_MEMORY,
        "tmpfs": {"/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={capacity.scratch}"},  # noqa: S108
        "log_config": LogConfig(type="none"),
        "stop_signal": "SIGKILL",
        **({"runtime": runtime} if runtime else {}),
    }
