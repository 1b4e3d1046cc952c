"""The nouns of a proposed set-up: its lines, the whole of it, and what was found without and with it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from dayhand.task import Examined


@dataclass(frozen=True, slots=True)
class Line:
    """One setting, and why it stands there."""

    section: str
    key: str
    value: str | tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Guess:
    """A whole ``.dayhand.toml``, and the lines that are new in it."""

    text: str
    lines: tuple[Line, ...]

    @property
    def name(self) -> str:
        """The same for the same settings, whatever else the file holds."""
        settings = json.dumps([(one.section, one.key, one.value) for one in self.lines])
        return hashlib.sha256(settings.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Improvement:
    """A guess that was tried, and what was found without and with it."""

    guess: Guess
    before: Examined
    after: Examined
