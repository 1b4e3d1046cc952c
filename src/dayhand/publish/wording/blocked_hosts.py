"""What set-up asked for and did not get: which command asked, and the lines that would allow it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from dayhand.publish.markdown.escape import code
from dayhand.publish.markdown.sanitize import line
from dayhand.task import Blocked
from dayhand.untrusted_text import clean

MAX_PLACES, MAX_COMMANDS = 20, 3
COMMAND_CHARS = 80
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")  # what `.dayhand.toml` takes
ALLOW = "To allow what is not allowed yet, put this into `.dayhand.toml` on the default branch:"


def blocked(refused: Iterable[Blocked]) -> str:
    """A section of the pull request and of the environment's check run; "" where nothing was refused."""
    asked: dict[tuple[str, str], list[str]] = {}
    for one in refused:
        place = (one.host, "") if one.allowable else (f"{one.host}:{one.port}", one.reason)
        commands = asked.setdefault(place, [])
        if one.command and one.command not in commands:
            commands.append(one.command)
    if not asked:
        return ""
    told = [_told(place, why, commands) for (place, why), commands in asked.items()]
    if len(told) > MAX_PLACES:
        told[MAX_PLACES:] = [f"- and {len(told) - MAX_PLACES} more, on the task's page"]
    names = ", ".join(f'"{place}"' for place, why in asked if not why and HOST.fullmatch(place))
    snippet = f"\n\n{ALLOW}\n\n```toml\n[network]\nallow = [{names}]\n```" if names else ""
    return "### Blocked\n\nSet-up asked for these and did not get them:\n\n" + "\n".join(told) + snippet


def _told(place: str, why: str, commands: Sequence[str]) -> str:
    words = [code(textwrap.shorten(clean(one), COMMAND_CHARS, placeholder=" …")) for one in commands]
    more = f" and {len(words) - MAX_COMMANDS} more" if len(words) > MAX_COMMANDS else ""
    by = f", asked by {', '.join(words[:MAX_COMMANDS])}{more}" if words else ""
    return f"- {code(place[:253])}{by}{f': {line(why)}' if why else ''}"
