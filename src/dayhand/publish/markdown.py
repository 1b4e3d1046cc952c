"""Untrusted text made safe to show on GitHub: nothing in it mentions, closes, links, hides or leaks."""

from __future__ import annotations

import re
import unicodedata

MOST_CHARS = 65_535  # of a check run's text, and the least of all of GitHub's limits
PROSE_CHARS = 20_000  # of the model's own words, so that ours always have room after them
CUT = "\n\n… cut here: the rest is on the task's page …\n"
QUIET = "\u200b"  # a character of no width: after it, an @ or # is only an @ or #
SECRETS = (
    re.compile(r"\bgh[pousr]_[A-Za-z0-9._-]{36,}"),
    re.compile(r"\bgithub_pat_[A-Za-z0-9_]{22,}"),
    re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"),
    re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    re.compile(
        r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----.*?(?:-----END (?:[A-Z]+ )*PRIVATE KEY-----|\Z)", re.DOTALL
    ),
)


def prose(text: str, most: int = PROSE_CHARS) -> str:
    """A model's or a person's words: emphasis, lists and code live, all that acts on others does not.

    What is inside code is left as it is: nothing there mentions, links or closes. A fence left open is closed, so
    that it cannot swallow what we say afterwards.
    """
    calm = []
    fence = ""
    for part in cap(_clean(text), most).split("\n"):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", part)
        if fence:
            calm.append(part)
            fence = "" if mark and mark.group(1).startswith(fence) and not part.strip(" `~") else fence
        elif mark:
            calm.append(part)
            fence = mark.group(1)
        else:
            calm.append(_calm_line(part))
    return "\n".join([*calm, *([fence] if fence else [])]).strip()


def _calm_line(text: str) -> str:
    """One line outside of fences; code spans stay."""
    parts = re.split(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", text)
    # re.split gives: words, ticks, code, words, ticks, code, …, words
    out = []
    for index, part in enumerate(parts):
        out.append(part if index % 3 else _calm_words(part))
        if index % 3 == 2:
            out.append(parts[index - 1])
    return "".join(out)


def _calm_words(text: str) -> str:
    calm = text.replace("&", "&amp;").replace("<", "&lt;")
    calm = re.sub(r"!(?=\[)", "", calm)  # a picture would be fetched from somebody's server
    calm = re.sub(r"\[([^\]]*)\]\((?!#)[^)]*\)", r"\1", calm)
    calm = re.sub(r"\[([^\]]*)\](?=\[|:)", r"\1", calm)  # links whose address stands elsewhere
    calm = re.sub(r"\b(https?|ftp)://", rf"\1:{QUIET}//", calm)
    calm = re.sub(r"\bwww\.", f"www{QUIET}.", calm)
    calm = re.sub(r"@(?=\w)", f"@{QUIET}", calm)
    return re.sub(r"(#|\bGH-)(?=\d)", rf"\1{QUIET}", calm)


def line(text: str) -> str:
    """``prose`` on one line, for titles and lists."""
    return " ".join(prose(text).split())


def cell(markdown: str) -> str:
    """Markdown of ours as a table's cell, which a bar would end."""
    return markdown.replace("|", "\\|")


def code(text: str) -> str:
    """Inline code that its content cannot end."""
    plain = " ".join(_clean(text).split())
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", plain)), default=0) + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{ticks}{pad}{plain}{pad}{ticks}" if plain else "` `"


def fenced(text: str, most: int = 4000) -> str:
    """A code block that its content cannot end; of a longer text the head and the tail."""
    plain = _clean(text).strip("\n")
    if len(plain) > most:
        plain = f"{plain[: most // 2]}\n… {len(plain) - most} characters cut …\n{plain[-most // 2 :]}"
    ticks = "`" * max(3, max((len(run) for run in re.findall(r"`+", plain)), default=0) + 1)
    return f"{ticks}text\n{plain}\n{ticks}"


def cap(text: str, most: int = MOST_CHARS) -> str:
    """At most ``most`` characters, saying so where something is cut."""
    return text if len(text) <= most else text[: most - len(CUT)] + CUT


def redact(text: str) -> str:
    """Take out what looks like a credential."""
    for pattern in SECRETS:
        text = pattern.sub("[redacted]", text)
    return text


def _clean(text: str) -> str:
    """First without hidden characters, then without credentials: a token with a hidden one in it is found too."""
    return redact(_unmask(text))


def _unmask(text: str) -> str:
    """Without control, direction and zero-width characters: what is read is what is there."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
