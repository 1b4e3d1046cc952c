"""What a report says, whatever its format; and what a format is: a module with ``read``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MOST_TESTS = 20_000
NAME_CHARS, DETAIL_CHARS = 300, 2_000


class State(StrEnum):
    """How a single test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"  # or expected to fail, and did


@dataclass(frozen=True, slots=True)
class Single:
    """One test's result. ``name`` is the same on every run of the same test."""

    name: str
    state: State
    detail: str = ""  # why it failed, cut


class Format(Protocol):
    """A module that reads one format. It sees text that untrusted code wrote: it must be quick and never raise."""

    def read(self, text: str) -> tuple[Single, ...]:
        """The single tests; none where the text is not of this format."""


def single(name: str, state: State, detail: str = "") -> Single:
    """A result on one line of bounded length."""
    return Single(" ".join(name.split())[:NAME_CHARS], state, detail.strip()[:DETAIL_CHARS])
