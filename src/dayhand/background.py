"""Work in the background of a journey, one call after another; a failure in it ends the journey."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from types import TracebackType
from typing import Self

CHECK_SECONDS = 1.0


class Background:
    """A thread for the length of a ``with`` block. Leaving the block waits until the thread is idle.

    After the block, every call has returned or failed, and none is running.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="background")
        self._futures: list[Future[object]] = []

    def begin(self, call: Callable[[], object]) -> None:
        """Call it after everything that was begun before; not at all if any of that failed."""
        self._futures.append(self._pool.submit(copy_context().run, self._run, call))

    def check(self) -> None:
        """Raise the first failure so far, if there is one."""
        for future in self._futures:
            if future.done():
                future.result()

    @property
    def idle(self) -> bool:
        """Whether everything that was begun is done."""
        return all(future.done() for future in self._futures)

    def settle(self, check: Callable[[], object] = bool) -> None:
        """Wait until nothing is running; call ``check``, which may raise, about once a second."""
        while wait(self._futures, CHECK_SECONDS).not_done:
            check()

    def wait(self, check: Callable[[], object] = bool) -> None:
        """As ``settle``, and raise the first failure."""
        self.settle(check)
        for future in self._futures:
            future.result()

    def _run(self, call: Callable[[], object]) -> None:
        self.check()
        call()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises the first failure, unless another exception is leaving the block already."""
        self._pool.shutdown(wait=True)
        if error is None:
            self.wait()
