"""What the model is told of how a command ended, and where the rest of its output is."""

from __future__ import annotations

import re
from typing import assert_never

from dayhand.agent.tools.call_parser import ShellCall
from dayhand.sandbox.base import Reason, Result

_CUT_MARK = re.compile(r"^(… \d+ bytes cut) …$", re.MULTILINE)


def how_it_ended(result: Result, request: ShellCall) -> str:
    """The end in a few words."""
    match result.reason:
        case Reason.EXIT:
            return f"exit {result.code}"
        case Reason.TIMEOUT if request.until_deadline:
            return f"stopped after {request.seconds:.0f} s: the time for this task is used up"
        case Reason.TIMEOUT:
            return f"stopped after {request.seconds:.0f} s, its time limit (timeout_ms can be up to 900000)"
        case Reason.FLOOD:
            return "stopped because it wrote too much output"
        case Reason.OOM:
            return "stopped because it used too much memory"
        case Reason.CANCELLED:
            return "killed before it ended"
        case Reason.TRUNCATED:
            return f"exit {result.code}, but the end of its output was lost: run it again to see all of it"
        case Reason.LOST:
            return "lost with the sandbox"
        case _:
            assert_never(result.reason)


def with_pointer(text: str, pointer: str) -> str:
    """Add the sentence about the whole output: at the cut, or at the end if an earlier part was cut."""
    if not pointer:
        return text
    result = _CUT_MARK.sub(lambda mark: f"{mark[1]}: {pointer} …", text, count=1)
    return result if result != text else f"{text}\n({pointer})"
