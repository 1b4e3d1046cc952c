"""Sleeping commands that can be told from those of other test runs: several may run at once on one machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

SUFFIX = f"{os.getpid():07}"


def mark_sleeps(script: str) -> str:
    """The script, with a suffix of this test run on every number of seconds that has a fraction."""
    return re.sub(r"\b(\d\d\.\d+)\b", rf"\g<1>{SUFFIX}", script)


def processes_with(seconds: str) -> list[str]:
    """The host's processes with this marked number of seconds among their arguments, except this one."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = entry.read_bytes()
        except OSError:
            continue
        if mark_sleeps(seconds).encode() in arguments and entry.parent.name != str(os.getpid()):
            found.append(arguments.decode("utf-8", "replace"))
    return found
