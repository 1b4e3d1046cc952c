"""The commands that AGENTS.md declares: code under a heading, or after a label, that names exactly one kind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt

from dayhand.startup.regex import regex

NAME = "AGENTS.md"
HEADINGS = {
    "setup": regex(r"\b(set[- ]?up|install(ation|ing)?|bootstrap|dependencies)\b", re.IGNORECASE),
    "lint": regex(r"\blint(s|ing|ers?)?\b", re.IGNORECASE),
    "types": regex(r"\btype[- ]?check(s|ing|er)?\b", re.IGNORECASE),
    "test": regex(r"\btest(s|ing)?\b", re.IGNORECASE),
}
SHELLS = ("", "bash", "sh", "shell", "console", "zsh", "shell-session")
# Commands that make no sense in a box: servers, another clone or virtual environment, automatic fixes.
SKIPPED = regex(
    r"\b(npm|pnpm|yarn|bun)( run)? (dev|start|serve|watch)\b|\brunserver\b|\bflask run\b|\buvicorn\b|"
    r"\bdocker([- ]compose)? (up|run)\b|\bgit clone\b|--watch\b|"
    r"\bpython3? -m venv\b|\buv venv\b|/activate\b|--(fix|write)\b"
)
PLACEHOLDER = regex(r"<[\w -]+>|\bpath/to\b|\.\.\.(\s|$)|\$\{\{|\{\{")


def read_agents_md(text: str) -> dict[str, tuple[str, ...]]:
    """Return the commands of each kind ("setup", "lint", "types" or "test") that has any."""
    found: dict[str, list[str]] = {kind: [] for kind in HEADINGS}
    heading, in_item = "", False
    tokens = MarkdownIt().parse(text) if text.strip() else []
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "inline" and before and before.type == "heading_open":
            heading = _kind(token.content)
        elif token.type in ("list_item_open", "list_item_close"):
            in_item = token.type == "list_item_open"
        elif token.type == "fence" and heading and token.info.split(" ")[0] in SHELLS:
            found[heading] += _commands(token.content)
        elif token.type == "inline" and in_item and (labelled := _labelled(token.content, heading)):
            found[labelled[0]] += _commands(labelled[1])
    return {kind: tuple(dict.fromkeys(commands)) for kind, commands in found.items() if commands}


def _labelled(text: str, heading: str) -> tuple[str, str] | None:
    """The kind and the command of a list item such as “Lint: `make lint`” or, under a heading, “`make lint`”."""
    match = re.fullmatch(r"(?:[*_]*([^`:*]+?):?[*_]*:?\s+)?`([^`]+)`\.?", text.strip())
    if not match:
        return None
    kind = _kind(match[1]) if match[1] else heading
    return (kind, match[2]) if kind else None


def _kind(text: str) -> str:
    """The kind that a heading names; "" where it names none or several."""
    kinds = [kind for kind, pattern in HEADINGS.items() if pattern.search(text)]
    return kinds[0] if len(kinds) == 1 else ""


def _commands(code: str) -> Iterator[str]:
    cloned = False
    lines = code.replace("\\\n", " ").splitlines()
    prompted = any(line.startswith("$ ") for line in lines)  # then a line without a prompt is output
    for raw in lines:
        if prompted and not raw.startswith("$ "):
            continue
        line = re.split(r"(?:^|\s)#", raw.removeprefix("$ "))[0].strip()
        skipped = SKIPPED.search(line) or PLACEHOLDER.search(line) or (cloned and line.startswith("cd "))
        if line and not skipped:
            yield line
        cloned = "git clone" in line
