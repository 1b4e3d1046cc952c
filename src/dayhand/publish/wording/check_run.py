"""The titles and the summary of a task's check run."""

from __future__ import annotations

from dayhand.publish.markdown.sanitize import line
from dayhand.task import STAGE_TITLES, Task

NAME = "dayhand"
STARTING = "Starting"
QUEUED = "Queued again"
NO_CHANGES = "No files were changed."
FAILED = "The task failed."
STOPPED = "The task was stopped."
# The buttons of a finished check run. GitHub shows 3, with 20, 40 and 20 characters; `intake/deeds.py` reads the identifiers.
RETRY = {"label": "Retry", "description": "Another attempt on this pull request", "identifier": "retry"}
MORE_BUDGET = {"label": "More budget", "description": "Go on with a new budget", "identifier": "budget"}
ACCEPT = {"label": "Accept", "description": "Accept the change at this commit", "identifier": "accept"}
Buttons = tuple[dict[str, str], ...]


def buttons(*, limited: bool, asks: bool = False) -> Buttons:
    """``limited``: a limit stopped the model. ``asks``: a person must accept the change."""
    return (RETRY, *((MORE_BUDGET,) if limited else ()), *((ACCEPT,) if asks else ()))


def stage_title(stage: str) -> str:
    """The title while a stage runs."""
    return STAGE_TITLES.get(stage, STARTING)


def summary(task: Task, task_url: str) -> str:
    return f"Task for #{task.number}, requested by {line(task.ask.asker)}. [Live log and details]({task_url})"


def continued_on(head: str) -> str:
    """The title of a check run whose task went on with another commit."""
    return f"Continued on {head[:8]}"
