"""The system-call filter of every bubblewrap box: a seccomp BPF program, assembled here so that no C library is needed.

It is a deny list on top of namespaces, no capabilities and no_new_privs: it blocks the system calls by which an
unprivileged process could still reach less tested parts of the kernel. The numbers are from the kernel's
``syscall_64.tbl`` and ``asm-generic/unistd.h``.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from functools import cache

from dayhand.startup.records import dataclass

# Classic BPF (linux/bpf_common.h) and seccomp's return values (linux/seccomp.h).
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data; both machines are little-endian
X32 = 0x40000000

NAMESPACES = 0x7E020000  # the CLONE_NEW* flags that clone(2) takes
TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: inject input into a terminal
FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6
NETLINK = 16

# Refused with ENOSYS, as if the kernel did not have them, so that programs fall back to the older calls, which are
# checked: clone3, whose flags are behind a pointer, io_uring and the new mount calls. The same on every machine.
# Every call that a later kernel added is unknown as well, until somebody has looked at it.
FIRST_UNKNOWN = 463  # after mseal
UNKNOWN = (435, 425, 426, 427, 428, 429, 430, 431, 432, 433, 442)


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture: its audit number and the numbers of the filtered system calls."""

    audit: int
    clone: int
    ioctl: int
    socket: int
    denied: tuple[int, ...]
    has_x32: bool = False


# mount umount2 pivot_root chroot, ptrace process_vm_*, kcmp, bpf, keys, perf, userfaultfd, unshare setns, swap,
# modules, kexec, reboot, clocks, syslog, acct, quota, handles, fanotify, hostnames, vhangup, migrate/move_pages,
# pidfd_getfd, process_madvise, quotactl_fd; on x86-64 also iopl ioperm modify_ldt uselib ustat sysfs _sysctl.
# fmt: off
X86_64 = Architecture(
    audit=0xC000003E,
    clone=56,
    ioctl=16,
    socket=41,
    denied=(
        101, 103, 134, 136, 139, 153, 154, 155, 156, 159, 161, 163, 164, 165, 166, 167, 168, 169, 170, 171,
        172, 173, 174, 175, 176, 177, 178, 179, 180, 212, 227, 246, 248, 249, 250, 256, 272, 279, 298, 300,
        303, 304, 305, 308, 310, 311, 312, 313, 320, 321, 323, 438, 440, 443,
    ),
    has_x32=True,
)
AARCH64 = Architecture(
    audit=0xC00000B7,
    clone=220,
    ioctl=29,
    socket=198,
    denied=(
        18, 39, 40, 41, 42, 51, 58, 60, 89, 97, 104, 105, 106, 112, 116, 117, 142, 161, 162, 170, 171, 217,
        218, 219, 224, 225, 238, 239, 241, 262, 264, 265, 266, 268, 270, 271, 272, 273, 280, 282, 294, 438,
        440, 443,
    ),
)
# fmt: on
MACHINES = {"x86_64": X86_64, "aarch64": AARCH64, "arm64": AARCH64}


@cache
def program(architecture: Architecture) -> bytes:
    """Build the filter that ``bwrap --seccomp`` reads: an array of ``struct sock_filter``.

    A rule that does not match jumps over its own return statement only, so every jump is short.
    """
    return b"".join(struct.pack("<HBBI", *step) for step in _steps(architecture))


def _steps(architecture: Architecture) -> Iterator[tuple[int, int, int, int]]:
    yield LOAD, 0, 0, ARCHITECTURE
    yield EQUAL, 1, 0, architecture.audit
    yield _refuse(errno.ENOSYS)  # a 32-bit program would use other numbers
    yield LOAD, 0, 0, NUMBER
    if architecture.has_x32:
        yield AT_LEAST, 0, 1, X32
        yield _refuse(errno.ENOSYS)
    yield AT_LEAST, 0, 1, FIRST_UNKNOWN
    yield _refuse(errno.ENOSYS)
    for number in UNKNOWN:
        yield EQUAL, 0, 1, number
        yield _refuse(errno.ENOSYS)
    for number in architecture.denied:
        yield EQUAL, 0, 1, number
        yield _refuse(errno.EPERM)
    yield from _clone_rule(architecture.clone)
    yield from _ioctl_rule(architecture.ioctl)
    yield from _socket_rule(architecture.socket)
    yield RETURN, 0, 0, ALLOW


def _clone_rule(number: int) -> Iterator[tuple[int, int, int, int]]:
    yield EQUAL, 0, 4, number
    yield _argument(0)
    yield ANY_BIT, 0, 1, NAMESPACES
    yield _refuse(errno.EPERM)
    yield RETURN, 0, 0, ALLOW


def _ioctl_rule(number: int) -> Iterator[tuple[int, int, int, int]]:
    yield EQUAL, 0, 2 + 2 * len(TERMINAL_INPUT), number
    yield _argument(1)
    for request in TERMINAL_INPUT:
        yield EQUAL, 0, 1, request
        yield _refuse(errno.EPERM)
    yield RETURN, 0, 0, ALLOW


def _socket_rule(number: int) -> Iterator[tuple[int, int, int, int]]:
    """Allow local and internet sockets, and of netlink only NETLINK_ROUTE, which lists the network interfaces."""
    yield EQUAL, 0, 6 + 2 * len(FAMILIES), number
    yield _argument(0)
    for family in FAMILIES:
        yield EQUAL, 0, 1, family
        yield RETURN, 0, 0, ALLOW
    yield EQUAL, 0, 3, NETLINK
    yield _argument(2)
    yield EQUAL, 0, 1, 0  # NETLINK_ROUTE
    yield RETURN, 0, 0, ALLOW
    yield _refuse(errno.EAFNOSUPPORT)


def _argument(index: int) -> tuple[int, int, int, int]:
    return (
        LOAD,
        0,
        0,
        ARGUMENTS + 8 * index,
    )  # the low half: the kernel reads these arguments as 32-bit numbers


def _refuse(number: int) -> tuple[int, int, int, int]:
    return RETURN, 0, 0, REFUSE | number
