"""The words of all languages as one set of patterns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from dayhand.intake.languages.base import Vocabulary, Words
from dayhand.intake.languages.table import LANGUAGES
from dayhand.startup.records import dataclass

NEVER = "(?!)"


@dataclass(frozen=True, slots=True)
class WordSet:
    """One kind of words, in all languages. All texts are in lower case."""

    pattern: re.Pattern[str]
    at_start: re.Pattern[str]
    at_end: re.Pattern[str]

    def find(self, text: str, start: int = 0) -> re.Match[str] | None:
        return self.pattern.search(text, start)

    def begins(self, text: str) -> re.Match[str] | None:
        return self.at_start.match(text)

    def ends(self, text: str) -> re.Match[str] | None:
        return self.at_end.search(text)


def _alternation(spaced: Iterable[str], unspaced: Iterable[str]) -> str:
    words = "|".join(spaced) or NEVER
    return rf"(?:(?<![\w'])(?:{words})(?![\w-])|{'|'.join(unspaced) or NEVER})"


def _set(kind: Callable[[Vocabulary], Words], languages: Iterable[Vocabulary] = LANGUAGES) -> WordSet:
    by_spacing: dict[bool, list[str]] = {True: [], False: []}
    for language in languages:
        by_spacing[language.spaced].extend(kind(language))
    text = _alternation(by_spacing[True], by_spacing[False])
    return WordSet(re.compile(text), re.compile(text), re.compile(rf"{text}$"))


@dataclass(frozen=True, slots=True)
class Negating:
    """How one language says that something is not to be done. A word of another language means something else: “readme”."""

    actions: WordSet
    negations: WordSet
    later_negations: WordSet
    subjects: WordSet  # that may stand before the negation; another one makes it a statement
    verb_first: bool


FREE_ORDER = tuple(language for language in LANGUAGES if not language.verb_first)
UNSPACED = tuple(language for language in LANGUAGES if not language.spaced)

PLEASE = _set(lambda language: language.please)
THANKS = _set(lambda language: language.thanks)
PRAISE = _set(lambda language: language.praise)
GREETINGS = _set(lambda language: language.greetings)
FILLERS = _set(lambda language: language.fillers)
ACTIONS = _set(lambda language: language.actions)
FREE_ACTIONS = _set(lambda language: language.actions, FREE_ORDER)
REQUESTS = _set(lambda language: language.requests)
NOUNS = _set(
    lambda language: language.actions, (one for one in LANGUAGES if one.statements)
)  # “fix looks wrong”
FREE_REQUESTS = _set(lambda language: (*language.requests, *language.please), UNSPACED)
EXPLAINS = _set(lambda language: language.explains)
FREE_EXPLAINS = _set(lambda language: language.explains, FREE_ORDER)
INTERROGATIVES = _set(lambda language: language.interrogatives)
FREE_INTERROGATIVES = _set(lambda language: language.interrogatives, UNSPACED)
NEGATIONS = _set(lambda language: language.negations)
NEGATING = tuple(
    Negating(
        _set(lambda language: language.actions, (one,)),
        _set(lambda language: language.negations, (one,)),
        _set(lambda language: language.later_negations, (one,)),
        _set(lambda language: language.subjects, (one,)),
        one.verb_first,
    )
    for one in LANGUAGES
)
PROHIBITIONS = _set(lambda language: language.prohibitions)
FREE_PROHIBITIONS = _set(lambda language: language.prohibitions, FREE_ORDER)
PRONOUNS = _set(lambda language: language.pronouns)
SUBJECTS = _set(lambda language: language.subjects)
THANKED = _set(lambda language: language.thanked)
RELATIVES = _set(lambda language: language.relatives)
CONDITIONS = _set(lambda language: language.conditions)
STATEMENTS = _set(lambda language: language.statements)
THIRD_PERSON = _set(lambda language: language.third_person)
MODALS = _set(lambda language: language.modals)
ANNOUNCEMENTS = _set(lambda language: language.announcements)
ASSENTS = _set(lambda language: language.assents)
OBJECTS = _set(lambda language: language.objects)
HANDOVERS = _set(lambda language: language.handovers)


def verb_words(name: str) -> str:
    """A pattern of the other words for a verb; one that never matches if there are none."""
    return (
        "|".join(f"(?:{words})" for language in LANGUAGES for words in language.verbs.get(name, ())) or NEVER
    )
