"""The data of a proposed set-up: its settings, the new file, and the results without and with it."""

from __future__ import annotations

import hashlib
import json

from dayhand.startup.records import dataclass
from dayhand.task import Examined


@dataclass(frozen=True, slots=True)
class SuggestedSetting:
    """One setting and the reason for it."""

    section: str
    key: str
    value: str | tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A complete ``.dayhand.toml`` and the settings that are new in it."""

    text: str
    settings: tuple[SuggestedSetting, ...]

    @property
    def name(self) -> str:
        """The same for the same settings, whatever else the file contains."""
        settings = json.dumps([(setting.section, setting.key, setting.value) for setting in self.settings])
        return hashlib.sha256(settings.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Improvement:
    """A suggestion that was tried, and what was found without and with it."""

    suggestion: Suggestion
    before: Examined
    after: Examined
