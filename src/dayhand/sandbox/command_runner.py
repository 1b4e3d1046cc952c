"""What the boxes of all backends share: how a command becomes an order, and what is made of its end."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import IO

from dayhand.box_paths import WORKSPACE
from dayhand.errors import SandboxError
from dayhand.exit_codes import NOT_EXECUTABLE
from dayhand.sandbox.base import CommandLimits, Reason, Result
from dayhand.sandbox.command import (
    Ended,
    Order,
    either,
)
from dayhand.sandbox.egress.gateway import Gateway
from dayhand.sandbox.meter import Meter

ERRORS = 4096  # bytes of what a command of our own said before it failed


class Commands(ABC):
    """A box that runs one command at a time. What is said of ``run`` and ``pour`` stands in ``base.Box``."""

    def __init__(self) -> None:
        self.gate: Gateway | None = None
        self.cancelled: Callable[[], bool] | None = None
        self._closed = False
        self._turn = threading.Lock()

    @abstractmethod
    def _carry_out(self, order: Order, out: Meter, err: Meter | None, *, gate: Gateway | None) -> Ended:
        """Run a sound order to its end or to ours; without ``err`` both streams go to ``out``, as they come."""

    def run(
        self,
        command: str | Sequence[str],
        *,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        stdin: bytes | IO[bytes] | None = None,
        limits: CommandLimits | None = None,
        on_output: Callable[[bytes], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Result:
        limits, gate = limits or CommandLimits(), self.gate
        meter = Meter(limits.keep_bytes, limits.output_bytes, on_output)
        if gate:
            env = {**gate.environment(), **(env or {})}
        order = Order(command, cwd, env, stdin, limits.seconds, either(self.cancelled, cancelled))
        with gate.asked_by(order.spoken()) if gate else nullcontext():
            ended = self._execute(order, meter, None, gate=gate)
        return Result(ended.code, meter.head, meter.tail, meter.size, ended.reason, ended.seconds)

    def pour(
        self, command: Sequence[str], *, stdin: bytes | None = None, most: int, seconds: float = 60
    ) -> bytes:
        out, err = Meter(most, most), Meter(ERRORS, CommandLimits().output_bytes)
        order = Order(command, stdin=stdin, seconds=seconds, cancelled=self.cancelled)
        ended = self._execute(order, out, err, gate=None)
        if ended.reason is Reason.FLOOD:
            raise SandboxError(f"{command[0]} gave more than the {most} bytes that may leave the box.")
        if ended.code != 0 or ended.reason is not Reason.EXIT:
            said = Result(ended.code, err.head, err.tail, err.size, ended.reason, ended.seconds).text()
            raise SandboxError(
                f"{command[0]} failed in the box ({ended.reason} {ended.code}): {said.strip()}"
            )
        return out.head

    def _execute(self, order: Order, out: Meter, err: Meter | None, *, gate: Gateway | None) -> Ended:
        with self._turn:
            self._check_open()
            if problem := order.problem():
                (err or out).take(f"{problem}\n".encode())
                return Ended(NOT_EXECUTABLE, Reason.EXIT, 0.0)
            return self._carry_out(order, out, err, gate=gate)

    def _check_open(self) -> None:
        if self._closed:
            raise SandboxError("This box is closed: nothing can run in it any more.")
