"""Pieces of Markdown that untrusted text cannot get out of: code, blocks, titles, and what is never shown at all."""

from __future__ import annotations

import re

from dayhand.untrusted_text import ZERO_WIDTH_SPACE, clean

MAX_BYTES = 65_535  # GitHub counts bytes in a check run's text: https://github.com/github/docs/issues/35252
CUT = "\n\n… cut here: the rest is on the task's page …\n"
QUIET = ZERO_WIDTH_SPACE  # after it, an @ or # is only an @ or #


def quiet(text: str) -> str:
    """Words that mention nobody, refer to no issue and are no address, whatever stands around them."""
    calm = re.sub(r"@(?=\w)", f"@{QUIET}", text)
    calm = re.sub(r"(#|(?<![^\W_])GH-)(?=\d)", rf"\1{QUIET}", calm, flags=re.IGNORECASE)
    calm = re.sub(r"www\.", f"www{QUIET}.", calm, flags=re.IGNORECASE)
    return calm.replace("://", f":{QUIET}//")


def escaped(text: str) -> str:
    """Words as Markdown that shows exactly them, at any place of a line or table."""
    calm = quiet(text).replace("&", "&amp;").replace("<", "&lt;")
    calm = re.sub(r"([\\`*\[\]~|])", r"\\\1", calm)
    calm = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", calm)  # inside of a_name it marks nothing
    calm = re.sub(r"\$(?=[^\s\d])", f"${QUIET}", calm)  # GitHub would set what follows as mathematics
    return re.sub(r"^(\s*)([-+=#>]|\d+(?=[.)]))", _escape_start, calm, flags=re.MULTILINE)


def _escape_start(found: re.Match[str]) -> str:
    """What would begin a list, heading or quotation at the start of a line."""
    space, mark = found.groups()
    return f"{space}{mark}{QUIET}" if mark[0].isdigit() else f"{space}\\{mark}"


def literal(text: str) -> str:
    """A terminal's words on one line, shown as they are."""
    return escaped(" ".join(clean(text).split()))


def title(text: str) -> str:
    """One line for the places where GitHub reads no Markdown."""
    return quiet(" ".join(clean(text).split()))[:200]


def cell(markdown: str) -> str:
    """Inline code of ours in a table, where a bar would end the cell even inside of it."""
    return re.sub(r"(?<!\\)\|", r"\\|", markdown)


def code(text: str) -> str:
    """Inline code that its content cannot end."""
    plain = " ".join(clean(text).split())
    ticks = "`" * (_longest_run(plain) + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{ticks}{pad}{plain}{pad}{ticks}" if plain else "` `"


def fenced(text: str, most: int = 4000, language: str = "text") -> str:
    """A code block that its content cannot end; of a longer text the head and the tail."""
    plain = clean(text).strip("\n")
    if len(plain) > most:
        plain = f"{plain[: most // 2]}\n… {len(plain) - most} characters cut …\n{plain[-most // 2 :]}"
    ticks = "`" * max(3, _longest_run(plain) + 1)
    return f"{ticks}{language}\n{plain}\n{ticks}"


def cap(text: str, most: int = MAX_BYTES) -> str:
    """At most ``most`` bytes, saying so where something is cut."""
    whole = text.encode()
    if len(whole) <= most:
        return text
    return whole[: most - len(CUT.encode())].decode(errors="ignore") + CUT


def tail(text: str, most: int) -> str:
    """The last lines, at most ``most`` bytes of them, saying so where something is left out before."""
    whole = text.encode()
    if len(whole) <= most:
        return text
    last = whole[-most:].decode(errors="ignore")
    return f"… what came before is on the task's page …\n{last.partition(chr(10))[2] or last}"


def _longest_run(text: str) -> int:
    """The length of the longest run of backticks."""
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
