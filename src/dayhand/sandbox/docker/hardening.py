"""How hard a container is: what it may not do, and how much of the machine it may take."""

from __future__ import annotations

from typing import Any

from docker.types import LogConfig, Ulimit

from dayhand.sandbox.bubblewrap.mounts import SHARED_MEMORY
from dayhand.sandbox.docker.seccomp_profile import profile
from dayhand.sandbox.limits import Capacity

# The first process is root's, without capabilities: no command can signal or trace it. It reaps what others leave.
FIRST = ("/bin/sh", "-c", "while :; do sleep 3600 & wait; done")


def hardening(size: Capacity, runtime: str, *, cpus: int) -> dict[str, Any]:
    """Arguments for a container's creation; ``cpus`` is how many the engine's machine has.

    https://docs.docker.com/reference/cli/docker/container/run/ says what each does.
    """
    ulimits = {"core": 0, "fsize": size.file, "nofile": size.open_files}
    return {
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true", f"seccomp={profile()}"],
        "pids_limit": size.processes,
        "mem_limit": size.memory,
        "memswap_limit": size.memory,
        "nano_cpus": int(min(size.cpus, cpus) * 1_000_000_000),
        "ulimits": [Ulimit(name=each, soft=most, hard=most) for each, most in ulimits.items()],
        "ipc_mode": "private",
        "shm_size": SHARED_MEMORY,
        "tmpfs": {"/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={size.scratch}"},  # noqa: S108
        "log_config": LogConfig(type="none"),
        "stop_signal": "SIGKILL",
        **({"runtime": runtime} if runtime else {}),
    }
