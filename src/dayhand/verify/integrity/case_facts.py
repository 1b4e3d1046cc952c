"""What is known about one test in any language: enough to tell whether it tests less than before."""

from __future__ import annotations

from dayhand.startup.records import dataclass


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A test in a file; or a group of tests, of which only the line and ``skips`` count."""

    line: int
    skips: bool
    asserts: int
    exact: int  # how many of them compare with a value
    body: str  # to recognise the test under another name
    focuses: bool = False  # keeps all other tests from running
    inverts: bool = False  # passes if the tested code fails
    cases: int = 0  # rows in its table of values
    group: bool = False
