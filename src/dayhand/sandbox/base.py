"""The contract of a sandbox: a box runs untrusted commands without letting them affect anything outside it.

The boundary is one byte stream. The host never opens, lists or parses a path that sandboxed code can write:
bytes go in through standard input; capped bytes and an exit code come out. Every backend guarantees:

* no process outlives the command that started it;
* ``/workspace`` and ``/opt/env`` persist between the commands of a box; ``/tmp`` may not;
* there is no network, except in a box that was opened with an ``Egress``: it reaches that box's allowed hosts by CONNECT;
* nothing of the worker's environment, files, sockets or processes is visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from enum import StrEnum
from types import MappingProxyType
from typing import IO, Protocol, TypeAlias

from dayhand.box_paths import WORKSPACE
from dayhand.sandbox.live_input import LiveInput
from dayhand.startup.records import dataclass
from dayhand.task import Blocked
from dayhand.untrusted_text import decode_output

Stdin: TypeAlias = bytes | IO[bytes] | LiveInput | None  # of a command
NO_HOSTS: Mapping[str, str] = MappingProxyType({})
MAX_REFUSED = 100  # refused hosts that are reported for one set-up: more than people read


class Reason(StrEnum):
    """Why a command ended. The values are stored in records, so they do not change."""

    EXIT = "exit"  # it exited: see ``code``
    TIMEOUT = "wall"  # it reached its time limit
    FLOOD = "flood"  # it wrote more output or more to the disk than it may
    OOM = "oom"  # it ran out of memory
    CANCELLED = "halted"  # the caller no longer wants it
    TRUNCATED = "truncated"  # it exited, but the end of its output did not arrive
    LOST = "lost"  # the box broke while it ran


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """What one command may use."""

    seconds: float = 120.0
    output_bytes: int = 64 * 1024 * 1024  # in total; more is a flood
    keep_bytes: int = 32 * 1024  # kept of the beginning, and as much again of the end


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one command. A non-zero ``code`` is a result, not an error.

    ``head`` and ``tail`` hold standard output and error in the order they were written; ``tail`` is empty while
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
        """The output as safe text: UTF-8 with replacements, no escape sequences, a note where the middle was cut."""
        kept = len(self.head) + len(self.tail)
        gap = f"\n… {self.size - kept} bytes cut …\n" if self.size > kept else ""
        return decode_output(self.head) + gap + decode_output(self.tail)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A saved ``/workspace`` and ``/opt/env``, to open other boxes from."""

    key: str  # letters, digits and dashes
    over: Snapshot | None = None  # that this is a layer over
    commit: str = ""  # checked out in it as the last thing, so that nothing of the repository has run since


@dataclass(slots=True)
class Egress:
    """Which hosts a set-up box may connect to, and the connections that were refused."""

    allow: tuple[str, ...]  # exact hosts, or "*.example.org"; port 443 only
    private: tuple[str, ...] = ()  # those of them that the operator owns: they may have private addresses
    blocked: list[Blocked] = field(default_factory=list)
    reached: list[str] = field(default_factory=list)  # the host of each connection that was made

    @property
    def refused(self) -> tuple[Blocked, ...]:
        """The refused connections, once for each command that asked; at most the first ``MAX_REFUSED``."""
        return tuple(dict.fromkeys(self.blocked))[:MAX_REFUSED]


class Box(Protocol):
    """One open sandbox. Leaving its ``with`` block closes it and removes everything in it.

    ``cancelled`` is called about once a second while a command runs: when it returns True, the command is killed.
    ``checked_out`` is the commit of the snapshot that the box was opened from, until a command runs in it.
    ``changed_paths`` are those that may differ from that commit, each with a NUL after it, without what is in ``.git``. What
    ends with a slash is gone, with everything below it. None: any may differ.
    """

    cancelled: Callable[[], bool] | None

    @property
    def checked_out(self) -> str: ...

    def changed_paths(self) -> bytes | None: ...

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
        """Run one command (a string goes to ``/bin/sh -c``) and wait until it ends.

        ``stdin`` is closed at its end; without it, standard input is empty. ``on_output`` receives each chunk as it is
        written. ``cancelled`` is the box's ``cancelled`` for this command
        alone. Raises ``SandboxError`` only if the box itself breaks.
        """

    def check_output(
        self, command: Sequence[str], *, stdin: bytes | None = None, max_bytes: int, seconds: float = 60
    ) -> bytes:
        """Run one of our own commands and return its whole standard output, byte for byte.

        Standard error is not part of it. Raises ``SandboxError`` if the command fails or writes more than ``max_bytes``.
        """

    def save(self, key: str) -> Snapshot:
        """Save this box's state under ``key`` and close the box.

        A box over a snapshot is saved as a layer: what changed in its workspace. The layer is deleted with that snapshot.
        """


class Sandbox(Protocol):
    """A way to open boxes. Without one, nothing runs: there is no unsandboxed fallback."""

    name: str
    toolchains: tuple[str, ...]  # folders of the operator that boxes see read-only, at their own paths

    def self_test(self) -> None:
        """Open a box to prove that it works here. Raises ``SandboxError`` that says what to do if it does not."""

    def fingerprint(self) -> str:
        """A string that changes whenever the programs in an empty box change; found without opening a box."""

    def open(
        self,
        *,
        origin: Snapshot | None = None,
        egress: Egress | None = None,
        hosts: Mapping[str, str] = NO_HOSTS,
    ) -> AbstractContextManager[Box]:
        """Open a box, empty or from a snapshot.

        ``hosts`` are names that its commands can resolve besides localhost, with their addresses in 127.0.0.0/8.
        """

    def find_snapshot(self, key: str) -> Snapshot | None:
        """The snapshot saved under ``key``, if there is one."""

    def delete_snapshots(self, keys: Iterable[str]) -> None:
        """Delete snapshots; keys that do not exist are ignored."""
