"""What reports have in common: the result of a single test, and the contract of a format."""

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
    SKIPPED = "skipped"  # or failed as expected


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of one test. ``name`` is the same in every run."""

    name: str
    state: CaseState
    detail: str = ""  # why it failed, shortened


class ReportFormat(Protocol):
    """A module that reads one format. The text comes from untrusted code: reading must be fast and never raise."""

    def read(self, text: str) -> tuple[CaseResult, ...]:
        """The single tests; none if the text has a different format."""


def case_result(name: str, state: CaseState, detail: str = "") -> CaseResult:
    """A result with its name on one line, name and detail cut to their limits."""
    return CaseResult(" ".join(name.split())[:NAME_CHARS], state, detail.strip()[:DETAIL_CHARS])
