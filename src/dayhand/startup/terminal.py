"""A terminal without UTF-8: what it cannot show is written in ASCII."""

from __future__ import annotations

import codecs
import io
from collections.abc import Mapping
from typing import TextIO

HANDLER = "dayhand-ascii"
IN_ASCII: Mapping[str, str] = {
    "✓": "+",
    "✅": "+",
    "✗": "x",
    "❌": "x",
    "⚠": "!",
    "→": "->",
    "─": "-",
    "–": "-",
    "—": "-",
    "·": "-",
    "…": "...",
    "“": '"',
    "”": '"',
    "’": "'",
    "×": "x",
    "\N{VARIATION SELECTOR-16}": "",
}


def write_ascii_where_needed(*streams: TextIO) -> None:
    """Never fail because of a character: "?" stands for one that has no other name in ASCII."""
    codecs.register_error(HANDLER, _in_ascii)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(IN_ASCII.get(one, "?") for one in error.object[error.start : error.end]), error.end
