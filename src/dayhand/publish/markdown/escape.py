"""Pieces of Markdown that untrusted text cannot break out of: code, blocks, titles, cells."""

from __future__ import annotations

import re

from dayhand.untrusted_text import ZERO_WIDTH_SPACE, clean, quiet

MAX_BYTES = 65_535  # GitHub counts bytes in a check run's text: https://github.com/github/docs/issues/35252
CUT = "\n\n… cut here; the rest is on the task's page …\n"
QUIET = ZERO_WIDTH_SPACE  # after it, an @ or # has no effect on GitHub


def escaped(text: str) -> str:
    """Markdown that shows exactly this text, anywhere in a line or a table."""
    text = quiet(text).replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"([\\`*\[\]~|])", r"\\\1", text)
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)  # inside a_name it has no effect
    text = re.sub(r"\$(?=[^\s\d])", f"${QUIET}", text)  # GitHub would show what follows as mathematics
    return re.sub(r"^(\s*)([-+=#>]|\d+(?=[.)]))", _escape_start, text, flags=re.MULTILINE)


def _escape_start(found: re.Match[str]) -> str:
    """Escape what would start a list, heading or quotation at the start of a line."""
    space, mark = found.groups()
    return f"{space}{mark}{QUIET}" if mark[0].isdigit() else f"{space}\\{mark}"


def literal(text: str) -> str:
    """Output of a command on one line, shown exactly."""
    return escaped(" ".join(clean(text).split()))


def title(text: str) -> str:
    """One line for places where GitHub does not render Markdown."""
    return quiet(" ".join(clean(text).split()))[:200]


def cell(markdown: str) -> str:
    """Our own Markdown in a table, where a bar would end the cell even inside inline code."""
    return re.sub(r"(?<!\\)\|", r"\\|", markdown)


def code(text: str) -> str:
    """Inline code that its content cannot close."""
    plain = " ".join(clean(text).split())
    ticks = "`" * (_longest_run(plain) + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{ticks}{pad}{plain}{pad}{ticks}" if plain else "` `"


def fenced(text: str, most: int = 4000, language: str = "text") -> str:
    """A code block that its content cannot close; of a longer text the beginning and the end."""
    plain = clean(text).strip("\n")
    if len(plain) > most:
        plain = f"{plain[: most // 2]}\n… {len(plain) - most} characters cut …\n{plain[-most // 2 :]}"
    ticks = "`" * max(3, _longest_run(plain) + 1)
    return f"{ticks}{language}\n{plain}\n{ticks}"


def cap(text: str, most: int = MAX_BYTES) -> str:
    """The first ``most`` bytes, with a note if something was cut."""
    encoded = text.encode()
    if len(encoded) <= most:
        return text
    return encoded[: most - len(CUT.encode())].decode(errors="ignore") + CUT


def tail(text: str, most: int) -> str:
    """The last lines in ``most`` bytes, with a note if earlier lines were cut."""
    encoded = text.encode()
    if len(encoded) <= most:
        return text
    last = encoded[-most:].decode(errors="ignore")
    return f"… earlier output is on the task's page …\n{last.partition(chr(10))[2] or last}"


def _longest_run(text: str) -> int:
    """The length of the longest run of backticks."""
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
