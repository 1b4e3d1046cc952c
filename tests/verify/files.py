"""Files held in memory, in place of those of a commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class InMemoryFiles:
    """The files of a commit without a mirror: the text of each path."""

    texts: Mapping[str, str]

    def paths(self) -> tuple[str, ...]:
        return tuple(self.texts)

    def read(self, path: str) -> str:
        return self.texts.get(path, "")
