"""What a sandbox is: a box that runs commands and hurts nothing outside it.

The boundary is one byte stream. The host never opens, lists or parses a path that sandboxed code can write:
bytes go in by standard input, and out come capped bytes and an exit code. Every backend keeps these promises:

* no process outlives the command that started it;
* ``/workspace`` and ``/opt/env`` persist between the commands of one box, ``/tmp`` need not;
* there is no network, but in a box that was opened with an ``Egress``: there, CONNECT to its allowed hosts;
* nothing of the worker's environment, files, sockets or processes can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, Protocol

from dayhand.box_paths import WORKSPACE
from dayhand.task import Blocked
from dayhand.untrusted_text import decode_output

MAX_REFUSED = 100  # a set-up that asks for more hosts than people read is told of these


class Reason(StrEnum):
    """How a command ended."""

    EXIT = "exit"  # by itself: ``code`` says how
    WALL = "wall"  # it took longer than it may
    FLOOD = "flood"  # it wrote more than it may
    OOM = "oom"  # it wanted more memory than it may
    HALTED = "halted"  # whoever asked for it wanted it no longer
    LOST = "lost"  # the box broke under it


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """What one command may use."""

    seconds: float = 120.0
    output_bytes: int = 64 * 1024 * 1024  # written in all, before it counts as a flood
    keep_bytes: int = 32 * 1024  # of the head, and as much again of the tail


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one command. A non-zero ``code`` is a result, not an error.

    ``head`` and ``tail`` are standard output and error in the order they came; ``tail`` is empty while
    everything fits into ``head``. ``size`` counts all bytes, kept or not.
    """

    code: int | None
    head: bytes
    tail: bytes
    size: int
    reason: Reason
    seconds: float

    @property
    def passed(self) -> bool:
        return self.code == 0 and self.reason is Reason.EXIT

    def text(self) -> str:
        """The output as safe text: UTF-8 with replacements, no escape sequences, the cut marked in the middle."""
        kept = len(self.head) + len(self.tail)
        gap = f"\n… {self.size - kept} bytes cut …\n" if self.size > kept else ""
        return decode_output(self.head) + gap + decode_output(self.tail)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A saved state of a box (its ``/workspace`` and ``/opt/env``), to open other boxes from."""

    key: str  # letters, digits and dashes


@dataclass(slots=True)
class Egress:
    """Where a set-up box may connect to, and what it asked for in vain."""

    allow: tuple[str, ...]  # exact hosts, or "*.example.org"; port 443 only
    private: tuple[str, ...] = ()  # of these, the operator's own: they may be at a private network's address
    blocked: list[Blocked] = field(default_factory=list)

    @property
    def refused(self) -> tuple[Blocked, ...]:
        """What was asked for in vain, each once for each command that asked; at most the first ``MAX_REFUSED``."""
        return tuple(dict.fromkeys(self.blocked))[:MAX_REFUSED]


class Box(Protocol):
    """One open sandbox. It is closed by leaving its ``with`` block; nothing of it is left then.

    ``halted`` is asked about once a second while anything runs: where it says so, the command is killed.
    """

    cancelled: Callable[[], bool] | None

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
        """Run one command (a string goes to ``/bin/sh -c``) and wait for its end.

        ``on_output`` sees each chunk as it comes. ``halted`` is for this command what the box's own
        is for all. Raises ``SandboxError`` only where the box itself broke.
        """

    def pour(
        self, command: Sequence[str], *, stdin: bytes | None = None, most: int, seconds: float = 60
    ) -> bytes:
        """Run a command of our own and return its whole standard output, bytes untouched.

        Standard error is kept apart. Raises ``SandboxError`` where it fails or writes more than ``most`` bytes.
        """

    def save(self, key: str) -> Snapshot:
        """Keep this box's state under ``key`` and close it: it cannot run anything afterwards."""


class Sandbox(Protocol):
    """A way to get boxes. There is no fall-back without one: ``probe`` fails closed."""

    name: str

    def probe(self) -> None:
        """Prove that a box can be opened here; raise ``SandboxError`` saying what to do where not."""

    def stamp(self) -> str:
        """A word for what an empty box has of its own, told without opening one: another one when that changes."""

    def open(
        self, *, origin: Snapshot | None = None, egress: Egress | None = None
    ) -> AbstractContextManager[Box]:
        """Open a box, empty or from a snapshot."""

    def find(self, key: str) -> Snapshot | None:
        """The snapshot kept under ``key``, if there is one."""

    def drop(self, keys: Iterable[str]) -> None:
        """Forget snapshots; those that are not there are passed over."""
