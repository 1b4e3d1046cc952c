"""Text as the pages draw it: Markdown as GitHub renders it, a diff file by file, times in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from dayhand.localhub.state import Repository

EMOJI = {
    "+1": "👍",
    "-1": "👎",
    "laugh": "😄",
    "hooray": "🎉",
    "confused": "😕",
    "heart": "❤️",
    "rocket": "🚀",
    "eyes": "👀",
}
MARKS = {"success": "✓", "failure": "✗", "neutral": "◼", "cancelled": "⊘", "action_required": "!", None: "●"}
HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
MAX_LINES = 3000


@dataclass(slots=True)
class FileDiff:
    """One changed file: (kind, number, text) of each line. ``hidden`` lines are too many to show."""

    path: str
    plus: int = 0
    minus: int = 0
    note: str = ""
    lines: list[tuple[str, int, str]] = field(default_factory=list)
    hidden: int = 0


def markdown(text: str, repo: Repository | None = None, *, breaks: bool = False) -> Markup:
    """Render as GitHub does: #1 and @login come alive; of raw HTML only what folds text away.

    ``breaks``: a newline ends the line, as in issues and comments; in files it does not.
    """
    reader = MarkdownIt("gfm-like", {"html": False, "linkify": False, "breaks": breaks})

    def alive(_renderer: object, tokens: Sequence[Token], index: int, *_: object) -> str:
        said = str(escape(tokens[index].content))
        if repo:
            said = re.sub(r"(?<![\w#&])#(\d+)\b", rf'<a href="/{repo.full_name}/issues/\1">#\1</a>', said)
        return re.sub(r"(?<![\w@/])@(\w[\w-]*)", r"<b>@\1</b>", said)

    reader.add_render_rule("text", alive)
    html = reader.render(_strip(text))
    for tag in ("details", "summary", "sub", "/details", "/summary", "/sub"):
        html = html.replace(f"&lt;{tag}&gt;", f"<{tag}>")
    return Markup(html)  # noqa: S704 - markdown-it escapes all HTML; the tags above carry no attribute


def ago(when: datetime) -> Markup:
    """How long ago, in one unit; the whole time for whoever points at it."""
    seconds = int((datetime.now(UTC) - when).total_seconds())
    words = "just now"
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            words = f"{count} {unit}{'s' if count > 1 else ''} ago"
            break
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        when.isoformat(timespec="seconds"), when.strftime("%Y-%m-%d %H:%M:%S UTC"), words
    )


def files_of(diff: str) -> list[FileDiff]:
    """A unified diff of git's, file by file; a removed line has its old number, every other its new one."""
    kinds = {"+": "add", "-": "del", "@": "hunk"}
    words = {"new file": "new", "deleted": "deleted", "rename from": "renamed", "Binary": "binary"}
    found: list[FileDiff] = []
    numbers = {"old": 0, "new": 0}
    heading, drawn = False, 0
    for line in diff.split("\n"):
        if line.startswith("diff --git "):
            found.append(FileDiff(line.rpartition(" b/")[2]))
            heading = True
        elif heading and not line.startswith("@@"):
            file = found[-1]
            file.note = next((word for start, word in words.items() if line.startswith(start)), file.note)
        elif found and line:
            if hunk := HUNK.match(line):
                heading, numbers = False, {"old": int(hunk[1]), "new": int(hunk[2])}
            drawn += 1
            _draw(found[-1], kinds.get(line[0], ""), line, numbers=numbers, room=drawn <= MAX_LINES)
    return found


def _draw(file: FileDiff, kind: str, line: str, *, numbers: dict[str, int], room: bool) -> None:
    number = 0 if kind == "hunk" else numbers["old" if kind == "del" else "new"]
    for side, moving in (("old", ("", "del")), ("new", ("", "add"))):
        numbers[side] += kind in moving
    file.plus += kind == "add"
    file.minus += kind == "del"
    if room:
        file.lines.append((kind, number, line.rstrip("\r")))
    else:
        file.hidden += 1


def _strip(text: str) -> str:
    start = text.find("<!--")
    while start != -1 and (end := text.find("-->", start)) != -1:
        text = text[:start] + text[end + 3 :]
        start = text.find("<!--")
    return text
