"""Patterns of paths as Copilot and Cursor write them: `*`, `?`, `**`, `{a,b}`."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_CHARS = 200  # of one pattern
MAX_PATTERNS = 50  # that braces expand to
TOKEN = re.compile(r"\*\*/|\*+|\?|\[!?[^\]/]+\]|.", re.DOTALL)


def split(text: str) -> tuple[str, ...]:
    """The patterns of a list with commas, none of which stands inside braces.

    >>> split("src/**/*.{ts,tsx}, *.md")
    ('src/**/*.{ts,tsx}', '*.md')
    """
    parts, depth = [""], 0
    for char in text:
        depth = max(0, depth + {"{": 1, "}": -1}.get(char, 0))
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return tuple(part.strip() for part in parts if part.strip())


def matches(path: str, glob: str) -> bool:
    """Whether a path matches.

    The time is bounded by the product of both lengths, whatever the pattern is.
    """
    patterns = _expand(glob[:MAX_CHARS].removeprefix("./").removeprefix("/"))
    return any(_matches(path, f"{one}**" if one.endswith("/") else one) for one in patterns)


def _expand(pattern: str) -> Iterator[str]:
    """The patterns that braces stand for; at most ``MAX_PATTERNS``."""
    waiting, made = [pattern], 0
    while waiting and made < MAX_PATTERNS:
        one = waiting.pop()
        made += 1
        if braces := re.search(r"\{([^{}]*)\}", one):
            waiting += [one[: braces.start()] + part + one[braces.end() :] for part in braces[1].split(",")][
                :MAX_PATTERNS
            ]
        else:
            yield one


def _matches(path: str, pattern: str) -> bool:
    """Follow all positions in the pattern at once, so that no pattern can make it try again and again."""
    tokens = TOKEN.findall(pattern)
    places = _skipping({0}, tokens)
    for char in path:
        places = _skipping({after for place in places for after in _step(tokens, place, char)}, tokens)
    return len(tokens) in places


def _step(tokens: list[str], place: int, char: str) -> tuple[int, ...]:
    """Where a character leads from a place; ``~place`` is inside of a folder that ``**/`` stands for."""
    token = tokens[max(place, ~place)] if place < len(tokens) else ""
    if token == "**/":  # noqa: S105 - a token of a pattern
        return (max(place, ~place),) if char == "/" else (~max(place, ~place),)
    if token.startswith("**") or (token == "*" and char != "/"):  # noqa: S105
        return (place,)
    if token == "?":  # noqa: S105
        fits = char != "/"
    elif len(token) > 1 and token[0] == "[":
        fits = char != "/" and (char in token[1:-1].lstrip("!")) != token.startswith("[!")
    else:
        fits = char == token
    return (place + 1,) if fits else ()


def _skipping(places: set[int], tokens: list[str]) -> set[int]:
    """The places, and those behind stars, which may stand for nothing."""
    found = set(places)
    for place in places:
        while 0 <= place < len(tokens) and tokens[place].startswith("*"):
            place += 1  # noqa: PLW2901 - walks on
            found.add(place)
    return found
