"""Ends boxes that a killed worker had only begun to start.

bubblewrap asks the kernel to kill the box with its parent as the last thing before it runs the command
(``handle_die_with_parent`` in its source). A worker that is killed in the milliseconds before that leaves a first
process that waits forever and runs nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

PROGRAM = "bwrap"


def kill_orphaned_boxes(folder: Path) -> int:
    """Kill every bubblewrap that was started for the box in ``folder``, whose worker is gone: how many there were."""
    killed = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or belongs to another user
            if not _is_for_box(process, folder):
                continue
            descriptor = os.pidfd_open(int(process.name))
            try:
                if _is_for_box(process, folder):  # checked again: the number may be another process's by now
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    killed += 1
            finally:
                os.close(descriptor)
    return killed


def _is_for_box(process: Path, folder: Path) -> bool:
    program, *arguments = (process / "cmdline").read_bytes().split(b"\0")
    prefix = os.fsencode(f"{folder}/")
    return Path(os.fsdecode(program)).name == PROGRAM and any(word.startswith(prefix) for word in arguments)
