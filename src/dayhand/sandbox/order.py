"""One command, as it is ordered from a box of any backend."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from dayhand.sandbox.base import WORKSPACE

SPOKEN = 200


@dataclass(frozen=True, slots=True)
class Order:
    """What to run, where, with what, for how long at most, and who may want it no longer."""

    command: str | Sequence[str]  # a string is for /bin/sh -c
    cwd: str = WORKSPACE
    env: Mapping[str, str] | None = None
    stdin: bytes | IO[bytes] | None = None
    seconds: float = 60.0
    halted: Callable[[], bool] | None = None

    def words(self) -> list[str]:
        return ["/bin/sh", "-c", self.command] if isinstance(self.command, str) else list(self.command)

    def spoken(self) -> str:
        """The command as people are told of it: one line, at most ``SPOKEN`` characters, no word of it halved."""
        words = self.command if isinstance(self.command, str) else shlex.join(self.command)
        return textwrap.shorten(words, SPOKEN, placeholder=" …")

    def is_halted(self) -> bool:
        return self.halted is not None and self.halted()


def either(one: Callable[[], bool] | None, other: Callable[[], bool] | None) -> Callable[[], bool] | None:
    """Halted as soon as one of them says so."""
    if one is None or other is None:
        return one or other
    return lambda: one() or other()
