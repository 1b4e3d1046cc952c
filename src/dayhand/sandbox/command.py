"""One command, as it is ordered from a box of any backend, and how it went."""

from __future__ import annotations

import os
import shlex
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from dayhand.box_paths import WORKSPACE
from dayhand.sandbox.base import Reason

SPOKEN = 200
# What the kernel takes for a program (execve(2): 32 pages a word, a quarter of the stack for all), less what we put before it.
MAX_BYTES_A_WORD = 126 * 1024
MAX_BYTES = 1024 * 1024
POINTER = 9  # bytes that each word costs besides: its end, and where it is


@dataclass(frozen=True, slots=True)
class Order:
    """What to run, where, with what, for how long at most, and who may want it no longer."""

    command: str | Sequence[str]  # a string is for /bin/sh -c
    cwd: str = WORKSPACE
    env: Mapping[str, str] | None = None
    stdin: bytes | IO[bytes] | None = None
    seconds: float = 60.0
    cancelled: Callable[[], bool] | None = None

    def words(self) -> list[str]:
        return ["/bin/sh", "-c", self.command] if isinstance(self.command, str) else list(self.command)

    def problem(self) -> str:
        """Why no program could be given these words, in a sentence for whoever ordered it; "" where one can."""
        try:
            words = [os.fsencode(word) for word in self.words()]
        except UnicodeEncodeError:
            return "The command holds characters that are none, so it was not run."
        variables = [f"{name}={value}" for name, value in (self.env or {}).items()]
        longest = max(map(len, words), default=0)
        whole = sum(len(word) + POINTER for word in (*words, *variables))
        if not words or not words[0]:
            return "The command is empty, so nothing was run."
        if any(b"\0" in word for word in words):
            return "The command holds a NUL byte, which no program can be given, so it was not run."
        if longest > MAX_BYTES_A_WORD or whole > MAX_BYTES:
            most = MAX_BYTES_A_WORD if longest > MAX_BYTES_A_WORD else MAX_BYTES
            return (
                f"The command is too long ({max(longest, whole):,} bytes, of which the kernel takes {most:,}), so it was not run. "
                "Write what is long into a file, or give it on standard input."
            )
        return ""

    def spoken(self) -> str:
        """The command as people are told of it: one line, at most ``SPOKEN`` characters, no word of it halved."""
        words = self.command if isinstance(self.command, str) else shlex.join(self.command)
        return textwrap.shorten(words, SPOKEN, placeholder=" …")

    def is_halted(self) -> bool:
        return self.cancelled is not None and self.cancelled()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command went."""

    code: int | None
    reason: Reason
    seconds: float


def either(one: Callable[[], bool] | None, other: Callable[[], bool] | None) -> Callable[[], bool] | None:
    """Halted as soon as one of them says so."""
    if one is None or other is None:
        return one or other
    return lambda: one() or other()
