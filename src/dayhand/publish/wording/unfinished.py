"""Work that was begun and not finished: where it is, and what its draft says."""

from __future__ import annotations

from dayhand.errors import DayhandError
from dayhand.publish.markdown.escape import cap, code
from dayhand.publish.markdown.sanitize import prose
from dayhand.publish.wording.pull_request import MAX_BYTES
from dayhand.task import Task


def kept_on(branch: str) -> str:
    """Where the work is, for the comment."""
    return f"My unfinished, unchecked work is on the branch {code(branch)}."


def pull_body(task: Task, error: DayhandError, task_url: str) -> str:
    """The body of a draft that holds unfinished work. It closes no issue."""
    return cap(
        f"**Unfinished** work for #{task.number}. I could not continue: {prose(str(error))}\n\n"
        "The commit holds my work up to that point. No checks were run on it, so it may not work. "
        f"Continue from it, or close this pull request and delete the branch. [The log]({task_url})\n",
        MAX_BYTES,
    )
