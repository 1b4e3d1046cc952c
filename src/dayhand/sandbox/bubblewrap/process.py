"""One command in one bubblewrap process: started under limits, its streams read and written, all its processes ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from dayhand.box_paths import WORKSPACE
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Reason, Stdin
from dayhand.sandbox.bubblewrap.pipes import CHUNK, Pipes
from dayhand.sandbox.bubblewrap.spawn_thread import SpawnThread
from dayhand.sandbox.command import ExitStatus
from dayhand.sandbox.limits import ControlGroup
from dayhand.sandbox.output import OutputCapture
from dayhand.startup.records import dataclass

GONE_SECONDS = 30.0  # for the kernel to end the box's processes after a kill, however busy the machine is
START_SECONDS = 30.0  # for bwrap to report the box's first process


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """Everything that starts one box for one command."""

    bwrap: Path
    arguments: Sequence[str]  # of bwrap, up to the command
    command: Sequence[str]
    uid: int | None  # the host's user that it runs as; None: ours
    seccomp_filter: bytes
    group: ControlGroup | None


class Process:
    """A started box. Use it in a ``with`` block: however the block is left, no process of the box remains."""

    def __init__(self, spec: LaunchSpec, *, separate_stderr: bool) -> None:
        """Start the box. Raises ``SandboxError``."""
        self._began = time.monotonic()
        self._pipes: Pipes | None = None
        self._spawner: SpawnThread | None = None
        self._first: int | None = None  # a pidfd of the box's first process
        self._status_fd, status = os.pipe()
        rules, rules_end = os.pipe()
        go, go_end = os.pipe()
        try:
            os.write(rules_end, spec.seccomp_filter)
            os.close(rules_end)
            if spec.group is None or spec.group.thread_files:
                os.write(go_end, b"go")
            self._process = self._start(spec, (status, rules, go, go_end), separate_stderr=separate_stderr)
            os.close(status)
            status = -1
            with contextlib.ExitStack() as undo:
                undo.callback(self.__exit__)  # an alarm may raise here as well
                self._status = self._await_first_process()
                self._release(spec, go_end)
                undo.pop_all()
        finally:
            for fd in (status, rules, go, go_end):
                if fd >= 0:
                    os.close(fd)

    def _start(
        self, spec: LaunchSpec, fds: tuple[int, ...], *, separate_stderr: bool
    ) -> subprocess.Popen[bytes]:
        """Start a bwrap that makes the box and then waits until we write to the ``--block-fd`` pipe.

        It inherits both ends of that pipe: if the worker dies first, it waits forever instead of running without limits.
        """
        status, rules, go, _ = map(str, fds)
        own = ["--json-status-fd", status, "--seccomp", rules, "--block-fd", go]

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [str(spec.bwrap), *own, *spec.arguments, "--", *spec.command],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if separate_stderr else subprocess.STDOUT,
                pass_fds=fds,
                cwd="/",
                env={"PATH": "/usr/bin:/bin"},
            )

        try:
            groups = spec.group.thread_files if spec.group else ()
            if spec.uid is None and not groups:
                return start()
            self._spawner = SpawnThread(start, spec.uid, groups)
            return self._spawner.program()
        except (OSError, ValueError) as error:
            raise SandboxError(f"bubblewrap could not be started: {error}.") from error

    def _await_first_process(self) -> bytes:
        """Wait until bwrap reports the box's first process, and open it while its number cannot be another's."""
        report, until = b"", time.monotonic() + START_SECONDS
        while b"\n" not in report and (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([self._status_fd], [], [], left)
            chunk = os.read(self._status_fd, CHUNK) if ready else b""
            if not chunk:
                break  # it failed, and its own output says why
            report += chunk
        if (pid := status_number(report, "child-pid")) is not None:
            with contextlib.suppress(ProcessLookupError):
                self._first = os.pidfd_open(pid)
        return report

    def _release(self, spec: LaunchSpec, go: int) -> None:
        """Let the box run; if it has a control group and was not started in it, move it there first."""
        first = self.first
        if first is None or spec.group is None or spec.group.thread_files:
            return
        try:
            spec.group.add(self._process.pid)
            spec.group.add(first)
            os.write(go, b"go")
        except ProcessLookupError:
            pass  # it failed, and its own output says why
        except OSError as error:
            raise SandboxError(f"The box could not be put into its control group: {error}.") from error

    @property
    def first(self) -> int | None:
        """The id of the box's first process; None if bwrap failed before it started one."""
        return status_number(self._status, "child-pid")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._close()

    def kill(self) -> None:
        """Kill the box's first process, with which the kernel kills all others in the box, and the outer bwrap.

        Killing the outer one should be enough, but the signal that bwrap requests from the kernel for that case can be lost.
        """
        if self._first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _close(self) -> None:
        self._process.wait()
        if self._spawner:
            self._spawner.end()
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
            if self._pipes:
                self._pipes.close()

    def communicate(
        self,
        out: OutputCapture,
        err: OutputCapture | None,
        *,
        stdin: Stdin,
        seconds: float,
        watch: Callable[[], Reason | None],
    ) -> ExitStatus:
        """Read and write the box's streams until all of its processes are gone.

        ``watch`` is called every second and returns why the box has to end, or None.
        """
        pipes = self._pipes = Pipes(self._process, self._status_fd, out, err=err, stdin=stdin)
        pipes.status = self._status
        reason = pipes.run(deadline=self._began + seconds, watch=watch)
        if reason is not Reason.EXIT:
            self.kill()
            pipes.drain(GONE_SECONDS)
        self._process.wait()
        self._await_empty()
        pipes.drain(GONE_SECONDS)
        elapsed = time.monotonic() - self._began
        code = status_number(pipes.status, "exit-code")
        if reason is not Reason.EXIT:
            return ExitStatus(None, reason, elapsed)
        return ExitStatus(code, Reason.EXIT if code is not None else Reason.LOST, elapsed)

    def _await_empty(self) -> None:
        """Wait until the box's first process is dead: the kernel lets it die only after all others in the box."""
        if self._first is None:
            return
        gone = select.poll()
        gone.register(self._first, select.POLLIN)  # https://man7.org/linux/man-pages/man2/pidfd_open.2.html
        if not gone.poll(GONE_SECONDS * 1000):
            raise SandboxError(
                "The kernel did not end a box that was killed.",
                advice="Look for processes in state D: a disk or a network file system may hang.",
            )


def status_number(status: bytes, name: str) -> int | None:
    """A number from bwrap's status stream: it writes ``child-pid`` at first, ``exit-code`` at the end."""
    for line in status.splitlines():
        with contextlib.suppress(ValueError):
            value = json.loads(line).get(name)
            if isinstance(value, int):
                return value
    return None


def with_limits(command: str | Sequence[str], cwd: str, limits: str) -> list[str]:
    """The words that bwrap runs: a shell that sets ``limits`` for itself, and then the command in ``cwd``.

    A shell command that starts in the workspace is run by that same shell.
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
