"""One command in a box of any backend: what is run, how it ended, and the part of running it that all boxes share."""

from __future__ import annotations

import os
import shlex
import textwrap
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext

from dayhand.box_paths import WORKSPACE
from dayhand.errors import SandboxError
from dayhand.exit_codes import NOT_EXECUTABLE
from dayhand.sandbox.base import CommandLimits, Reason, Result, Stdin
from dayhand.sandbox.egress.gateway import Gateway
from dayhand.sandbox.limits import MIB
from dayhand.sandbox.output import OutputCapture
from dayhand.startup.records import dataclass

SUMMARY_CHARS = 200
# What the kernel accepts for a new program (execve(2): 32 pages for one argument, a quarter of the stack for all of
# them), less what we put in front of it.
MAX_ARGUMENT_BYTES = 126 * 1024
MAX_COMMAND_BYTES = 1024 * 1024
ARGUMENT_OVERHEAD = 9  # bytes for each argument besides its own: its terminator and its pointer
OUT_OF_MEMORY = "\nOut of memory: the processes, shared memory and temporary files of a sandbox may take {} MB together.\n"
READ_LATE = "This machine is too busy to read what commands write: run fewer tasks at once, and try again."
MAX_ERROR_BYTES = 4096  # of the standard error of one of our own commands, kept for the error message


@dataclass(frozen=True, slots=True)
class SandboxCommand:
    """What to run, where, with which input, and when to stop it."""

    command: str | Sequence[str]  # a string is for /bin/sh -c
    cwd: str = WORKSPACE
    env: Mapping[str, str] | None = None
    stdin: Stdin = None
    seconds: float = 60.0
    cancelled: Callable[[], bool] | None = None

    def argv(self) -> list[str]:
        return ["/bin/sh", "-c", self.command] if isinstance(self.command, str) else list(self.command)

    def problem(self) -> str:
        """Why the kernel cannot run this command, as a sentence for its author; "" if it can."""
        try:
            arguments = [os.fsencode(argument) for argument in self.argv()]
        except UnicodeEncodeError:
            return "The command is not valid Unicode, so it was not run."
        variables = [f"{name}={value}" for name, value in (self.env or {}).items()]
        longest = max(map(len, arguments), default=0)
        total = sum(len(text) + ARGUMENT_OVERHEAD for text in (*arguments, *variables))
        if not arguments or not arguments[0]:
            return "The command is empty, so nothing was run."
        if any(b"\0" in argument for argument in arguments):
            return (
                "The command contains a NUL byte, which no program argument can contain, so it was not run."
            )
        if longest > MAX_ARGUMENT_BYTES or total > MAX_COMMAND_BYTES:
            limit = MAX_ARGUMENT_BYTES if longest > MAX_ARGUMENT_BYTES else MAX_COMMAND_BYTES
            return (
                f"The command is too long ({max(longest, total):,} bytes; the kernel accepts {limit:,}), so it was not run. "
                "Write long content to a file, or pass it on standard input."
            )
        return ""

    def checked_env(self) -> Mapping[str, str]:
        """The variables to set. Raises ``SandboxError`` for one that no program can be given."""
        variables = self.env or {}
        for name, value in variables.items():
            if not name or "=" in name or "\0" in name + value:
                raise SandboxError(f"“{name[:40]}” cannot be set as an environment variable.")
        return variables

    def summary(self) -> str:
        """The command for people to read: one line, at most ``SUMMARY_CHARS`` characters, cut between words."""
        text = self.command if isinstance(self.command, str) else shlex.join(self.command)
        return textwrap.shorten(text, SUMMARY_CHARS, placeholder=" …")

    def is_cancelled(self) -> bool:
        return self.cancelled is not None and self.cancelled()


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a command ended."""

    code: int | None
    reason: Reason
    seconds: float


class CommandRunner(ABC):
    """A box that runs one command at a time. ``base.Box`` documents ``run`` and ``check_output``."""

    def __init__(self, memory: int) -> None:
        self._memory = memory  # how much the box may use, in bytes
        self.gateway: Gateway | None = None
        self.cancelled: Callable[[], bool] | None = None
        self.commit = ""  # of the snapshot that the box is a layer over
        self.checked_out = ""
        self._closed = False
        self._lock = threading.Lock()  # held while a command runs

    @abstractmethod
    def _execute(
        self,
        command: SandboxCommand,
        out: OutputCapture,
        err: OutputCapture | None,
        *,
        gateway: Gateway | None,
    ) -> ExitStatus:
        """Run a command that has no ``problem`` until it ends or has to be stopped.

        Without ``err``, both of its streams go to ``out`` in the order they are written.
        """

    def run(
        self,
        command: str | Sequence[str],
        *,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        stdin: Stdin = None,
        limits: CommandLimits | None = None,
        on_output: Callable[[bytes], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Result:
        limits, gateway = limits or CommandLimits(), self.gateway
        output = OutputCapture(limits.keep_bytes, limits.output_bytes, on_output)
        if gateway:
            env = {**gateway.environment(), **(env or {})}
        request = SandboxCommand(command, cwd, env, stdin, limits.seconds, _either(self.cancelled, cancelled))
        with gateway.attribute_to(request.summary()) if gateway else nullcontext():
            status = self._run_alone(request, output, None, gateway=gateway)
        if status.reason is Reason.OOM:
            output.write(OUT_OF_MEMORY.format(self._memory // MIB).encode())
        return Result(status.code, output.head, output.tail, output.size, status.reason, status.seconds)

    def check_output(
        self, command: Sequence[str], *, stdin: bytes | None = None, max_bytes: int, seconds: float = 60
    ) -> bytes:
        out = OutputCapture(max_bytes, max_bytes)
        err = OutputCapture(MAX_ERROR_BYTES, CommandLimits().output_bytes)
        request = SandboxCommand(command, stdin=stdin, seconds=seconds, cancelled=self.cancelled)
        status = self._run_alone(request, out, err, gateway=None)
        if status.reason is Reason.FLOOD:
            raise SandboxError(f"{command[0]} wrote more than {max_bytes} bytes, the limit for its output.")
        if status.reason is Reason.TRUNCATED:
            raise SandboxError(f"The end of what {command[0]} wrote in the box was lost.", advice=READ_LATE)
        if status.code != 0 or status.reason is not Reason.EXIT:
            errors = Result(status.code, err.head, err.tail, err.size, status.reason, status.seconds).text()
            raise SandboxError(
                f"{command[0]} failed in the box ({status.reason} {status.code}): {errors.strip()}"
            )
        return out.head

    def _run_alone(
        self,
        command: SandboxCommand,
        out: OutputCapture,
        err: OutputCapture | None,
        *,
        gateway: Gateway | None,
    ) -> ExitStatus:
        with self._lock:
            self._check_open()
            self.checked_out = ""  # whatever ran may have changed any of it
            if problem := command.problem():
                (err or out).write(f"{problem}\n".encode())
                return ExitStatus(NOT_EXECUTABLE, Reason.EXIT, 0.0)
            return self._execute(command, out, err, gateway=gateway)

    def _check_open(self) -> None:
        if self._closed:
            raise SandboxError("This box is closed, so nothing can run in it.")


def _either(first: Callable[[], bool] | None, second: Callable[[], bool] | None) -> Callable[[], bool] | None:
    """Cancelled as soon as one of the two says so."""
    if first is None or second is None:
        return first or second
    return lambda: first() or second()
