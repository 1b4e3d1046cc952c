"""The time that one worker may give to one task, ended while there still is time to keep the work and to tell."""

from __future__ import annotations

from collections.abc import Callable

from dayhand.errors import OutOfTime


class Deadline:
    """Raises once when the time is over: what is done then, to put the work in safety, goes on undisturbed."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._ends = clock() + seconds
        self._told = False

    def check(self) -> None:
        """Raises ``OutOfTime``, the first time that it is asked after the end."""
        if self._told or self._clock() < self._ends:
            return
        self._told = True
        raise OutOfTime(
            f"The task took longer than the {self._seconds / 60:.0f} minutes that a task may.",
            advice="Ask for a smaller step, or split the issue.",
        )
