"""What a journey does not wait for: done beside it, one thing after another; what fails in it ends the journey."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self


class Background:
    """A thread of its own, to be used in a ``with`` block: leaving it, by whatever road, waits until the thread rests.

    So whatever comes after the block finds all of it done, or failed, and nothing under way.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="meanwhile")
        self._begun: list[Future[object]] = []

    def begin(self, act: Callable[[], object]) -> None:
        """Do it when all that was begun before is done; not at all where some of that failed."""
        self._begun.append(self._pool.submit(self._do, act))

    def check(self) -> None:
        """Raise what failed, if something has."""
        for one in self._begun:
            if one.done():
                one.result()

    def wait(self) -> None:
        """Wait until all of it is done. Raises what failed."""
        for one in self._begun:
            one.result()

    def _do(self, act: Callable[[], object]) -> None:
        self.check()
        act()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises what failed, unless something else is on its way out: that is what ends the journey then."""
        self._pool.shutdown(wait=True)
        if error is None:
            self.wait()
