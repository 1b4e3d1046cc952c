"""Reads a comment as GitHub does: a mention inside a quote, code or a link is not a command."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from dayhand.intake.verbs.base import Verb
from dayhand.intake.verbs.table import DEFAULT, VERBS
from dayhand.visible_text.markdown import visible

SIMILARITY = 0.6  # of a word to a verb, from which on we ask whether the verb was meant
MAX_TYPO_WORDS = 3  # a longer text that begins with a similar word is a sentence
IGNORED_TOKENS = frozenset({"code_inline", "html_inline", "image"})


@dataclass(frozen=True, slots=True)
class Command:
    """A command to Dayhand. ``text`` is everything after the mention, including the verb."""

    verb: Verb
    text: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """The comment mentions Dayhand but cannot be understood; ``hint`` tells the person what to write."""

    hint: str


def read(comment: str, handles: Sequence[str]) -> Command | Unclear | None:
    """Find the first command to one of ``handles`` that a person can see; None if there is none."""
    mention = re.compile(
        rf"(?<![\w/@.`-])@({'|'.join(re.escape(handle) for handle in handles)})(?![\w/-]|\.\w)", re.IGNORECASE
    )
    paragraphs = own_paragraphs(visible(comment).text)
    for index, paragraph in enumerate(paragraphs):
        if found := mention.search(paragraph):
            rest = "\n\n".join([paragraph[found.end() :], *paragraphs[index + 1 :]])
            return _understand(rest.lstrip(" ,:;–-").strip(), f"@{found.group(1)}")
    return None


def own_paragraphs(comment: str) -> list[str]:
    """The paragraphs in the writer's own words: without quotes, code blocks, link texts and HTML."""
    paragraphs: list[str] = []
    quotes = 0
    for token in MarkdownIt("commonmark").parse(comment):
        quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
        if token.type == "inline" and not quotes:
            paragraphs.append(_plain(token.children or []))
    return paragraphs


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


def _understand(text: str, handle: str) -> Command | Unclear:
    if not text:
        return Unclear(f"Write what to do after {handle}: “{handle} fix this”, or a question about the work.")
    word = re.match(r"[\w-]+", text)
    first = word.group().lower() if word else ""
    for verb in VERBS:
        if re.fullmatch(rf"{verb.NAME}(\s+`?{verb.ARGUMENT})?\W*", text, re.IGNORECASE) or (
            first == verb.NAME and not verb.ALONE
        ):
            return Command(verb, text)
    names = [verb.NAME for verb in VERBS]
    if first not in names and len(text.split()) <= MAX_TYPO_WORDS:
        similar = difflib.get_close_matches(first, names, n=1, cutoff=SIMILARITY)
        if similar:
            return Unclear(f"Did you mean “{handle} {similar[0]}{text[len(first) :]}”?")
    return Command(DEFAULT, text)
