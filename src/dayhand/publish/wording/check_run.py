"""The titles and the summary of a task's check run."""

from __future__ import annotations

from dayhand.publish.markdown.sanitize import line
from dayhand.task import STAGE_TITLES, Task
from dayhand.usage import AskedLimits

NAME = "dayhand"
STARTING = "Starting"
QUEUED, QUEUED_AGAIN = "Queued", "Queued again"
NO_CHANGES = "No files were changed."
FAILED = "The task failed."
STOPPED = "The task was stopped."
MORE_BUDGET = "More budget"
# The buttons of a finished check run. GitHub shows 3, with 20, 40 and 20 characters; `intake/deeds.py` reads the identifiers.
RETRY = {"label": "Retry", "description": "Another attempt on this pull request", "identifier": "retry"}
ACCEPT = {"label": "Accept", "description": "Accept the change at this commit", "identifier": "accept"}
Buttons = tuple[dict[str, str], ...]


def buttons(*, asked: AskedLimits | None = None, asks: bool = False) -> Buttons:
    """``asked``: the limits that a person set, if a limit stopped the model. ``asks``: a person must accept the change."""
    more = [_more_budget(asked)] if asked and str(asked) else []
    return (RETRY, *more, *((ACCEPT,) if asks else ()))


def _more_budget(asked: AskedLimits) -> dict[str, str]:
    """A button that adds the same limits again: its identifier says so as a comment would, “+$2+10min”."""
    dollars = f"+${asked.dollars:g}" if asked.dollars else ""
    minutes = f"+{asked.minutes:g}min" if asked.minutes else ""
    raised = AskedLimits(2 * asked.dollars, 2 * asked.minutes)
    return {
        "label": MORE_BUDGET,
        "description": f"Retry: up to {raised}",
        "identifier": dollars + minutes,
    }


def stage_title(stage: str) -> str:
    """The title while a stage runs."""
    return STAGE_TITLES.get(stage, STARTING)


def summary(task: Task, task_url: str) -> str:
    return f"Task for #{task.number}, requested by {line(task.ask.asker)}. [Live log and details]({task_url})"


def continued_on(head: str) -> str:
    """The title of a check run whose task went on with another commit."""
    return f"Continued on {head[:8]}"
