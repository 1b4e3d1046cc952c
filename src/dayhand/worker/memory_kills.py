"""The processes that the kernel killed because memory was used up, which it counts by control group and for the machine.

A box has a control group of its own wherever we may make one, so that what its commands use up does not count against us.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dayhand.sandbox.limits import own_oom_kills, read_oom_kills

VMSTAT = Path("/proc/vmstat")  # only on Linux
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # likewise


def count_memory_kills() -> int:
    """How many processes the kernel has killed: of our control group, else of the machine."""
    own = own_oom_kills()
    return own.kills if own else _of_the_machine()


def note_memory_kills() -> str:
    """The counts of now in one line, for a later process that asks what was killed since."""
    own = own_oom_kills()
    group = f"{own.group} {own.kills}" if own else "- 0"
    return f"{_boot_id()} {group} {_of_the_machine()}"


def any_killed_since(note: str) -> bool:
    """Whether the kernel has killed a process of our control group since ``note``.

    If our group is another one, as after a restart of a container, this counts the whole machine: the kernel may have
    killed everything in the group of then.
    """
    now, then = note_memory_kills().split(), note.split()
    if len(then) != len(now) or then[0] != now[0]:
        return False
    counts = 2 if then[1] == now[1] != "-" else 3
    return int(now[counts]) > int(then[counts])


def _of_the_machine() -> int:
    with suppress(OSError, ValueError):
        return read_oom_kills(VMSTAT)
    return 0


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return "-"
