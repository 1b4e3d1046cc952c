"""`allow HOST`: set-up of this thread's tasks may reach a host; for good it is allowed in `.dayhand.toml`."""

from __future__ import annotations

import re

from dayhand.intake import refusals
from dayhand.intake.verbs.base import Decision, Instruction, VerbContext, find_thread
from dayhand.ledger.repository_notes import allow_host

NAME = "allow"
HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
PATTERN = rf"(?:allow|you may (?:use|reach|access))(?: access to)?(?: the)?(?: host)? `?(?:https?://)?({HOST})/?`?(?: here| for this)?"
ANSWER = (
    "Set-up may reach {host} for this issue and its pull request, from the next attempt on: write “retry”. "
    "To allow it for good, add it to `[network] allow` in `.dayhand.toml` on the default branch."
)


def act(instruction: Instruction, context: VerbContext) -> Decision:
    comment = instruction.comment
    if not context.is_allowed(comment):
        context.refuse(comment.subject, comment.sender, refusals.MAY_NOT_ALLOW)
        return Decision(None, f"{comment.sender} may not allow a host")
    found = re.search(HOST, instruction.text.lower())
    host = found[0] if found else ""  # the pattern has matched
    allow_host(context.ledger, find_thread(context, comment.subject).key, host)
    context.answer(comment, ANSWER.format(host=f"`{host}`"))
    return Decision(None, f"{host} is allowed")
