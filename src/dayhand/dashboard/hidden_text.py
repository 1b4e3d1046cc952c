"""Text that anybody may have written, with nothing hidden in it."""

from __future__ import annotations

import re

# ECMA-48: CSI sequences, then operating system commands (titles, links), then the short ones.
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
# Controls but tab and newline; what turns the direction of a line, so that it reads other than it runs.
# https://www.unicode.org/reports/tr9/ and https://trojansource.codes
HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


def visible(text: str) -> str:
    r"""Text without terminal sequences, in which every other hidden character is named.

    >>> visible("\x1b[31mred\x1b[0m"), visible("a\u202eb"), visible("10 %\r20 %")
    ('red', 'a⟨U+202E⟩b', '10 %\n20 %')
    """
    lines = ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", lines)
