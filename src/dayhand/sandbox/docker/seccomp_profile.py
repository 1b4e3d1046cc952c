"""The system-call filter of ``seccomp.py`` as a Docker seccomp profile, from which the engine builds the BPF program.

Docker takes one profile; this one replaces its default, so that both backends refuse the same calls. The format is that
of https://docs.docker.com/engine/security/seccomp/. The engine ignores names that a machine does not have.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Sequence
from typing import Any

from dayhand.sandbox.seccomp import FAMILIES, NAMESPACES, NETLINK, TERMINAL_INPUT

DENIED = (
    "mount", "umount2", "pivot_root", "chroot", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
    "bpf", "add_key", "request_key", "keyctl", "perf_event_open", "userfaultfd", "unshare", "setns", "swapon", "swapoff",
    "init_module", "finit_module", "delete_module", "create_module", "query_module", "get_kernel_syms", "kexec_load", "kexec_file_load",
    "reboot", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "syslog", "acct", "quotactl", "quotactl_fd", "lookup_dcookie", "nfsservctl",
    "name_to_handle_at", "open_by_handle_at", "fanotify_init", "sethostname", "setdomainname", "vhangup", "migrate_pages", "move_pages",
    "iopl", "ioperm", "modify_ldt", "uselib", "ustat", "sysfs", "_sysctl",
)  # fmt: skip
UNKNOWN = (
    "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick",
    "mount_setattr",
)  # fmt: skip
LOW_HALF = (
    0xFFFFFFFF  # the kernel reads these arguments as 32-bit numbers, so higher bits must not evade a rule
)
FAMILIES_END = 64  # above the last socket family of any kernel


def profile() -> str:
    """The profile as the JSON text that ``--security-opt seccomp=`` accepts."""
    architectures: list[dict[str, Any]] = [
        {"architecture": name, "subArchitectures": []} for name in ("SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64")
    ]
    return json.dumps(
        {"defaultAction": "SCMP_ACT_ALLOW", "archMap": architectures, "syscalls": list(_rules())}
    )


def _rules() -> Iterator[dict[str, Any]]:
    yield _refuse(DENIED, errno.EPERM)
    yield _refuse(UNKNOWN, errno.ENOSYS)
    for bit in range(NAMESPACES.bit_length()):
        if flag := NAMESPACES & (1 << bit):
            yield _refuse(["clone"], errno.EPERM, _masked(0, flag, flag))
    for request in TERMINAL_INPUT:
        yield _refuse(["ioctl"], errno.EPERM, _masked(1, LOW_HALF, request))
    for family in sorted(set(range(FAMILIES_END)) - {*FAMILIES, NETLINK}):
        yield _refuse(["socket"], errno.EAFNOSUPPORT, _masked(0, LOW_HALF, family))
    above = {"index": 0, "value": FAMILIES_END, "valueTwo": 0, "op": "SCMP_CMP_GE"}
    yield _refuse(["socket"], errno.EAFNOSUPPORT, above)
    other_than_routes = {"index": 2, "value": 0, "valueTwo": 0, "op": "SCMP_CMP_NE"}
    yield _refuse(["socket"], errno.EAFNOSUPPORT, _masked(0, LOW_HALF, NETLINK), other_than_routes)


def _refuse(names: Sequence[str], number: int, *arguments: dict[str, Any]) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": number, "args": list(arguments)}


def _masked(index: int, mask: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
