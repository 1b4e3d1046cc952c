"""What a check lacks: the kinds, and how each is told to people, with what would fix it."""

from __future__ import annotations

from enum import StrEnum

from dayhand.startup.records import dataclass


class Kind(StrEnum):
    """What is missing. Where a failure shows several causes, the first one here names it."""

    SERVICE = "service"
    DOCKER = "docker"
    SUBMODULE = "submodule"
    LFS = "Git LFS"
    PACKAGE = "package"
    VARIABLE = "variable"
    TAGS = "tags"
    PROGRAM = "program"
    LIBRARY = "library"
    FILE = "file"
    NETWORK = "network"
    IMPORT = "import"
    NO_TEST_PASSES = "no test passes"


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is missing. Two runs lack the same thing if their causes are equal."""

    kind: Kind
    missing: str  # "PostgreSQL on localhost:5432", "acme-internal-metrics"
    tool: str = ""  # whose package it is: "pip", "npm"

    @property
    def rank(self) -> tuple[int, str]:
        """The least one names the cause where a text shows several."""
        return list(Kind).index(self.kind), self.missing


@dataclass(frozen=True, slots=True)
class CannotRun:
    """Why a check, or some of its tests, cannot run in this environment."""

    kind: Kind
    missing: str
    sentence: str  # what is missing
    cure: str  # the line or the action that would provide it
    tests: frozenset[str] = frozenset()  # those of the head that lack it, if single tests are known

    def __str__(self) -> str:
        return f"{self.sentence} {self.cure}"
