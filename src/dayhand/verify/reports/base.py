"""What a report says, whatever its format; and what a format is: a module with ``read``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MAX_TESTS = 20_000
NAME_CHARS, DETAIL_CHARS = 300, 2_000


class CaseState(StrEnum):
    """How a single test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"  # or expected to fail, and did


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One test's result. ``name`` is the same on every run of the same test."""

    name: str
    state: CaseState
    detail: str = ""  # why it failed, cut


class Format(Protocol):
    """A module that reads one format. It sees text that untrusted code wrote: it must be quick and never raise."""

    def read(self, text: str) -> tuple[CaseResult, ...]:
        """The single tests; none where the text is not of this format."""


def single(name: str, state: CaseState, detail: str = "") -> CaseResult:
    """A result on one line of bounded length."""
    return CaseResult(" ".join(name.split())[:NAME_CHARS], state, detail.strip()[:DETAIL_CHARS])
