"""What is known of one test, whatever its language: enough to say whether it says less than before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A test as it stands in a file; or a group of them, of which only the line and what it skips count."""

    line: int
    skips: bool
    asserts: int
    exact: int  # of these, how many compare with a value
    body: str  # to know it again under another name
    focuses: bool = False  # where it stands, no other test runs
    inverts: bool = False  # it passes where what it tests fails
    cases: int = 0  # of a table of values that it runs with
    group: bool = False
