"""What reports have in common: the result of a single test, and the contract of a format."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Protocol

from dayhand.startup.records import dataclass

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


def shorten(text: str) -> str:
    """The beginning and the end of a detail: the message stands in front, or after a long traceback."""
    if len(text) <= DETAIL_CHARS:
        return text
    return f"{text[: DETAIL_CHARS // 2]}\n…\n{text[-DETAIL_CHARS // 2 + 3 :]}"


# Parts of names that are different in every run: addresses, times, temporary folders and random identifiers.
VARYING = re.compile(
    r"\b0x[0-9a-fA-F]{6,16}\b|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:?\d\d)?"
    r"|/tmp/[\w./-]{1,200}|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
)


def case_result(name: str, state: CaseState, detail: str = "") -> CaseResult:
    """A result with its name on one line, the same in every run; name and detail cut to their limits."""
    return CaseResult(VARYING.sub("…", " ".join(name.split())[:NAME_CHARS]), state, shorten(detail.strip()))
