"""The titles and the summary of a task's check run."""

from __future__ import annotations

from dayhand.publish.markdown.sanitize import line
from dayhand.task import STAGE_TITLES, Task

NAME = "dayhand"
STARTING = "Starting"
NO_CHANGES = "No files were changed."
FAILED = "The task failed."
STOPPED = "The task was stopped."


def stage_title(stage: str) -> str:
    """The title while a stage runs."""
    return STAGE_TITLES.get(stage, STARTING)


def summary(task: Task, task_url: str) -> str:
    return f"Task for #{task.number}, requested by {line(task.ask.asker)}. [Live log and details]({task_url})"


def continued_on(head: str) -> str:
    """The title of a check run whose task went on with another commit."""
    return f"Continued on {head[:8]}"
