"""What a person reads of work that was begun and not finished."""

from __future__ import annotations

from dayhand.errors import DayhandError
from dayhand.publish.markdown.escape import cap, code
from dayhand.publish.markdown.sanitize import prose
from dayhand.task import Task

BODY_BYTES = 65_000


def kept(branch: str) -> str:
    """Where the work is, in the comment."""
    return f"What I did until then is on the branch {code(branch)}, unchecked."


def pull_body(task: Task, error: DayhandError, task_url: str) -> str:
    """The body of a draft that holds unfinished work. It closes no issue."""
    return cap(
        f"**Unfinished.** For #{task.number}. I could not go on: {prose(str(error))}\n\n"
        "The commit here is what I had done until then. No check was run on it, and nobody says that it works. "
        f"Go on from it, or close this and delete the branch. [The log]({task_url})\n",
        BODY_BYTES,
    )
