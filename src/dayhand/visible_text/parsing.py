"""Parses GitHub's Markdown, and finds in its tokens which footnotes are shown and which tags end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from dayhand.visible_text import html, mathematics

MAX_NESTING = 100  # of lists and quotations; the parser leaves out what is deeper


def make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": MAX_NESTING})
    parser.enable(["table", "strikethrough"])
    footnote_plugin(parser, inline=False, move_to_end=False)
    mathematics.enable(parser)
    return parser


def _walk(tokens: Iterable[Token]) -> Iterator[Token]:
    """Every token but those of an image's description, which is not shown."""
    for token in tokens:
        yield token
        if token.type == "inline":
            yield from _walk(token.children or ())


def closed_tags(tokens: Iterable[Token]) -> Iterator[str]:
    for token in _walk(tokens):
        if token.type in ("html_inline", "html_block"):
            yield from (piece.name for piece in html.pieces(token.content) if isinstance(piece, html.Close))


def shown_footnotes(tokens: list[Token]) -> dict[str, int]:
    """The footnotes that are shown, with their numbers: those that the text refers to, or that a shown one refers to."""
    references: dict[str, list[str]] = {"": []}
    inside = ""
    for token in _walk(tokens):
        if token.type == "footnote_reference_open":
            inside = f":{token.meta['label']}"
        elif token.type == "footnote_reference_close":
            inside = ""
        elif token.type == "footnote_ref":
            references.setdefault(inside, []).append(token.meta["label"])
    numbers: dict[str, int] = {}
    waiting = list(references[""])
    while waiting:
        label = waiting.pop(0)
        if label not in numbers:
            numbers[label] = len(numbers) + 1
            waiting += references.get(f":{label}", ())
    return numbers
