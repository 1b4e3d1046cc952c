"""A registry that wants a token: no box gets one, so its host is named, with the operator's mirror as the way."""

from __future__ import annotations

import re

from dayhand.startup.regex import regex

URL = regex(r"https?://(?:[^\s/@]*@)?([\w.-]+)")
# Each client's own words for 401 and 403.
REFUSED = regex(
    r"\b40[13]\b|\bE40[13]\b|\bENEEDAUTH\b|unauthori[sz]ed|authentication (is )?required|could not (be )?authenticat|"
    r"unable to authenticate|lack of valid authentication|bad username or password|invalid credentials",
    re.IGNORECASE,
)
OUR_PROXY = regex(r"tunnel|proxy|CONNECT\b", re.IGNORECASE)  # it answers 403 for hosts that are not allowed
BEFORE = 4  # lines in which a client names the address before it says that it was refused


def refusing_host(output: str) -> str:
    """The host that wants a token, as an installer's output says; "" where none does."""
    lines = output.splitlines()
    for at, line in enumerate(lines):
        near = lines[max(0, at - BEFORE) : at + 2]
        if not REFUSED.search(line) or any(OUR_PROXY.search(each) for each in near):
            continue
        for each in (line, *reversed(near)):
            if found := URL.search(each):
                return found[1].rstrip(".")
    return ""


def advice(host: str) -> str:
    """What happened, and what to do."""
    return (
        f"{host} wants a token, and no box gets one. Name a mirror without one in DAYHAND_REGISTRIES, such as "
        f"python=https://MIRROR/simple or npm=https://MIRROR/."
    )
