"""All verbs. A new one is a module, a line here and a test."""

from __future__ import annotations

from dayhand.intake.verbs import accept, environment, fix, question
from dayhand.intake.verbs.base import Verb

VERBS: tuple[Verb, ...] = (fix, accept, environment)
DEFAULT: Verb = question  # every text that begins with none of their names
