"""Sleeping commands that this test run tells from those of others: several run at once on one machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

OURS = f"{os.getpid():07}"


def ours(script: str) -> str:
    """The script, with every nap of so many seconds and a fraction made our own."""
    return re.sub(r"\b(\d\d\.\d+)\b", rf"\g<1>{OURS}", script)


def processes_with(nap: str) -> list[str]:
    """The host's processes that have such a nap of ours among their arguments, but for our own."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = entry.read_bytes()
        except OSError:
            continue
        if ours(nap).encode() in arguments and entry.parent.name != str(os.getpid()):
            found.append(arguments.decode("utf-8", "replace"))
    return found
