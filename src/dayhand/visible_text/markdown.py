"""Turns GitHub's Markdown into what a person sees on the page: it is parsed, and written anew from what is shown.

So a form that hides text does not have to be known: what the parser did not call text, code or a picture is not
written. What is shown only on a click stays, and is marked. https://github.github.com/gfm/
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import field

from markdown_it.tree import SyntaxTreeNode

from dayhand.startup.records import dataclass
from dayhand.untrusted_text import HIDDEN, TERMINAL_CODES, strip_hidden
from dayhand.visible_text import html, mathematics
from dayhand.visible_text.parsing import closed_tags, make_parser, shown_footnotes
from dayhand.visible_text.writing import code, longest_run, prefixed

MAX_DROPPED = 60
MAX_CHARS = 300  # of one text that was dropped, and of an address
LANGUAGE = re.compile(r"[a-z0-9+#.-]{1,20}", re.IGNORECASE)
DRAWN = frozenset({"mermaid", "geojson", "topojson", "stl"})
LAYOUT = frozenset(
    ["align", "border", "colspan", "height", "open", "rowspan", "valign", "width"]
)  # attributes
LAYOUT_VALUE = re.compile(r"[\w%]{0,8}")
FORMULA = "[formula]"
IMAGE = "[image]"
FOLDED = "[folded on the page, visible on a click:]"
UNFOLDED = "[end of the folded part]"


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something in a text that a person does not see on GitHub."""

    kind: str  # "HTML comment", "link title" …
    text: str  # cut to ``MAX_CHARS``


@dataclass(frozen=True, slots=True)
class Visible:
    """A text as a person sees it, and what was dropped from its source."""

    text: str
    dropped: tuple[Dropped, ...]
    images: tuple[str, ...] = ()  # the addresses of those that are shown, each once


def visible(markdown: str) -> Visible:
    """What GitHub shows of a comment or of an issue's text. The contents of code stay as they are.

    >>> visible("a<!-- b -->c `<!-- d -->`").text
    'ac `<!-- d -->`'
    """
    plain = visible_line(markdown)
    env: dict[str, object] = {}
    tokens = make_parser().parse(plain.text, env)
    page = _Page(
        plain.text.split("\n"),
        Counter(closed_tags(tokens)),
        shown_footnotes(tokens),
        dropped=list(plain.dropped),
    )
    text = "\n\n".join(page.blocks(SyntaxTreeNode(tokens).children)).strip()
    page.drop_definitions(env)
    return Visible(text, tuple(page.dropped[:MAX_DROPPED]), tuple(dict.fromkeys(page.images)))


def visible_line(text: str) -> Visible:
    """What is seen of text that is not Markdown, such as an issue's title: all but hidden characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    shown = strip_hidden(lines)
    if shown == lines:
        return Visible(lines, ())
    codes = TERMINAL_CODES.findall(lines)
    chars = [match.group() for match in HIDDEN.finditer(TERMINAL_CODES.sub("", lines))]
    return Visible(shown, (Dropped("hidden characters", _cut("".join(codes + chars))),))


@dataclass(slots=True)
class _Page:
    """Writes the nodes of one text, in their order. ``hiding`` are the open elements whose content is not shown."""

    lines: list[str]
    closing: Counter[str]  # the end tags that are still to come
    footnotes: dict[str, int]
    dropped: list[Dropped] = field(default_factory=list)
    hiding: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)

    def drop(self, kind: str, text: str) -> str:
        """List what is not shown, and write nothing."""
        if text.strip() and len(self.dropped) < MAX_DROPPED:
            last = self.dropped[-1] if self.dropped else None
            if last and last.kind == kind == "hidden element" and len(last.text) < MAX_CHARS:
                self.dropped[-1] = Dropped(kind, _cut(f"{last.text} {text.strip()}"))
            else:
                self.dropped.append(Dropped(kind, _cut(text.strip())))
        return ""

    def drop_definitions(self, env: dict[str, object]) -> None:
        """List the definitions of links: a page shows neither their labels nor their titles."""
        references, again = env.get("references"), env.get("duplicate_refs")
        known = list(references.values()) if isinstance(references, dict) else []
        for definition in [*known, *(again if isinstance(again, list) else [])]:
            self.drop("link definition", self._source(definition["map"]))

    def _source(self, lines: list[int] | tuple[int, int] | None) -> str:
        return "\n".join(self.lines[lines[0] : lines[1]]) if lines else ""

    def shown(self, text: str) -> str:
        """Text where the page is showing; otherwise it is listed."""
        if self.hiding:
            return self.drop("hidden element", text)
        plain = visible_line(text)  # a character reference may stand for a hidden character
        self.dropped += plain.dropped
        return plain.text

    def blocks(self, nodes: Iterable[SyntaxTreeNode]) -> list[str]:
        return [block for node in nodes if (block := self._block(node)).strip()]

    def _block(self, node: SyntaxTreeNode) -> str:
        match node.type:
            case "paragraph":
                return self._text(node).strip()
            case "heading":
                text = " ".join(self._text(node).split())
                return f"{'#' * int(node.tag[1])} {text}" if text else ""
            case "fence" | "code_block":
                return self._code_block(node)
            case "blockquote":
                return prefixed("> ", "> ", "\n\n".join(self.blocks(node.children)))
            case "bullet_list":
                return self._list(node, "-")
            case "ordered_list":
                start = node.attrGet("start")
                return self._list(node, f"{1 if start is None else start}.")
            case "table":
                return self._table(node)
            case "hr":
                return "" if self.hiding else "***"
            case "html_block":
                return self._html(node.content).strip("\n")
            case "footnote_reference":
                return self._footnote(node)
            case _:
                return self.shown(node.content)

    def _code_block(self, node: SyntaxTreeNode) -> str:
        language, _, rest = node.info.strip().partition(" ")
        if self.hiding:
            return self.drop("hidden element", node.content)
        if not LANGUAGE.fullmatch(language):
            language, rest = "", node.info
        self.drop("words after a code block's language", rest)
        if language.lower() == "math" and not mathematics.shows_everything(node.content):
            self.drop("formula", node.content)
            return FORMULA
        ticks = "`" * max(3, longest_run(node.content) + 1)
        block = f"{ticks}{language}\n{node.content.removesuffix(chr(10))}\n{ticks}"
        return f"[drawn by GitHub from this source:]\n{block}" if language.lower() in DRAWN else block

    def _footnote(self, node: SyntaxTreeNode) -> str:
        label = node.meta["label"]
        number = self.footnotes.get(label)
        if number is None:
            return self.drop("unused footnote", self._source(node.map))
        if not LANGUAGE.fullmatch(label):
            self.drop("footnote label", label)
        body = "\n\n".join(self.blocks(node.children))
        return prefixed(f"[^{number}]: ", "    ", body) if body else ""

    def _list(self, node: SyntaxTreeNode, marker: str) -> str:
        items, loose = [], False
        for item in node.children:
            hidden = bool(self.hiding)
            blocks = self.blocks(item.children)
            tight = all(child.hidden for child in item.children if child.type == "paragraph")
            loose = loose or not tight
            body = ("\n" if tight else "\n\n").join(blocks)
            if body or not (hidden or self.hiding):
                items.append(prefixed(f"{marker} ", " " * (len(marker) + 1), body))
            if marker[0].isdigit():
                marker = f"{int(marker[:-1]) + 1}."
        return ("\n\n" if loose else "\n").join(items)

    def _table(self, node: SyntaxTreeNode) -> str:
        rows = [
            [
                re.sub(r"(?<!\\)\|", r"\\|", self._text(cell)).replace("\n", " ").strip()
                for cell in row.children
            ]
            for part in node.children
            for row in part.children
        ]
        if not any(map(any, rows)):
            return ""
        ruler = ["---"] * len(rows[0])
        return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ruler, *rows[1:]])

    def _text(self, node: SyntaxTreeNode) -> str:
        return "".join(self._inline(inline for child in node.children for inline in child.children))

    def _inline(self, nodes: Iterable[SyntaxTreeNode]) -> Iterator[str]:
        for node in nodes:
            match node.type:
                case "text":
                    yield self.shown(node.content)
                case "code_inline":
                    yield self.drop("hidden element", node.content) if self.hiding else code(node.content)
                case "softbreak" | "hardbreak":
                    yield "\n"
                case "em" | "strong" | "s":
                    inner = "".join(self._inline(node.children))
                    yield f"{node.markup}{inner}{node.markup}" if inner.strip() else inner
                case "link":
                    yield self._link(node)
                case "image":
                    self.drop("image description", node.content)
                    self.drop("image title", str(node.attrGet("title") or ""))
                    yield "" if self.hiding else self._image(node.attrGet("src"))
                case "html_inline":
                    yield self._html(node.content)
                case "footnote_ref":
                    yield self.shown(f"[^{self.footnotes.get(node.meta['label'], '?')}]")
                case mathematics.TOKEN:
                    yield self._formula(node.content)
                case _:
                    yield self.shown(node.content)

    def _formula(self, source: str) -> str:
        if self.hiding or mathematics.shows_everything(source):
            return self.shown(source)
        self.drop("formula", source)
        return FORMULA

    def _link(self, node: SyntaxTreeNode) -> str:
        text, address = "".join(self._inline(node.children)), str(node.attrGet("href") or "")
        self.drop("link title", str(node.attrGet("title") or ""))
        if not text.strip():
            self.drop("link without a text", address)
            return text
        if address in (text, f"mailto:{text}"):
            return text
        if len(address) > MAX_CHARS:
            self.drop("long address of a link", address)
            return f"[{text}]"
        return f"[{text}]({address})" if address else text

    def _image(self, address: object) -> str:
        self.images.append(str(address or ""))
        return IMAGE

    def _html(self, source: str) -> str:
        return "".join(self._piece(piece) for piece in html.pieces(source))

    def _piece(self, piece: html.Piece) -> str:
        match piece:
            case html.Characters():
                return self.shown(piece.text)
            case html.Unseen():
                return self.drop(piece.kind, piece.source)
            case html.Open():
                return self._hide(piece) if self.hiding else self._open(piece)
            case html.Close():
                return self._close(piece)

    def _hide(self, tag: html.Open) -> str:
        """A tag in an element that is not shown: it is kept count of, so that the right end tag ends it."""
        if tag.hides or tag.name in self.hiding:
            self.hiding.append(tag.name)
        return self.drop("hidden element", tag.source)

    def _open(self, tag: html.Open) -> str:
        if any(
            name not in LAYOUT or not LAYOUT_VALUE.fullmatch(value) for name, value in tag.attributes.items()
        ):
            self.drop("HTML attributes", tag.source)
        if tag.hides:
            # GitHub shows `<title>` as it is written where nothing closes it; a person may be writing of that tag.
            ends = "hidden" in tag.attributes or tag.name == "template" or self.closing[tag.name] > 0
            if ends:
                self.hiding.append(tag.name)
            return "" if ends else f"<{tag.name}>"
        if tag.name == "details":
            return f"\n{'' if 'open' in tag.attributes else FOLDED}\n"
        if tag.name not in html.SHOWN:
            return self.drop("HTML tag", tag.source)
        if tag.name == "img":
            return self._image(tag.attributes.get("src"))
        return {"li": "\n- ", "td": " | ", "th": " | "}.get(tag.name) or _break(tag.name)

    def _close(self, tag: html.Close) -> str:
        self.closing[tag.name] -= 1
        if self.hiding:
            if tag.name == self.hiding[-1]:
                self.hiding.pop()
            return ""
        return f"\n{UNFOLDED}\n" if tag.name == "details" else _break(tag.name)


def _break(name: str) -> str:
    return "\n" if name in html.BLOCKS else ""


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]}…"
