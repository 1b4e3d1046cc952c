"""How much memory a box holds, for machines on which no control group counts it. Also run as a program: see ``main``.

Counted once each: anonymous memory and its swap, by each process's share of it (PSS); what is in the box's own tmpfs; and
shared memory objects: memfds that are open or mapped, shared anonymous mappings, System V segments, attached or not.

Everything is read from /proc, which the kernel writes. Processes end while they are read, so errors are skipped.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

CLONE_NEWIPC, CLONE_NEWUSER = 0x08000000, 0x10000000
NS_GET_USERNS = 0xB701  # https://man7.org/linux/man-pages/man2/ioctl_ns.2.html
HEADER = re.compile(rb"[0-9a-f]+-[0-9a-f]+ (\S+) [0-9a-f]+ ([0-9a-f]+):([0-9a-f]+) (\d+) *(.*)")
BLOCK = 512  # bytes, as st_blocks counts
KIB = 1024
SYSTEM_V = -1  # stands for the inodes of all segments
RSS_COLUMN, SWAP_COLUMN = 14, 15  # of /proc/sysvipc/shm


@dataclass(slots=True)
class Mapping:
    """A part of a process's memory, and the bytes of it that are this process's share: of a file, what it changed in private."""

    is_shared: bool = False
    device: int = 0
    inode: int = 0
    name: bytes = b""
    size: int = 0


def processes(first: int) -> list[int]:
    """The box's processes: its first one, which adopts orphans, and all of its descendants."""
    found, latest = [first], [first]
    while latest:
        latest = [child for parent in latest for child in _children(parent)]
        found += latest
    return found


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - of many processes, every second
            with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", encoding="utf-8") as file:  # noqa: PTH123
                yield from map(int, file.read().split())


def resident(pid: int) -> int:
    """A process's anonymous and shared memory in bytes, as the kernel's counters have it: what others share is in it."""
    total = 0
    with suppress(OSError), open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123
        for line in file:
            if line.startswith((b"RssAnon:", b"RssShmem:", b"VmSwap:")):
                total += int(line.split()[1]) * KIB
    return total


def measure(first: int) -> int:
    """The bytes that the box holds. The calling program joins namespaces of the box, so it can only end afterwards."""
    shared = os.fstat(os.memfd_create("probe")).st_dev  # the kernel keeps all of these in one file system
    private, mapped, held = 0, defaultdict[int, int](int), dict[int, int]()
    for pid in processes(first):
        held |= _open_memfds(pid, shared)
        for mapping in _mappings(pid):
            if not mapping.is_shared:
                private += mapping.size
            elif mapping.device == shared:
                mapped[SYSTEM_V if mapping.name.startswith(b"/SYSV") else mapping.inode] += mapping.size
    segments = _system_v(first)
    if segments is not None:
        mapped[SYSTEM_V] = segments
    objects_size = sum(max(mapped.get(inode, 0), held.get(inode, 0)) for inode in {*mapped, *held})
    return private + _tmpfs(first) + objects_size


def _tmpfs(first: int) -> int:
    """The used bytes of the tmpfs that were made for this box; a folder of the host's that is bound is none of them."""
    used = {}
    with suppress(OSError), open(f"/proc/{first}/mountinfo", encoding="utf-8") as file:  # noqa: PTH123
        for line in file:
            words = line.split()
            if words[3] == "/" and words[words.index("-") + 1] == "tmpfs":
                with suppress(OSError):
                    disk = os.statvfs(f"/proc/{first}/root{words[4]}")
                    used[words[2]] = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    return sum(used.values())


def _open_memfds(pid: int, shared: int) -> dict[int, int]:
    """The allocated bytes of each memfd that this process has open, by its inode."""
    found = {}
    with suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208
            path = f"/proc/{pid}/fd/{descriptor}"
            with suppress(OSError):
                if os.readlink(path).startswith("/memfd:"):  # noqa: PTH115
                    status = os.stat(path)  # noqa: PTH116
                    if status.st_dev == shared:
                        found[status.st_ino] = status.st_blocks * BLOCK
    return found


def _mappings(pid: int) -> Iterator[Mapping]:
    """The mappings of one process."""
    mapping, counted = Mapping(), b""
    with suppress(OSError), open(f"/proc/{pid}/smaps", "rb") as file:  # noqa: PTH123
        for line in file:
            if header := HEADER.match(line):
                yield mapping
                flags, major, minor, inode, name = header.groups()
                device = os.makedev(int(major, 16), int(minor, 16))
                mapping = Mapping(flags.endswith(b"s"), device, int(inode), name)
                counted = b"Pss:" if mapping.is_shared or not mapping.inode else b"Anonymous:"
            elif line.startswith((counted, b"SwapPss:")):
                mapping.size += int(line.split()[1]) * KIB
    yield mapping


def _system_v(first: int) -> int | None:
    """The bytes of the box's System V segments; None if its namespace cannot be joined."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        space = os.open(f"/proc/{first}/ns/ipc", os.O_RDONLY)
        owner = fcntl.ioctl(space, NS_GET_USERNS)
        if os.geteuid() and libc.setns(owner, CLONE_NEWUSER):
            return None
        if libc.setns(space, CLONE_NEWIPC):
            return None
        with open("/proc/sysvipc/shm", encoding="utf-8") as file:  # noqa: PTH123
            rows = [line.split() for line in file][1:]
    except OSError:
        return None
    return sum(int(row[RSS_COLUMN]) + int(row[SWAP_COLUMN]) for row in rows)


def main() -> None:
    """Print the bytes that the box with this first process holds."""
    print(measure(int(sys.argv[1])))


if __name__ == "__main__":
    main()
