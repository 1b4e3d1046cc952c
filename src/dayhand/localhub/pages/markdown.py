"""Markdown as GitHub renders it in issues, comments and check runs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from dayhand.localhub.state.models import Repository

ALLOWED_TAGS = ("details", "summary", "sub")


def markdown(text: str, repo: Repository | None = None, *, breaks: bool = False) -> Markup:
    """Render Markdown: ``#1`` becomes a link and ``@login`` is bold; other raw HTML than ``ALLOWED_TAGS`` is escaped.

    ``breaks`` renders a newline as a line break, as GitHub does in issues and comments but not in files.
    """
    parser = MarkdownIt("gfm-like", {"html": False, "linkify": False, "breaks": breaks})

    def render_text(_renderer: object, tokens: Sequence[Token], index: int, *_: object) -> str:
        html = str(escape(tokens[index].content))
        if repo:
            html = re.sub(r"(?<![\w#&])#(\d+)\b", rf'<a href="/{repo.full_name}/issues/\1">#\1</a>', html)
        return re.sub(r"(?<![\w@/])@(\w[\w-]*)", r"<b>@\1</b>", html)

    parser.add_render_rule("text", render_text)
    html = parser.render(_without_comments(text))
    for name in ALLOWED_TAGS:
        for tag in (name, f"/{name}"):
            html = html.replace(f"&lt;{tag}&gt;", f"<{tag}>")
    return Markup(html)  # noqa: S704 - markdown-it escapes all HTML; the allowed tags carry no attribute


def _without_comments(text: str) -> str:
    start = text.find("<!--")
    while start != -1 and (end := text.find("-->", start)) != -1:
        text = text[:start] + text[end + 3 :]
        start = text.find("<!--")
    return text
