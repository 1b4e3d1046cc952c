"""The terms in a request: what it may cost, how long it may take, and the branch that it starts from."""

from __future__ import annotations

import re

from dayhand.startup.records import dataclass

_MONEY = r"\$\s?(?P<{0}dollars>\d{{1,6}}(?:\.\d{{1,4}})?)|(?P<{0}usd>\d{{1,6}}(?:\.\d{{1,4}})?)\s?(?:\$|usd|dollars?)(?!\w)"
_TIME = r"(?P<{0}minutes>\d{{1,5}}(?:\.\d+)?)\s?min(?:ute)?s?(?!\w)|(?P<{0}hours>\d{{1,3}}(?:\.\d+)?)\s?h(?:ours?)?(?!\w)"
_ONE = re.compile(f"{_MONEY}|{_TIME}".format(""), re.IGNORECASE)
_PLAIN_AMOUNT = re.sub(r"\(\?P<\w*>", "(?:", f"(?:{_MONEY}|{_TIME})".format(""))
AMOUNTS = rf"\+?\s?{_PLAIN_AMOUNT}(?:\s*(?:,|and|or|/)?\s*(?:max\.?\s*)?\+?{_PLAIN_AMOUNT})*"
_LIMIT_WORD = r"(?:max(?:imum)?\.?|at most|up to|no more than|limit(?:ed to)?|within|budget)"
LIMIT = re.compile(
    rf"(?:[,;(]\s*)?(?:\b{_LIMIT_WORD}\s*[:=]?\s*(?:of )?{AMOUNTS}|(?:^|(?<=[,;(]))\s*{AMOUNTS}(?=\s*(?:$|[),;.\n])))\)?",
    re.IGNORECASE,
)
_BRANCH = r"`?(?P<{0}>(?!(?:this|that|a|the|it)\b)[\w][\w./-]{{0,200}}[\w]|\w)`?"
BASE = re.compile(
    rf"(?:[,;(]\s*)?\b(?:base\s*[:=]\s*{_BRANCH.format('named')}"
    rf"|(?:on|onto|from|against|to|for|in)(?: the)? branch {_BRANCH.format('after')}"
    rf"|(?:on|onto|from|against)(?: the)? {_BRANCH.format('ahead')} branch)\)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person wrote about the cost, the time and the branch; None and "" where they wrote nothing."""

    dollars: float | None = None
    minutes: float | None = None
    base: str = ""


def read_terms(text: str) -> Terms:
    """The terms in a request; of two limits of one kind the lower one.

    >>> read_terms("fix this on branch develop, max $1.50, 10 min")
    Terms(dollars=1.5, minutes=10.0, base='develop')
    """
    dollars, minutes = read_amounts(" ".join(found[0] for found in LIMIT.finditer(text)))
    base = BASE.search(text)
    return Terms(dollars, minutes, next(filter(None, base.groups()), "") if base else "")


def read_amounts(text: str) -> tuple[float | None, float | None]:
    """The dollars and the minutes in a text."""
    dollars, minutes = [], []
    for found in _ONE.finditer(text):
        if amount := found["dollars"] or found["usd"]:
            dollars.append(float(amount))
        elif amount := found["minutes"] or found["hours"]:
            minutes.append(float(amount) * (60 if found["hours"] else 1))
    return min(dollars, default=None), min(minutes, default=None)


def without_terms(text: str) -> str:
    """A request without its terms."""
    return LIMIT.sub("", BASE.sub("", text))
