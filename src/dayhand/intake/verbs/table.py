"""All verbs. A new one is a module, a line here and rows in the tests' table of comments."""

from __future__ import annotations

from collections.abc import Mapping

from dayhand.intake.intent import Intent
from dayhand.intake.verbs import accept, environment, fix, help, question, quiet, unclear  # noqa: A004 - a verb's name
from dayhand.intake.verbs.base import Verb

VERBS: tuple[Verb, ...] = (help, accept, environment, question)  # by their words
BY_INTENT: Mapping[Intent, Verb] = {
    Intent.CHANGE: fix,
    Intent.QUESTION: question,
    Intent.COURTESY: quiet,
    Intent.TALK: quiet,
    Intent.UNCLEAR: unclear,
}  # by what the sentence wants
