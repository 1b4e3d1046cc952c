"""What a started program inherits: its user and its control groups, from a thread that takes them on for the start.

To give a program another user ``subprocess`` has to fork, which copies the worker's page tables, where it could spawn; to move
a program into a control group the kernel first waits for every processor, about ten milliseconds. A thread that is that user
in that group already pays for neither: Linux keeps both by thread (credentials(7), cgroups(7)).
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from platform import machine

# setgroups, setresgid, setresuid: the C library's functions of these names would change every thread of the worker
CALLS = {"x86_64": (116, 119, 117), "aarch64": (159, 149, 147), "arm64": (159, 149, 147)}
ROOT = 0


class SpawnThread:
    """A thread that starts one program for another user, and stays until ``end``.

    It has to stay: what is to die with its parent dies with the thread that started it (PR_SET_PDEATHSIG).
    """

    def __init__(
        self, start: Callable[[], subprocess.Popen[bytes]], uid: int, ways: Sequence[tuple[Path, Path]]
    ) -> None:
        """``ways`` are files that take a thread into each control group and back. Raises what ``start`` raises."""
        self._start = start
        self._uid = uid
        self._ways = ways
        self._started, self._over = threading.Event(), threading.Event()
        self._error: OSError | ValueError | None = None
        self._program: subprocess.Popen[bytes] | None = None
        threading.Thread(target=self._run, name="descent", daemon=True).start()
        self._started.wait()

    def program(self) -> subprocess.Popen[bytes]:
        """What was started. Raises ``OSError`` or ``ValueError`` where it could not be."""
        if self._program is None:
            self.end()
            raise self._error or OSError("it was not started")
        return self._program

    def end(self) -> None:
        """Let the thread go; the program is over."""
        self._over.set()

    def _run(self) -> None:
        try:
            with _inside(self._ways), _as_user(self._uid):
                self._program = self._start()
        except (OSError, ValueError) as error:
            self._error = error
        finally:
            self._started.set()
        self._over.wait()


@contextmanager
def _inside(ways: Sequence[tuple[Path, Path]]) -> Iterator[None]:
    """Stand in these groups: this thread, not its process."""
    try:
        for into, _ in ways:
            into.write_text("0")
        yield
    finally:
        for _, back in ways:
            back.write_text("0")


@contextmanager
def _as_user(uid: int) -> Iterator[None]:
    """Be this user and no other, in this thread; what is executed cannot come back, for exec forgets the way."""
    groups = os.getgroups()
    try:
        _become(uid, [])
        yield
    finally:
        _call(2, ROOT, ROOT, ROOT)  # first: only root may set the others
        _become(ROOT, groups)


def _become(uid: int, groups: Sequence[int]) -> None:
    _call(0, len(groups), (ctypes.c_uint * len(groups))(*groups))
    _call(1, uid, uid, ROOT)
    _call(2, uid, uid, ROOT)


def _call(which: int, *arguments: object) -> None:
    if _libc().syscall(CALLS[machine()][which], *arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
