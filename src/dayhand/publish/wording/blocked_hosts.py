"""The hosts that set-up tried to reach and was refused, and the lines that would allow them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from dayhand.publish.markdown.escape import code
from dayhand.publish.markdown.sanitize import line
from dayhand.task import Blocked
from dayhand.untrusted_text import clean

MAX_HOSTS, MAX_COMMANDS = 20, 3
COMMAND_CHARS = 80
HOST_CHARS = 253
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")  # what `.dayhand.toml` accepts
ALLOW = "To allow a host that is not allowed yet, add it to `.dayhand.toml` on the default branch:"


def blocked(refused: Iterable[Blocked]) -> str:
    """A section of the pull request and of the environment's check run; "" if nothing was refused."""
    commands_of: dict[
        tuple[str, str], list[str]
    ] = {}  # by address and reason; no reason if a line would allow it
    for one in refused:
        key = (one.host, "") if one.allowable else (f"{one.host}:{one.port}", one.reason)
        commands = commands_of.setdefault(key, [])
        if one.command and one.command not in commands:
            commands.append(one.command)
    if not commands_of:
        return ""
    rows = [_row(address, reason, commands) for (address, reason), commands in commands_of.items()]
    if len(rows) > MAX_HOSTS:
        rows[MAX_HOSTS:] = [f"- and {len(rows) - MAX_HOSTS} more, on the task's page"]
    names = ", ".join(f'"{host}"' for host, reason in commands_of if not reason and HOST.fullmatch(host))
    snippet = f"\n\n{ALLOW}\n\n```toml\n[network]\nallow = [{names}]\n```" if names else ""
    return "### Blocked\n\nSet-up tried to reach these hosts and was blocked:\n\n" + "\n".join(rows) + snippet


def _row(address: str, reason: str, commands: Sequence[str]) -> str:
    shown = [code(textwrap.shorten(clean(one), COMMAND_CHARS, placeholder=" …")) for one in commands]
    more = f" and {len(shown) - MAX_COMMANDS} more" if len(shown) > MAX_COMMANDS else ""
    by = f", requested by {', '.join(shown[:MAX_COMMANDS])}{more}" if shown else ""
    return f"- {code(address[:HOST_CHARS])}{by}{f': {line(reason)}' if reason else ''}"
