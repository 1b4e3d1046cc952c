"""What a comment asks for, read as GitHub reads it: a mention inside a quote, code or a link is not a command."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from dayhand.task import TaskKind

VERBS = ("fix", "accept", "environment")
NEAR = 0.6  # how alike a word must be to a verb before we ask whether it was meant
QUIET = frozenset({"code_inline", "html_inline", "image"})


@dataclass(frozen=True, slots=True)
class Command:
    """Words for us."""

    kind: TaskKind
    words: str


@dataclass(frozen=True, slots=True)
class Accept:
    """A person stands for what the change does to the checks. The word alone: “accept only numbers” is a request."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """We were mentioned, but it cannot be told what is meant; ``hint`` is for the person."""

    hint: str


def read(comment: str, handles: Sequence[str]) -> Command | Accept | Unclear | None:
    """Find the first command to one of ``handles``; None where nobody speaks to us."""
    mention = re.compile(
        rf"(?<![\w/@.`-])@({'|'.join(re.escape(handle) for handle in handles)})(?![\w/-]|\.\w)", re.IGNORECASE
    )
    paragraphs = spoken(comment)
    for index, paragraph in enumerate(paragraphs):
        if found := mention.search(paragraph):
            rest = "\n\n".join([paragraph[found.end() :], *paragraphs[index + 1 :]])
            return _understand(rest.lstrip(" ,:;–-").strip(), f"@{found.group(1)}")
    return None


def spoken(comment: str) -> list[str]:
    """The paragraphs that the writer says themselves: no quotes, no code, no links' text, no HTML."""
    said: list[str] = []
    quoted = 0
    for token in MarkdownIt("commonmark").parse(comment):
        quoted += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
        if token.type == "inline" and not quoted:
            said.append(_plain(token.children or []))
    return said


def _plain(children: Sequence[Token]) -> str:
    parts: list[str] = []
    linked = 0
    for child in children:
        linked += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "code_inline" and not linked:
            parts.append(f"`{child.content}`")
        elif child.type not in QUIET and not linked:
            parts.append(child.content)
    return "".join(parts)


def _understand(words: str, handle: str) -> Command | Accept | Unclear:
    if not words:
        return Unclear(f"Write what to do after {handle}: “{handle} fix this”, or a question about the work.")
    verb = re.match(r"[\w-]+", words)
    first = verb.group().lower() if verb else ""
    if re.fullmatch(r"accept\W*", words, re.IGNORECASE):
        return Accept()
    if re.fullmatch(r"environment\W*", words, re.IGNORECASE):
        return Command(TaskKind.ENVIRONMENT, words)
    if first == "fix":
        return Command(TaskKind.FIX, words)
    if first in VERBS:
        return Command(TaskKind.FOLLOW_UP, words)
    near = difflib.get_close_matches(first, VERBS, n=1, cutoff=NEAR) if len(words.split()) <= 3 else []
    if near:
        return Unclear(f"Did you mean “{handle} {near[0]}{words[len(first) :]}”?")
    return Command(TaskKind.FOLLOW_UP, words)
