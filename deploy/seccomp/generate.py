"""Write ``deploy/seccomp.json``, the worker's system-call profile, from the table ``allowed.toml`` beside this file.

The profile uses only what Docker's, Podman's and the OCI's format have in common, because Kubernetes hands it to the
container runtime as it is: no ``archMap``, ``includes`` or ``excludes``.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("allowed.toml")
PROFILE = TABLE.parents[1] / "seccomp.json"
ENOSYS = 38
ARCHITECTURES = ("SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64")  # without their 32-bit calls


def generate(table: dict[str, Any]) -> str:
    """The profile's JSON text."""
    only = table.pop("only")
    allowed = sorted({call for group in table.values() for call in group["calls"].split()})
    rules = [{"names": allowed, "action": "SCMP_ACT_ALLOW"}]
    for call, rule in only.items():
        for value in rule["values"]:
            argument = {"index": 0, "value": value, "op": "SCMP_CMP_EQ"}
            rules.append({"names": [call], "action": "SCMP_ACT_ALLOW", "args": [argument]})
    profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": ENOSYS,
        "architectures": ARCHITECTURES,
        "syscalls": rules,
    }
    return json.dumps(profile, indent=1) + "\n"


if __name__ == "__main__":
    PROFILE.write_text(generate(tomllib.loads(TABLE.read_text(encoding="utf-8"))), encoding="utf-8")
