"""Splits HTML into text, tags and what no browser shows.

Python's own parser changed its reading of comments and of CDATA between patch releases, and holds back what is not
closed. This one follows the states of the HTML standard; where GitHub's parsers differ, it takes the longer reading
of what is hidden. https://html.spec.whatwg.org/multipage/parsing.html#tokenization
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import unescape

from dayhand.startup.records import dataclass

SPACE = " \t\n\f\r"
# Elements whose content a browser does not show as text.
HIDDEN_CONTENT = frozenset(
    [
        "audio", "canvas", "datalist", "head", "iframe", "math", "noembed", "noframes", "noscript", "object", "plaintext",
        "rp", "script", "style", "svg", "template", "textarea", "title", "video", "xmp",
    ]
)  # fmt: skip
VOID = frozenset(
    ["area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
BLOCKS = frozenset(
    [
        "blockquote", "br", "caption", "dd", "details", "div", "dl", "dt", "figcaption", "figure", "h1", "h2", "h3", "h4",
        "h5", "h6", "hr", "li", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
    ]
)  # fmt: skip
SHOWN = BLOCKS | frozenset(
    [
        "a", "abbr", "b", "bdo", "cite", "code", "del", "dfn", "em", "font", "i", "img", "ins", "kbd", "mark", "picture",
        "q", "rt", "ruby", "s", "samp", "small", "source", "span", "strike", "strong", "sub", "sup", "td", "th", "time",
        "tt", "u", "var", "wbr",
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Characters:
    """Characters between tags, with their references decoded."""

    text: str


@dataclass(frozen=True, slots=True)
class Open:
    """A start tag."""

    name: str
    attributes: Mapping[str, str]
    source: str

    @property
    def hides(self) -> bool:
        """Whether its content is not shown, wherever it ends."""
        return self.name not in VOID and ("hidden" in self.attributes or self.name in HIDDEN_CONTENT)


@dataclass(frozen=True, slots=True)
class Close:
    """An end tag."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Unseen:
    """A comment, a declaration or an instruction."""

    kind: str
    source: str


Piece = Characters | Open | Close | Unseen
COMMENT_ENDS = ("-->", "--!>")
# How each begins, what it is, and how it ends: in CommonMark, otherwise as browsers read it.
UNSEEN = (
    ("<!--", "HTML comment", COMMENT_ENDS),
    ("<![CDATA[", "CDATA section", ("]]>", ">")),
    ("<?", "processing instruction", ("?>", ">")),
    ("<!", "declaration", (">",)),
)


def pieces(html: str) -> Iterator[Piece]:
    """The pieces of the HTML, in order; their sources together are the whole."""
    start = at = 0
    while (at := html.find("<", at)) >= 0:
        found = _unseen(html, at) or _tag(html, at)
        if found is None:
            at += 1
            continue
        piece, end = found
        if at > start:
            yield Characters(unescape(html[start:at]))
        yield piece
        start = at = end
    if html[start:]:
        yield Characters(unescape(html[start:]))


def _unseen(html: str, at: int) -> tuple[Unseen, int] | None:
    for begin, kind, ends in UNSEEN:
        if not html.startswith(begin, at):
            continue
        end = _end(html, at + len(begin), ends)
        return Unseen(kind, html[at:end]), end
    return None


def _end(html: str, inside: int, ends: tuple[str, ...]) -> int:
    """Behind the first of the ends that there is; without any, all that follows is hidden."""
    if ends == COMMENT_ENDS and html.startswith((">", "->"), inside):  # `<!-->` and `<!--->` are whole
        return html.index(">", inside) + 1
    found = ((html.find(end, inside), len(end)) for end in ends)
    known = [at + length for at, length in found if at >= 0]
    if not known:
        return len(html)
    return min(known) if ends == COMMENT_ENDS else known[0]


def _tag(html: str, at: int) -> tuple[Open | Close, int] | None:
    closing = html.startswith("</", at)
    begin = at + 2 if closing else at + 1
    if not (html[begin : begin + 1].isascii() and html[begin : begin + 1].isalpha()):
        return None
    stop = begin
    while stop < len(html) and html[stop] not in f"{SPACE}/>":
        stop += 1
    name = html[begin:stop].lower()
    attributes, end = _attributes(html, stop)
    source = html[at:end]
    return (Close(name, source) if closing else Open(name, attributes, source)), end


def _attributes(html: str, at: int) -> tuple[dict[str, str], int]:
    """The attributes from here, and where their tag ends: at the end of the text where it is not closed."""
    found: dict[str, str] = {}
    while at < len(html) and html[at] != ">":
        if html[at] in f"{SPACE}/":
            at += 1
            continue
        begin = at
        at += 1  # an equals sign in the first place belongs to the name
        while at < len(html) and html[at] not in f"{SPACE}/>=":
            at += 1
        name, value = html[begin:at].lower(), ""
        after = _skip(html, at)
        if html[after : after + 1] == "=":
            value, at = _value(html, _skip(html, after + 1))
        found.setdefault(name, unescape(value))
    return found, min(at + 1, len(html))


def _value(html: str, at: int) -> tuple[str, int]:
    quote = html[at : at + 1]
    if quote and quote in "\"'":
        end = html.find(quote, at + 1)
        end = len(html) if end < 0 else end
        return html[at + 1 : end], end + 1
    begin = at
    while at < len(html) and html[at] not in f"{SPACE}>":
        at += 1
    return html[begin:at], at


def _skip(html: str, at: int) -> int:
    while at < len(html) and html[at] in SPACE:
        at += 1
    return at
