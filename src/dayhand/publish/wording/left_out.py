"""What was in the sandbox, but is not part of the change."""

from __future__ import annotations

from collections.abc import Sequence

from dayhand.publish.markdown.escape import code
from dayhand.task import LeftOut

MAX_LISTED = 15  # the task's page has all of them


def left_out_of_change(left_out: Sequence[LeftOut]) -> str:
    """The files and folders that were left out, each with the reason; "" if there are none."""
    if not left_out:
        return ""
    lines = [f"- {_named(one)}: {one.reason}" for one in left_out[:MAX_LISTED]]
    if len(left_out) > MAX_LISTED:
        lines.append(f"- and {len(left_out) - MAX_LISTED} more, on the task's page")
    return "\n".join(["**Left out of this change:**", "", *lines])


def _named(one: LeftOut) -> str:
    return f"{code(one.path)} ({one.files:,} files)" if one.files > 1 else code(one.path)
