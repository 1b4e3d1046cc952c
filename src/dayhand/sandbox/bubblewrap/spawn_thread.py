"""Starts a program as another user and in its control groups, from a thread that takes both on for the start.

To give a program another user, ``subprocess`` has to fork, which copies the worker's page tables, instead of using
vfork; to move a process into a control group, the kernel first waits for every processor, about ten milliseconds. A
thread that already is that user, in that group, pays for neither: on Linux both belong to a thread (credentials(7),
cgroups(7)).
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from platform import machine

# setgroups, setresgid, setresuid: the C library's functions of these names change every thread of the process
SYSTEM_CALLS = {"x86_64": (116, 119, 117), "aarch64": (159, 149, 147), "arm64": (159, 149, 147)}
SETGROUPS, SETRESGID, SETRESUID = 0, 1, 2  # positions in these
ROOT = 0
THREAD_NAME = "spawn"


class SpawnThread:
    """A thread that starts one program as another user, and stays until ``end``.

    It has to stay: a program that asked to die with its parent (PR_SET_PDEATHSIG) dies with the thread that started it.
    """

    def __init__(
        self,
        start: Callable[[], subprocess.Popen[bytes]],
        uid: int | None,
        thread_files: Sequence[tuple[Path, Path]],
    ) -> None:
        """``uid``: None for our own. ``thread_files``: see ``ControlGroup``. ``program`` raises what ``start`` raises."""
        self._start = start
        self._uid = uid
        self._thread_files = thread_files
        self._started, self._ended = threading.Event(), threading.Event()
        self._error: OSError | ValueError | None = None
        self._program: subprocess.Popen[bytes] | None = None
        threading.Thread(target=self._run, name=THREAD_NAME, daemon=True).start()
        self._started.wait()

    def program(self) -> subprocess.Popen[bytes]:
        """The started program. Raises ``OSError`` or ``ValueError`` if it could not be started."""
        if self._program is None:
            self.end()
            raise self._error or OSError("it was not started")
        return self._program

    def end(self) -> None:
        """Let the thread end, after the program has ended."""
        self._ended.set()

    def _run(self) -> None:
        try:
            user = nullcontext() if self._uid is None else _as_user(self._uid)
            with _in_groups(self._thread_files), user:
                self._program = self._start()
        except (OSError, ValueError) as error:
            self._error = error
        finally:
            self._started.set()
        self._ended.wait()


@contextmanager
def _in_groups(thread_files: Sequence[tuple[Path, Path]]) -> Iterator[None]:
    """Move this thread, not its process, into the control groups and back."""
    try:
        for group, _ in thread_files:
            group.write_text("0")
        yield
    finally:
        for _, parent in thread_files:
            parent.write_text("0")


@contextmanager
def _as_user(uid: int) -> Iterator[None]:
    """Be this user alone, in this thread. A program that is started meanwhile cannot become root again: exec drops that."""
    groups = os.getgroups()
    try:
        _set_user(uid, [])
        yield
    finally:
        _system_call(SETRESUID, ROOT, ROOT, ROOT)  # first: only root may set the others
        _set_user(ROOT, groups)


def _set_user(uid: int, groups: Sequence[int]) -> None:
    _system_call(SETGROUPS, len(groups), (ctypes.c_uint * len(groups))(*groups))
    _system_call(SETRESGID, uid, uid, ROOT)
    _system_call(SETRESUID, uid, uid, ROOT)


def _system_call(which: int, *arguments: object) -> None:
    if _libc().syscall(SYSTEM_CALLS[machine()][which], *arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
