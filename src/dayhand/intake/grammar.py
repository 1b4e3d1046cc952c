"""Reads a comment as GitHub does: a mention inside a quote, code or a link is not a command."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from dayhand.intake import intent
from dayhand.intake.intent import Intent
from dayhand.intake.languages.lexicon import verb_words
from dayhand.intake.terms import without_terms
from dayhand.intake.verbs import environment, help  # noqa: A004 - a verb's name
from dayhand.intake.verbs.base import Verb
from dayhand.intake.verbs.table import BY_INTENT, VERBS
from dayhand.startup.records import dataclass
from dayhand.visible_text.markdown import visible

SIMILARITY = 0.65  # of a word to a verb, from which on we ask whether the verb was meant
MAX_TYPO_WORDS = 3  # a longer text that begins with a similar word is a sentence
CLASHES = frozenset(
    {
        *((start, "stop") for start in ("fix", "retry", "approve", "plan", "ask")),
        *(("plan", start) for start in ("fix", "approve")),
        *((start, "plan") for start in ("fix", "approve")),
    }
)  # commands of one comment, in this order
NO_REASONS = (
    None,
    help,
    environment,
)  # “help, the build is red” is not a command; “stop, the build is red” is one
QUOTED = re.compile(
    r"(?<!\w)(?:\"(?=\S)[^\"\n]*(?<=\S)\"|[“„][^“”„\n]*[“”]|«[^«»\n]*»|「[^「」\n]*」|『[^『』\n]*』)(?!\w)"
)
IGNORED_TOKENS = frozenset({"code_inline", "html_inline", "image"})


@dataclass(frozen=True, slots=True)
class Command:
    """A command to Dayhand. ``text`` is what the person wrote to it."""

    verb: Verb
    text: str


@dataclass(frozen=True, slots=True)
class Misspelt:
    """The comment says nothing but the name, has a typo or contradicts itself; ``hint`` tells the person what to write."""

    hint: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is said to or about the bot: from a sentence that mentions it, to the next one that does."""

    handle: str
    before: str  # in the sentence of the mention
    after: str
    rest: str  # the sentences behind it

    @property
    def text(self) -> str:
        """What follows the mention; the whole if the mention does not begin it."""
        if intent.addresses(self.before, self.after):
            return _joined(self.after, self.rest).lstrip(" ,:;–-").strip()
        return _joined(f"{self.before}{self.handle}{self.after}", self.rest).strip()


def read(comment: str, handles: Sequence[str]) -> tuple[Command, ...] | Misspelt:
    """Find the commands to one of ``handles`` that a person can see; () if it is not mentioned."""
    mention = re.compile(
        rf"(?<![\w/@.`-])@(?:{'|'.join(re.escape(handle) for handle in handles)})(?![\w/-]|\.\w)",
        re.IGNORECASE,
    )
    paragraphs = own_paragraphs(visible(comment).text)
    utterances = list(_utterances(paragraphs, mention))
    if not utterances:
        return ()
    whole = "\n\n".join(paragraphs).strip()
    if not mention.sub("", whole).strip(intent.DECORATION):
        handle = utterances[0].handle
        return Misspelt(
            f"Write what to do after {handle}: “{handle} fix this”, or a question about the work."
        )
    commands = [command for one in utterances for command in _understand(one, whole, mention)]
    if clash := _find_clash(commands):
        return Misspelt(f"This comment asks for both {clash}: write which of the two you want.")
    if len(commands) == 1 and commands[0].verb is BY_INTENT[Intent.UNCLEAR]:
        hint = _typo(commands[0].text, utterances[0].handle)
        return Misspelt(hint) if hint else tuple(commands)
    return tuple(_merged(commands))


def own_paragraphs(comment: str) -> list[str]:
    """The paragraphs in the writer's own words: without quotes, code blocks, link texts and HTML."""
    paragraphs: list[str] = []
    quotes = 0
    for token in MarkdownIt("commonmark").parse(comment):
        quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
        if token.type == "inline" and not quotes:
            paragraphs.append(_without_quotations(_plain(token.children or [])))
    return paragraphs


def _without_quotations(text: str) -> str:
    """A text without what it quotes of a command: “write "@bot fix this" to start”."""
    return QUOTED.sub(lambda found: "…" if "@" in found[0] else found[0], text)


def _plain(children: Sequence[Token]) -> str:
    parts: list[str] = []
    links = 0
    for child in children:
        links += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "code_inline" and not links:
            parts.append(f"`{child.content}`")
        elif child.type not in IGNORED_TOKENS and not links:
            parts.append(child.content)
    return "".join(parts)


def _utterances(paragraphs: Sequence[str], mention: re.Pattern[str]) -> Iterator[Utterance]:
    """Each utterance, in order. Later mentions in a sentence belong to the first one's."""
    text = "\n\n".join(paragraphs)
    starts = [*_sentence_starts(text), len(text)]
    spans = list(pairwise(starts))
    mentioning = [(span, found) for span in spans if (found := mention.search(text, *span))]
    for index, ((start, end), found) in enumerate(mentioning):
        until = mentioning[index + 1][0][0] if index + 1 < len(mentioning) else len(text)
        after = mention.sub("", text[found.end() : end])
        yield Utterance(found[0], text[start : found.start()], after, text[end:until])


def _sentence_starts(text: str) -> list[int]:
    return [0, *(found.end() for found in intent.SENTENCES.finditer(text) if 0 < found.end() < len(text))]


def _joined(sentence: str, rest: str) -> str:
    return f"{sentence}{rest}" if sentence.strip(intent.DECORATION) else rest


def _understand(utterance: Utterance, whole: str, mention: re.Pattern[str]) -> list[Command]:
    text = utterance.text
    if not text.strip(intent.DECORATION):
        kind = intent.is_kind(utterance.before)
        return [Command(BY_INTENT[Intent.COURTESY if kind else Intent.UNCLEAR], "" if kind else whole)]
    if mention.search(text):  # it does not begin with the mention
        wanted = intent.mentioned(utterance.before, utterance.after)
        if wanted is Intent.TALK:
            return [Command(BY_INTENT[wanted], text)]
        verb = _verb(utterance.before) if not utterance.after.strip(intent.DECORATION) else None
        return [Command(verb or BY_INTENT[wanted], text)]
    if commands := _verbs(text):
        return commands
    about = intent.about_the_bot(utterance.after.lstrip(), utterance.rest)
    wanted = about or intent.addressed(without_terms(text))
    return [Command(BY_INTENT[wanted], text)]


def _verbs(text: str) -> list[Command]:
    """The verbs that a text consists of, or begins with; [] if it does not begin with one."""
    if verb := _verb(text):
        return [Command(verb, text)]
    parts = [clause for sentence in intent.sentences(text) for clause in intent.clauses(sentence)]
    found = [(verb, part) for part in parts if (verb := _verb(part)) or intent.says_more(part)]
    if all(verb for verb, _ in found):
        return [Command(verb, part.strip(intent.DECORATION)) for verb, part in found if verb]
    first = next(iter(intent.sentences(text)), "")
    verb = _verb(first)
    if not verb and parts and (verb := _verb(parts[0])) in NO_REASONS:
        return []
    first = first if _verb(first) else parts[0] if parts else ""
    remaining = text[text.index(first) + len(first) :].strip(intent.DECORATION)
    if not verb or not remaining:
        return []
    wanted = intent.addressed(without_terms(remaining))
    later = _verbs(remaining) or [Command(BY_INTENT[wanted], remaining)]
    if wanted in (Intent.UNCLEAR, Intent.COURTESY, Intent.TALK) and len(later) == 1:
        return [Command(verb, text)]
    return [Command(verb, first), *later]


def _verb(text: str) -> Verb | None:
    """The verb that the whole text consists of, with its arguments: “stop”, “could you please stop”."""
    said = dict.fromkeys((intent.bare(text), intent.without_request(text)))
    return next(
        (verb for one in said for verb in VERBS if _pattern(verb.NAME, verb.PATTERN).fullmatch(one)), None
    )


@cache
def _pattern(name: str, pattern: str) -> re.Pattern[str]:
    return re.compile(f"(?:{pattern})|{verb_words(name)}", re.DOTALL)


def _find_clash(commands: Sequence[Command]) -> str:
    """The first two commands that contradict each other, in words; "" if none do. “Stop. Fix this” is an order of events."""
    for first, second in combinations(commands, 2):
        names = (first.verb.NAME, second.verb.NAME)
        forbidden = [one for one in (first, second) if not one.verb.NAME and intent.forbids(one.text)]
        changes = [one for one in (first, second) if one.verb is BY_INTENT[Intent.CHANGE]]
        if names in CLASHES or (
            forbidden and changes and intent.contradicts(forbidden[0].text, changes[0].text)
        ):
            return f"“{first.text.strip(' .')}” and “{second.text.strip(' .')}”"
    return ""


def _merged(commands: Sequence[Command]) -> Iterator[Command]:
    """The commands without thanks and talk beside them, and with one change for all that is to be changed or left alone."""
    quiet = (BY_INTENT[Intent.COURTESY], BY_INTENT[Intent.TALK])
    kept = [command for command in commands if command.verb not in quiet] or list(commands[:1])
    bounds = [command for command in commands if command.verb in quiet and intent.forbids(command.text)]
    for command in kept:
        same = [other for other in kept if other.verb is command.verb]
        if command.verb is BY_INTENT[Intent.CHANGE]:
            same += bounds  # “do not touch the tests” belongs to the request
        if command.verb not in BY_INTENT.values() or len(same) == 1:
            yield command
        elif command is same[0]:
            yield Command(command.verb, "\n\n".join(other.text for other in same))


def _typo(text: str, handle: str) -> str:
    words = re.findall(r"[\w-]+", text)
    first = words[0].lower() if words else ""
    names = [verb.NAME for verb in (*VERBS, *BY_INTENT.values()) if verb.NAME]
    if not first or first in names or len(text.split()) > MAX_TYPO_WORDS:
        return ""
    similar = difflib.get_close_matches(first, names, n=1, cutoff=SIMILARITY)
    return f"Did you mean “{handle} {similar[0]}{text[len(first) :]}”?" if similar else ""
