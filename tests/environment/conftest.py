"""What the environment's tests share: files without a repository, and a log that remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest


@dataclass(frozen=True)
class Texts:
    """Files held in a dict: what a bare mirror gives, without the mirror."""

    texts: Mapping[str, str]

    def paths(self) -> tuple[str, ...]:
        return tuple(self.texts)

    def read(self, path: str) -> str:
        return self.texts.get(path, "")


@dataclass
class Notes:
    """A log that keeps what it is told."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def line(self, kind: str, text: str) -> int:
        self.lines.append((kind, text))
        return len(self.lines)

    def of(self, kind: str) -> list[str]:
        return [text for each, text in self.lines if each == kind]


@pytest.fixture
def say() -> Notes:
    return Notes()


@pytest.fixture
def files():
    """Make files from keyword-like pairs: ``files({"a.py": ""})``."""
    return Texts
