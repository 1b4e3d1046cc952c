"""The time that a worker may spend on a task. It ends early enough to save the work and report the failure."""

from __future__ import annotations

from collections.abc import Callable

from dayhand.errors import OutOfTime

JOB_SECONDS = 2 * 3600  # then RQ ends the job, whatever it is doing
WORK_SECONDS = JOB_SECONDS - 600  # then the journey ends, and its work so far is kept


class Deadline:
    """Raises once when the time is over, so that saving the work afterwards is not interrupted again."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._ends = clock() + seconds
        self._raised = False

    def check(self) -> None:
        """Raises ``OutOfTime`` on the first call after the end."""
        if self._raised or self._clock() < self._ends:
            return
        self._raised = True
        raise OutOfTime(
            f"The task took longer than {self._seconds / 60:.0f} minutes, which is the limit for a task.",
            advice="Ask for a smaller step, or split the issue.",
        )
