"""All verbs. A new one is a module, a line here and rows in the tests' table of comments."""

from __future__ import annotations

from collections.abc import Mapping

from dayhand.intake.intent import Intent
from dayhand.intake.verbs import (
    accept,
    allow,
    approve,
    budget,
    environment,
    fix,
    help,  # noqa: A004 - a verb's name
    plan,
    question,
    quiet,
    retry,
    status,
    stop,
    unclear,
)
from dayhand.intake.verbs.base import Verb

VERBS: tuple[Verb, ...] = (
    stop,
    status,
    help,
    approve,
    plan,
    retry,
    accept,
    budget,
    allow,
    environment,
    question,
)  # by their words
BY_INTENT: Mapping[Intent, Verb] = {
    Intent.CHANGE: fix,
    Intent.QUESTION: question,
    Intent.COURTESY: quiet,
    Intent.TALK: quiet,
    Intent.UNCLEAR: unclear,
}  # by what the sentence wants
