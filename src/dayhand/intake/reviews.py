"""A review is one request, with each of its comments: the file, the line and the lines around it.

GitHub sends the review and its comments as separate events in any order, and a review without a text for a reply: the
event of the review counts, and what belongs to it is read from GitHub.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing

from dayhand.intake import grammar
from dayhand.intake.events import Commented, Reviewed
from dayhand.intake.verbs.base import Decision, TaskRequest, VerbContext
from dayhand.reading.conversation import OUTDATED, Said
from dayhand.task import Ask, TaskKind

MAX_CHARS = 40_000  # of all comments together
MAX_HUNK_LINES = 12
OWN_BRANCHES = "dayhand/"
APPROVED, CHANGES_REQUESTED = "approved", "changes_requested"


def act(event: Reviewed, handles: Sequence[str], *, delivery: str, context: VerbContext) -> Decision:
    """Open a task for a review of our pull request, or for one that mentions us. Raises ``HubError``."""
    if event.by_bot:
        return Decision(None, f"{event.sender} is a bot", asks=False)
    if event.before is not None and not _says_more(event, handles):
        return Decision(None, "the edit did not change what the review asks", asks=False)
    notes = _notes(event, handles, context)
    mentioned = any(grammar.read(text, handles) for text in (event.text, *(note.text for note in notes)))
    if not mentioned and not event.branch.startswith(OWN_BRANCHES):
        return Decision(None, "the review is of somebody else's pull request")
    if not mentioned and event.state == APPROVED:
        return Decision(None, f"{event.sender} approved the pull request")
    if not notes and not event.text.strip():
        return Decision(None, "the review says nothing, or it only wraps a reply")
    asks = mentioned or event.state == CHANGES_REQUESTED
    if not asks and not context.is_allowed(Commented(event.subject, None, "", event.sender, by_bot=False)):
        return Decision(None, f"{event.sender} may not write to {event.subject.repository}")
    ask = Ask(TaskKind.FOLLOW_UP, review_text(event.text, notes), event.sender, review=event.review)
    return context.open_task(TaskRequest(event.subject, ask, event.text), delivery)


def _says_more(event: Reviewed, handles: Sequence[str]) -> bool:
    """Whether an edit of a review says something else to us than before."""
    now = grammar.read(event.text, handles)
    return bool(now) and now != grammar.read(event.before or "", handles)


def _notes(event: Reviewed, handles: Sequence[str], context: VerbContext) -> tuple[Said, ...]:
    """The comments on lines that came with the review; a reply in an older thread is one of them if it mentions us."""
    subject = event.subject
    with closing(context.hub.repository(subject.installation, subject.repository)) as hub:
        said = hub.conversation(subject.number)
    ours = [one for one in said if one.review == event.review]
    return tuple(one for one in ours if one.thread == one.id or grammar.read(one.text, handles))


def review_text(text: str, notes: Sequence[Said]) -> str:
    """The review as one text, with the hunk of each comment; what exceeds ``MAX_CHARS`` is left out and counted."""
    parts = [text.strip()] if text.strip() else []
    room = MAX_CHARS - len(text)
    for number, note in enumerate(notes):
        part = _note(note)
        if len(part) > room:
            parts.append(f"({len(notes) - number} more comments are left out: they did not fit.)")
            break
        room -= len(part)
        parts.append(part)
    return "\n\n".join(parts)


def _note(note: Said) -> str:
    hunk = "\n".join(note.hunk.split("\n")[-MAX_HUNK_LINES:])
    fence = "`" * (max((len(run) for run in re.findall("`+", hunk)), default=2) + 1)
    shown = f"\n\n{max(fence, '```', key=len)}diff\n{hunk}\n{max(fence, '```', key=len)}" if hunk else ""
    since = ", as it was before a later commit changed that line" if OUTDATED in note.state else ""
    return f"On `{note.place.replace('`', '')}`{since}:{shown}\n\n{note.text.strip()}"
