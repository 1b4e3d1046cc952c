"""The contract of a language: its words, as regular expressions without capitals. `table.py` lists the languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from dayhand.startup.records import dataclass

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one language. What a language lacks is left out: then the model is asked what is wanted."""

    actions: Words  # to change something: imperatives, and what follows a request
    please: Words
    requests: Words  # “can you”, before an action
    explains: Words  # to say something: no change is wanted
    interrogatives: Words  # that begin a question
    negations: Words  # before an action
    thanks: Words
    later_negations: Words = ()  # behind the action
    subjects: Words = ()  # before a negation that forbids something
    pronouns: Words = ()  # what a prohibition of everything may say: “this”, “yet”
    thanked: Words = ()  # thanks for something
    relatives: Words = ()  # that begin like a question, and ask nothing
    greetings: Words = ()
    praise: Words = ()
    fillers: Words = ()  # that may stand before anything
    conditions: Words = ()  # that begin a clause which asks for nothing
    statements: Words = ()  # behind a noun: the clause states something
    prohibitions: Words = ()  # “do not”, before any verb
    third_person: Words = ()  # behind the bot's name: the clause is about it
    modals: Words = ()  # behind the bot's name: perhaps a request
    announcements: Words = ()  # what the writer is going to do
    objects: Words = ()  # before the bot's name at the end of a sentence: the clause is about it
    handovers: Words = ()  # “let” in “let @bot fix this”
    assents: Words = ()  # to what was proposed: “go ahead”
    verbs: Mapping[str, Words] = field(
        default_factory=dict
    )  # other words for the commands of `verbs/table.py`
    verb_first: bool = True  # whether the verb of a request begins it
    spaced: bool = True  # whether blanks stand between the words
