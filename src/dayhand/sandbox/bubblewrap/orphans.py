"""What a killed worker may leave: a box that bubblewrap had begun, and not yet tied to the worker's life.

bubblewrap asks the kernel to end a box with its parent as the last thing before the command (``handle_die_with_parent``
in its source). A worker that is killed in the milliseconds before leaves a first process that waits for ever and runs nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

PROGRAM = "bwrap"


def end_boxes_of(folder: Path) -> int:
    """End every bubblewrap that was started for a box in ``folder``, which nobody holds any more; give their number."""
    ended = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it is gone, or another user's
            if not _serves(process, folder):
                continue
            held = os.pidfd_open(int(process.name))
            try:
                if _serves(process, folder):  # still: the number may be another's by now
                    signal.pidfd_send_signal(held, signal.SIGKILL)
                    ended += 1
            finally:
                os.close(held)
    return ended


def _serves(process: Path, folder: Path) -> bool:
    program, *words = (process / "cmdline").read_bytes().split(b"\0")
    below = os.fsencode(f"{folder}/")
    return Path(os.fsdecode(program)).name == PROGRAM and any(word.startswith(below) for word in words)
