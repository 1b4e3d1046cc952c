"""One command, as it is ordered from a box of any backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from dayhand.sandbox.base import WORKSPACE


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

    def is_halted(self) -> bool:
        return self.halted is not None and self.halted()


def either(one: Callable[[], bool] | None, other: Callable[[], bool] | None) -> Callable[[], bool] | None:
    """Halted as soon as one of them says so."""
    if one is None or other is None:
        return one or other
    return lambda: one() or other()
