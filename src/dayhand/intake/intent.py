"""What a sentence wants of the bot: a change, an answer, nothing, or what only the model can tell.

Clauses are judged one by one, by the words of `languages/`: a request wins over a question, and a question over the
rest. Where no rule is sure, the intent is unclear: a guess would cost money, or ignore a person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum

from dayhand.intake.languages import lexicon as words

MAX_NOUN_WORDS = (
    3  # between a noun that looks like a verb and the verb of its statement: “fix of it looks wrong”
)
MAX_CALL_WORDS = 2  # before a name with a comma: “Good point @bot, …”
DECORATION = " \t\n,;:.!?¡¿…、。！？，：；–—-*_\"“”„'()[]"
EMOJI_NAME = re.compile(r":[a-z0-9_+-]+:")
FIRST_SYMBOL = (
    0x2190  # arrows; what is not a letter, a number or punctuation from here on is a symbol or an emoji
)
SENTENCES = re.compile(r"(?<=[!?;。！？])\s*|(?<=\.)\s+|\n+")
CLAUSES = re.compile(
    r"[,，、:]\s+|[，、]|\s+[–—-]\s+|\s+(?:and|but|und|aber|et|mais|y|pero|e|ma|en|maar|i|ale|и|но|ve|ama)\s+"
)
SUBORDINATE = re.compile(r"\b(?:that|which|what|so|when|if|where|because|how|who)\b|`")


PERHAPS_REQUEST = r"(?:can|could|may|must) \S+ (?:be \w+ed\b|(?:have|get) )"  # “can this be fixed?”


class Intent(StrEnum):
    """What a text wants of the bot."""

    CHANGE = "change"
    QUESTION = "question"
    COURTESY = "courtesy"  # thanks, praise, a greeting
    TALK = "talk"  # about the bot, or a wish that it does nothing
    UNCLEAR = "unclear"  # the model is asked


class Clause(StrEnum):
    """What one clause says."""

    CHANGE = "change"
    QUESTION = "question"
    COURTESY = "courtesy"
    NEGATED = "negated"
    REFUSED = "refused"  # nothing at all is to be done
    ABOUT_WRITER = "about the writer"
    CONDITION = "condition"
    UNSURE = "unsure"


HANDED_OVER = {Clause.CHANGE: Intent.CHANGE, Clause.NEGATED: Intent.TALK, Clause.REFUSED: Intent.TALK}


def sentences(text: str) -> list[str]:
    """The sentences of a text, with their marks; a line ends a sentence."""
    return [part for part in SENTENCES.split(text) if part and part.strip()]


def clauses(text: str) -> list[str]:
    return [part for part in CLAUSES.split(text) if part and part.strip(DECORATION)]


def plain(text: str) -> str:
    """A text in lower case, with the apostrophes of a keyboard, without emoji."""
    text = _without_symbols(text.lower().replace("\u2019", "'"))
    return re.sub(r"\bn'(?=\w)", "ne ", text)


def bare(text: str) -> str:
    """A text without the courtesies around it, in lower case."""
    return _trim_end(_trim_start(plain(text).strip(DECORATION))[0])


def addressed(text: str) -> Intent:
    """What a text wants that is addressed to the bot."""
    found = [_clause(clause) for sentence in sentences(text) for clause in clauses(sentence)]
    if not found and _has_symbols(text):
        return Intent.COURTESY
    for clause, intent in (
        (Clause.CHANGE, Intent.CHANGE),
        (Clause.QUESTION, Intent.QUESTION),
        (Clause.REFUSED, Intent.TALK),
        (Clause.UNSURE, Intent.UNCLEAR),
        (Clause.NEGATED, Intent.TALK),
        (Clause.COURTESY, Intent.COURTESY),
        (Clause.ABOUT_WRITER, Intent.TALK),
    ):
        if clause in found:
            return intent
    return Intent.UNCLEAR


def addresses(before: str, after: str) -> bool:
    """Whether the bot's name between these two speaks to it: “Morning @bot, …”, “Still red, @bot please fix it”."""
    if only_courtesy(before):
        return True
    tail = plain(after).strip(DECORATION)
    if not tail:
        return False
    if before.rstrip().endswith((",", ":", ";", "–", "—", "-")):
        return True
    lead = plain(before).strip(DECORATION)
    if words.OBJECTS.ends(lead) or words.HANDOVERS.ends(lead):
        return False
    calls = after.lstrip()[:1] in (",", ":") and len(lead.split()) <= MAX_CALL_WORDS
    return calls or bool(_trim_end(tail) and (words.PLEASE.begins(tail) or words.REQUESTS.begins(tail)))


def mentioned(before: str, after: str) -> Intent:
    """What a sentence wants that has the bot's name in its middle or at its end."""
    lead, tail = plain(before).strip(DECORATION), plain(after).strip(DECORATION)
    asks = "?" in after
    if not _trim_end(tail):
        about = words.OBJECTS.ends(lead)
        return (Intent.UNCLEAR if asks else Intent.TALK) if about else _vocative(before, asks=asks)
    if words.NEGATIONS.find(lead):
        return Intent.TALK
    tail = tail.removeprefix("to ")
    if words.HANDOVERS.ends(lead):
        return HANDED_OVER.get(_clause(tail), Intent.UNCLEAR)
    if words.MODALS.begins(tail) or (tail == plain(after).strip(DECORATION) and words.ACTIONS.begins(tail)):
        return Intent.UNCLEAR
    return Intent.TALK


def about_the_bot(after: str, rest: str = "") -> Intent | None:
    """Whether a sentence that begins with the bot's name is about it: “@bot opened #12”. ``rest``: the sentences behind it."""
    text = plain(after)
    if (
        after[:1] in ",:–-"
        or not words.THIRD_PERSON.begins(text.strip())
        or words.INTERROGATIVES.begins(text.strip())
    ):
        return Intent.TALK if text.startswith("'s ") else None
    asks = "?" in after or addressed(rest) in (Intent.CHANGE, Intent.QUESTION)
    return Intent.UNCLEAR if asks else Intent.TALK


def without_request(text: str) -> str:
    """“could you stop” without its first words, in lower case."""
    text = bare(text)
    found = words.REQUESTS.begins(text)
    return bare(text[found.end() :]) if found else text


def only_courtesy(text: str) -> bool:
    """Whether a text says nothing but “hello”, “please” or “thanks”."""
    return not bare(text)


def says_more(clause: str) -> bool:
    """Whether a clause beside a command says more than “please” or “no”."""
    return not only_courtesy(clause) and _clause(clause) is not Clause.REFUSED


def assents(text: str) -> bool:
    """Whether a text says yes to what was proposed, and nothing else: “looks good, go ahead”."""
    found = [_says_yes(clause) for sentence in sentences(text) for clause in clauses(sentence)]
    return True in found and False not in found


def _says_yes(clause: str) -> bool | None:
    """None if it says neither yes nor anything else but courtesies."""
    whole = plain(clause).strip(DECORATION)
    if any(
        word and words.ASSENTS.pattern.fullmatch(word) for word in (whole, _trim_end(whole), bare(clause))
    ):
        return True
    return None if only_courtesy(clause) else False


def praises(text: str) -> bool:
    return bool(words.PRAISE.find(plain(text)))


def forbids(text: str) -> bool:
    """Whether a text wants that something is not done."""
    return any(
        _clause(clause) in (Clause.NEGATED, Clause.REFUSED)
        for sentence in sentences(text)
        for clause in clauses(sentence)
    )


def contradicts(prohibition: str, request: str) -> bool:
    """Whether a prohibition names nothing but what the request asks for."""
    rest = set(re.findall(r"\w+", words.NEGATIONS.pattern.sub(" ", bare(prohibition))))
    return rest <= set(re.findall(r"\w+", bare(request)))


def is_kind(text: str) -> bool:
    """Whether a text thanks, praises or greets."""
    lowered = plain(text)
    return any(kind.find(lowered) for kind in (words.THANKS, words.PRAISE, words.GREETINGS)) or bool(
        _has_symbols(text)
    )


def _without_symbols(text: str) -> str:
    return "".join(" " if _is_symbol(character) else character for character in EMOJI_NAME.sub(" ", text))


def _has_symbols(text: str) -> bool:
    return bool(EMOJI_NAME.search(text)) or any(map(_is_symbol, text))


def _is_symbol(character: str) -> bool:
    category = unicodedata.category(character)
    return category == "Cf" or (ord(character) >= FIRST_SYMBOL and category[0] not in "LNPZ")


def _vocative(before: str, *, asks: bool) -> Intent:
    intent = addressed(before + ("?" if asks else ""))
    return Intent.TALK if intent is Intent.UNCLEAR and not asks else intent


def _clause(text: str) -> Clause:
    lowered = plain(text).strip(DECORATION)
    start, courteous = _trim_start(lowered)
    body = _trim_end(start)
    thanked = words.THANKED.begins(lowered) and not words.PLEASE.find(lowered)
    if not body or thanked:
        return Clause.COURTESY if courteous or is_kind(text) else Clause.CONDITION
    if words.CONDITIONS.begins(body):
        return Clause.CONDITION
    return next(filter(None, (rule(body) for rule in RULES)), None) or (
        Clause.CHANGE if words.PLEASE.find(lowered) and words.FREE_ACTIONS.find(body) else Clause.UNSURE
    )


def _question(body: str) -> Clause | None:
    found = words.INTERROGATIVES.begins(body) or words.FREE_INTERROGATIVES.find(body)
    if not found or (_request(body) is Clause.CHANGE and not words.FREE_INTERROGATIVES.find(body)):
        return None
    rest = body[found.end() :].strip()
    if words.RELATIVES.begins(body):
        return None
    doubtful = words.NEGATIONS.begins(rest) or re.match(PERHAPS_REQUEST, f"{found[0]} {rest}")
    return Clause.UNSURE if doubtful or rest.startswith("about ") else Clause.QUESTION


def _prohibition(body: str) -> Clause | None:
    """Whether the clause wants that something is not done; a negation behind an action belongs to its object."""
    begins = words.ACTIONS.begins(body) is not None
    forbidden = words.PROHIBITIONS.begins(body) or words.FREE_PROHIBITIONS.find(body)
    if not forbidden and not any(_forbids(body, one, begins=begins) for one in words.NEGATING):
        return None
    rest = body
    for kind in (words.PROHIBITIONS, words.NEGATIONS, words.ACTIONS, words.PRONOUNS, words.SUBJECTS):
        rest = kind.pattern.sub(" ", rest)
    return Clause.NEGATED if rest.strip(DECORATION) else Clause.REFUSED


def _forbids(body: str, language: words.Negating, *, begins: bool) -> bool:
    """``begins``: an action begins the clause. “The form does not update the list” forbids nothing."""
    negation = language.negations.find(body)
    if negation and not begins and language.actions.find(body, negation.end()):
        subject = language.subjects.pattern.sub("", body[: negation.start()])
        return not language.verb_first or not subject.strip(DECORATION)
    action = language.actions.find(body)
    return bool(action and language.later_negations.find(body, action.end()))


def _request(body: str) -> Clause | None:
    """“Can you fix …”, or “can you explain …”."""
    if found := words.REQUESTS.begins(body):
        rest = _trim_start(body[found.end() :].strip(DECORATION))[0]
    elif words.FREE_REQUESTS.find(body):
        rest = body
    else:
        return None
    if words.EXPLAINS.begins(rest):
        return Clause.QUESTION
    if words.ACTIONS.begins(rest):
        return Clause.CHANGE
    action, explains = words.FREE_ACTIONS.find(rest), words.FREE_EXPLAINS.find(rest)
    if explains and not (action and action.start() < explains.start()):
        return Clause.QUESTION
    return Clause.CHANGE if action else Clause.UNSURE


def _explanation(body: str) -> Clause | None:
    return Clause.QUESTION if words.EXPLAINS.begins(body) else None


def _imperative(body: str) -> Clause | None:
    found, noun = words.ACTIONS.begins(body), words.NOUNS.begins(body)
    return Clause.CHANGE if found and not (noun and _is_statement(body[noun.end() :])) else None


def _is_statement(rest: str) -> bool:
    """Whether the “verb” was a noun: “fix looks wrong”."""
    subordinate = SUBORDINATE.search(rest)
    main = rest[: subordinate.start()] if subordinate else rest
    return any(words.STATEMENTS.begins(word) for word in main.split()[:MAX_NOUN_WORDS])


def _announcement(body: str) -> Clause | None:
    return Clause.ABOUT_WRITER if words.ANNOUNCEMENTS.begins(body) else None


RULES = (_question, _prohibition, _request, _explanation, _imperative, _announcement)


def _trim_start(text: str) -> tuple[str, bool]:
    """A text without the courtesies at its start, and whether there were thanks, praise or a greeting."""
    courteous = False
    for _ in _while_shorter(text):
        for kind in (words.PLEASE, words.FILLERS, words.GREETINGS, words.THANKS, words.PRAISE):
            if not words.ACTIONS.begins(text) and (found := kind.begins(text)):
                courteous = courteous or kind in (words.GREETINGS, words.THANKS, words.PRAISE)
                text = text[found.end() :].lstrip(DECORATION)
                break
        else:
            break
    return text, courteous


def _trim_end(text: str) -> str:
    for kind in (words.PLEASE, words.THANKS) * 2:
        if found := kind.ends(text):
            text = text[: found.start()].rstrip(DECORATION)
    return text


def _while_shorter(text: str) -> Iterator[int]:
    """At most as many rounds as the text has words."""
    yield from range(len(text.split()) + 1)
