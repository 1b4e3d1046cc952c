"""Makes the Markdown of a model or a person safe: it is parsed, then rewritten from the parser's result.

So it does not matter how GitHub would parse the original: only the code blocks and spans that we wrote ourselves
are code, and may keep their ``@`` and ``#``. https://spec.commonmark.org/0.31.2/
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from dayhand.publish.markdown.escape import QUIET, cap, cell, code, escaped, fenced
from dayhand.untrusted_text import clean

PROSE_BYTES = 20_000  # of untrusted text, so that there is always room for our own
PLAIN_LANGUAGE = re.compile(r"[a-z0-9+#-]{1,20}", re.IGNORECASE)
DRAWN = frozenset(
    {"mermaid", "geojson", "topojson", "stl", "math", "suggestion"}
)  # GitHub renders these as more than text
MARKS = {"em": "*", "strong": "**", "s": "~~"}


def prose(text: str, most: int = PROSE_BYTES) -> str:
    """Markdown that keeps emphasis, lists, tables and code, and nothing that affects others.

    Mentions, references, links, images and HTML are disabled. A heading becomes a bold line, so that it cannot
    pass for one of our own sections.
    """
    root = SyntaxTreeNode(_parser().parse(cap(clean(text), most)))
    return "\n\n".join(_blocks(root.children)).strip()


def line(text: str) -> str:
    """One line for lists and cells: keeps code and emphasis."""
    flat = " ".join(clean(text).split())
    root = SyntaxTreeNode(_parser().parseInline(flat))
    return "".join(_inline(root.children[0].children)).strip() if root.children else ""


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _blocks(nodes: Iterable[SyntaxTreeNode]) -> list[str]:
    return [block for node in nodes if (block := _block(node))]


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "paragraph":
            return _text(node)
        case "heading":
            return f"**{text}**" if (text := _text(node, bold=True)) else ""
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
            return "***"  # three dashes would turn the line above into a heading
        case _:
            return escaped(node.content)


def _text(node: SyntaxTreeNode, *, bold: bool = False) -> str:
    return "".join(
        _inline((inline for child in node.children for inline in child.children), bold=bold)
    ).strip()


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
                yield f"{QUIET}{escaped(node.content)}{QUIET}"  # the description of the image
            case _:
                yield escaped(node.content)


def _link(node: SyntaxTreeNode) -> str:
    """The text of a link, followed by its address as code.

    The text stays separate from what surrounds it: ``@[name](x)`` must not become a mention without its brackets.
    """
    text, address = "".join(_inline(node.children)), str(node.attrGet("href") or "")
    if text in ("", escaped(address)):
        return code(address)
    return f"{QUIET}{text}{QUIET} ({code(address)})" if address else f"{QUIET}{text}{QUIET}"


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
        [cell(_text(field)).replace("\n", " ") for field in row.children]
        for part in node.children
        for row in part.children
    ]
    ruler = ["---"] * len(rows[0])
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ruler, *rows[1:]])


def _prefixed(first: str, later: str, body: str) -> str:
    head, *rest = body.split("\n")
    return "\n".join([f"{first}{head}".rstrip(), *(f"{later}{line}".rstrip() for line in rest)])


def _language(info: str) -> str:
    """The language of a code block, if it only affects colors: GitHub draws images and links for some."""
    name = info.split(maxsplit=1)[0] if info.split() else ""
    return name if PLAIN_LANGUAGE.fullmatch(name) and name.lower() not in DRAWN else "text"
