"""A model's or a person's Markdown made safe: read by a parser, then written anew from what the parser saw.

Whether something is code, and so may keep its ``@`` and ``#``, is thus never a guess about how GitHub will read it:
only blocks and spans that we wrote ourselves are code. https://spec.commonmark.org/0.31.2/
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from dayhand.publish.markdown.escape import QUIET, cap, cell, code, escaped, fenced
from dayhand.untrusted_text import clean

PROSE_BYTES = 20_000  # of somebody's words, so that ours always have room after them
PLAIN_LANGUAGE = re.compile(r"[a-z0-9+#-]{1,20}", re.IGNORECASE)
DRAWN = frozenset({"mermaid", "geojson", "topojson", "stl", "math", "suggestion"})  # GitHub runs these
MARKS = {"em": "*", "strong": "**", "s": "~~"}


def prose(text: str, most: int = PROSE_BYTES) -> str:
    """Words in which emphasis, lists, tables and code live, and all that acts on others does not.

    No mention, no reference, no link, no picture, no HTML. A heading becomes a bold line, so that nobody's words
    can pass for a section of ours.
    """
    root = SyntaxTreeNode(_parser().parse(cap(clean(text), most)))
    return "\n\n".join(_blocks(root.children)).strip()


def line(text: str) -> str:
    """Words on one line, for lists and cells: code and emphasis live."""
    flat = " ".join(clean(text).split())
    root = SyntaxTreeNode(_parser().parseInline(flat))
    return "".join(_inline(root.children[0].children)).strip() if root.children else ""


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _blocks(nodes: Iterable[SyntaxTreeNode]) -> list[str]:
    return [written for node in nodes if (written := _block(node))]


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "paragraph":
            return _words(node)
        case "heading":
            return f"**{words}**" if (words := _words(node, bold=True)) else ""
        case "fence" | "code_block":
            return fenced(node.content, most=len(node.content) + 1, language=_language(node.info))
        case "blockquote":
            return _prefixed("> ", "> ", "\n\n".join(_blocks(node.children)))
        case "bullet_list":
            return _list(node, "-")
        case "ordered_list":
            return _list(node, f"{node.attrGet('start') or 1}.")
        case "table":
            return _table(node)
        case "hr":
            return "***"  # three dashes would make a heading of the line above
        case _:
            return escaped(node.content)


def _words(node: SyntaxTreeNode, *, bold: bool = False) -> str:
    return "".join(_inline((one for child in node.children for one in child.children), bold=bold)).strip()


def _inline(nodes: Iterable[SyntaxTreeNode], *, bold: bool = False) -> Iterable[str]:
    for node in nodes:
        match node.type:
            case "code_inline":
                yield code(node.content)
            case "softbreak":
                yield "\n"
            case "hardbreak":
                yield "\\\n"
            case "em" | "strong" | "s":
                mark = QUIET if bold else MARKS[node.type]
                yield f"{mark}{''.join(_inline(node.children, bold=bold))}{mark}"
            case "link":
                yield _link(node)
            case "image":
                yield f"{QUIET}{escaped(node.content)}{QUIET}"  # its description
            case _:
                yield escaped(node.content)


def _link(node: SyntaxTreeNode) -> str:
    """A link's words and, beside them, where it would have led.

    The words stay parted from their neighbours: ``@[name](x)`` must not become a mention when the brackets go.
    """
    words, address = "".join(_inline(node.children)), str(node.attrGet("href") or "")
    if words in ("", escaped(address)):
        return code(address)
    return f"{QUIET}{words}{QUIET} ({code(address)})" if address else f"{QUIET}{words}{QUIET}"


def _list(node: SyntaxTreeNode, marker: str) -> str:
    items = []
    for item in node.children:
        blocks = _blocks(item.children)
        tight = len(blocks) < 3 and [child.type for child in item.children][1:] in (
            [],
            ["bullet_list"],
            ["ordered_list"],
        )
        body = ("\n" if tight else "\n\n").join(blocks)
        items.append(_prefixed(f"{marker} ", " " * (len(marker) + 1), body))
        if marker[0].isdigit():
            marker = f"{int(marker[:-1]) + 1}."
    return "\n".join(items)


def _table(node: SyntaxTreeNode) -> str:
    rows = [
        [cell(_words(field)).replace("\n", " ") for field in row.children]
        for part in node.children
        for row in part.children
    ]
    ruler = ["---"] * len(rows[0])
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ruler, *rows[1:]])


def _prefixed(first: str, later: str, body: str) -> str:
    head, *rest = body.split("\n")
    return "\n".join([f"{first}{head}".rstrip(), *(f"{later}{one}".rstrip() for one in rest)])


def _language(info: str) -> str:
    """A block's language, where it only colours: GitHub draws some, with pictures and links in them."""
    name = info.split(maxsplit=1)[0] if info.split() else ""
    return name if PLAIN_LANGUAGE.fullmatch(name) and name.lower() not in DRAWN else "text"
