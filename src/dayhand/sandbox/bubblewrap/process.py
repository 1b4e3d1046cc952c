"""One command in one bubblewrap: started under limits, its streams pumped, its end made sure of."""

from __future__ import annotations

import contextlib
import json
import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from dayhand.box_paths import WORKSPACE
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Reason
from dayhand.sandbox.bubblewrap.spawn_thread import SpawnThread
from dayhand.sandbox.command import Ended
from dayhand.sandbox.limits import ControlGroup
from dayhand.sandbox.meter import Meter

CHUNK = 64 * 1024
GONE_SECONDS = 30.0  # for the kernel to empty the box after a kill, however busy the machine is
START_SECONDS = 30.0  # for bwrap to tell of the box's first process
WATCH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything that starts one box for one command."""

    bwrap: Path
    arguments: Sequence[str]  # up to the command
    command: Sequence[str]
    uid: int | None  # the host's user that it runs as; None: ours
    filter: bytes
    group: ControlGroup | None


class Process:
    """A started box, to be used in a ``with`` block: leaving it, by whatever road, leaves no process."""

    def __init__(self, launch: Launch, *, apart: bool) -> None:
        """Start; ``apart`` keeps standard error on a stream of its own. Raises ``SandboxError``."""
        self._began = time.monotonic()
        self._loop: _Pump | None = None
        self._descent: SpawnThread | None = None
        self._first: int | None = None
        self._status_fd, status = os.pipe()
        rules, rules_end = os.pipe()
        go, go_end = os.pipe()
        try:
            os.write(rules_end, launch.filter)
            os.close(rules_end)
            if launch.group is None or launch.group.ways:
                os.write(go_end, b"go")
            self._process = self._start(launch, (status, rules, go, go_end), apart=apart)
            os.close(status)
            status = -1
            with contextlib.ExitStack() as undo:
                undo.callback(self.__exit__)  # an alarm may strike here as well
                self._told = self._meet_first()
                self._release(launch, go_end)
                undo.pop_all()
        finally:
            for fd in (status, rules, go, go_end):
                if fd >= 0:
                    os.close(fd)

    def _start(self, launch: Launch, fds: tuple[int, ...], *, apart: bool) -> subprocess.Popen[bytes]:
        """Start a bwrap that makes the box and then waits for our word.

        It gets both ends of that pipe: if the worker dies first, it must wait for ever rather than run unlimited.
        """
        status, rules, go, _ = map(str, fds)
        own = ["--json-status-fd", status, "--seccomp", rules, "--block-fd", go]

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [str(launch.bwrap), *own, *launch.arguments, "--", *launch.command],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if apart else subprocess.STDOUT,
                pass_fds=fds,
                cwd="/",
                env={"PATH": "/usr/bin:/bin"},
            )

        try:
            if launch.uid is None:
                return start()
            self._descent = SpawnThread(start, launch.uid, launch.group.ways if launch.group else ())
            return self._descent.program()
        except (OSError, ValueError) as error:
            raise SandboxError(f"bubblewrap could not be started: {error}.") from error

    def _meet_first(self) -> bytes:
        """Wait until bwrap tells of the box's first process, and open it while its number cannot be another's."""
        told, until = b"", time.monotonic() + START_SECONDS
        while b"\n" not in told and (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([self._status_fd], [], [], left)
            chunk = os.read(self._status_fd, CHUNK) if ready else b""
            if not chunk:
                break  # it failed, and says why on its own streams
            told += chunk
        if (pid := number(told, "child-pid")) is not None:
            with contextlib.suppress(ProcessLookupError):
                self._first = os.pidfd_open(pid)
        return told

    def _release(self, launch: Launch, go: int) -> None:
        """Put the box into its control group, if it has one and was not born in it, and let it run."""
        first = number(self._told, "child-pid")
        if first is None or launch.group is None or launch.group.ways:
            return
        try:
            launch.group.add(self._process.pid)
            launch.group.add(first)
            os.write(go, b"go")
        except ProcessLookupError:
            pass  # it failed, and says why on its own streams
        except OSError as error:
            raise SandboxError(f"The box could not be put into its control group: {error}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._close()

    def kill(self) -> None:
        """Kill the box's first process, with which the kernel kills all others in there, and the outer bwrap.

        The outer one's death alone would do it, if the signal that bwrap asks of the kernel for that case were never lost.
        """
        if self._first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _close(self) -> None:
        self._process.wait()
        if self._descent:
            self._descent.end()
        try:
            self._await_empty()
        finally:
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream:
                    with contextlib.suppress(OSError):
                        stream.close()
            os.close(self._status_fd)
            if self._first is not None:
                os.close(self._first)
            if self._loop:
                self._loop.close()

    def pump(
        self,
        out: Meter,
        err: Meter | None,
        *,
        stdin: bytes | IO[bytes] | None,
        seconds: float,
        watch: Callable[[], Reason | None],
    ) -> Ended:
        """Move bytes until the box is gone. ``watch`` is asked every second whether it has to end, and why."""
        loop = self._loop = _Pump(self._process, self._status_fd, out, err=err, stdin=stdin)
        loop.status = self._told
        reason = loop.turn(deadline=self._began + seconds, watch=watch)
        if reason is not Reason.EXIT:
            self.kill()
            loop.drain(GONE_SECONDS)
        self._process.wait()
        self._await_empty()
        loop.drain(GONE_SECONDS)
        taken = time.monotonic() - self._began
        exited = number(loop.status, "exit-code")
        if reason is not Reason.EXIT:
            return Ended(None, reason, taken)
        return Ended(exited, Reason.EXIT if exited is not None else Reason.LOST, taken)

    def _await_empty(self) -> None:
        """Wait until the box's first process is dead: the kernel lets it die only after all others in there."""
        if self._first is None:
            return
        gone = select.poll()
        gone.register(self._first, select.POLLIN)  # https://man7.org/linux/man-pages/man2/pidfd_open.2.html
        if not gone.poll(GONE_SECONDS * 1000):
            raise SandboxError(
                "The kernel did not end a box that was killed.",
                advice="Look for processes in state D: a disk or a network file system may hang.",
            )


class _Pump:
    """The streams of one process, none of which may block the others."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        status: int,
        out: Meter,
        *,
        err: Meter | None,
        stdin: bytes | IO[bytes] | None,
    ) -> None:
        self.status = b""
        self._selector = selectors.DefaultSelector()
        self._stdin = process.stdin
        self._source = stdin
        self._waiting = memoryview(stdin if isinstance(stdin, bytes) else b"")
        self._meters: dict[int, Meter] = {}
        self._status_fd = status
        for stream, meter in ((process.stdout, out), (process.stderr, err)):
            if stream and meter:
                self._meters[stream.fileno()] = meter
        for fd in (status, *self._meters):
            os.set_blocking(fd, False)
            self._selector.register(fd, selectors.EVENT_READ)
        if self._stdin:
            os.set_blocking(self._stdin.fileno(), False)
            self._selector.register(self._stdin, selectors.EVENT_WRITE)

    def turn(self, *, deadline: float, watch: Callable[[], Reason | None]) -> Reason:
        """Pump until the process ends by itself, or say why it must not go on."""
        look = time.monotonic() + WATCH_SECONDS
        while self._status_fd in self._selector.get_map():
            now = time.monotonic()
            if now >= deadline:
                return Reason.WALL
            if now >= look:
                look = now + WATCH_SECONDS
                if reason := watch():
                    return reason
            self._step(min(deadline, look) - now)
            if any(meter.flooded for meter in self._meters.values()):
                return Reason.FLOOD
        return Reason.EXIT

    def drain(self, seconds: float) -> None:
        """Read what is left until everybody has closed, feeding nothing more."""
        self._stop_feeding()
        until = time.monotonic() + seconds
        while self._selector.get_map() and (left := until - time.monotonic()) > 0:
            self._step(left)

    def close(self) -> None:
        self._selector.close()

    def _step(self, seconds: float) -> None:
        for key, _ in self._selector.select(max(seconds, 0)):
            if self._stdin is not None and key.fileobj is self._stdin:
                self._feed()
            else:
                self._read(key.fd)

    def _read(self, fd: int) -> None:
        try:
            chunk = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            self._selector.unregister(fd)
        elif fd == self._status_fd:
            self.status += chunk
        else:
            self._meters[fd].take(chunk)

    def _feed(self) -> None:
        if self._stdin is None:
            return
        if not self._waiting and self._source is not None and not isinstance(self._source, bytes):
            self._waiting = memoryview(self._source.read(CHUNK))
        if not self._waiting:
            self._stop_feeding()
            return
        try:
            written = os.write(self._stdin.fileno(), self._waiting)
        except BlockingIOError:
            return
        except BrokenPipeError:  # it does not want more
            self._stop_feeding()
            return
        self._waiting = self._waiting[written:]

    def _stop_feeding(self) -> None:
        if self._stdin is not None:
            self._selector.unregister(self._stdin)
            self._stdin.close()
            self._stdin = None


def number(status: bytes, name: str) -> int | None:
    """A number that bwrap has told on its status stream: ``child-pid`` at first, ``exit-code`` at the end."""
    for line in status.splitlines():
        with contextlib.suppress(ValueError):
            value = json.loads(line).get(name)
            if isinstance(value, int):
                return value
    return None


def inside(command: str | Sequence[str], cwd: str, limits: str) -> list[str]:
    """The words that bwrap is to run: a shell that takes ``limits`` on itself, and then the command from ``cwd``.

    What is a command for the shell anyway needs no second one, where it begins in the workspace.
    """
    if isinstance(command, str) and cwd == WORKSPACE:
        return ["/bin/sh", "-c", f"{limits}; {command}"]
    words = ["/bin/sh", "-c", command] if isinstance(command, str) else command
    return [
        "/bin/sh",
        "-c",
        f'{limits}; cd "$1" || exit 1; shift; unset OLDPWD; exec "$@"',
        "sh",
        cwd,
        *words,
    ]


def settled(variables: Mapping[str, str]) -> Mapping[str, str]:
    """Refuse variables that no program could be given. Raises ``SandboxError``."""
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name + value:
            raise SandboxError(f"“{name[:40]}” cannot be set as an environment variable.")
    return variables
