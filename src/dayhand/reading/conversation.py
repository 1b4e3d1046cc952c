"""What people wrote on an issue and its pull request, as it was when a task was requested, and what the model gets of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from dayhand.visible_text.markdown import visible

MAX_CHARS = 40_000  # of all texts together, about 10,000 tokens: the newest count
MAX_TEXT_CHARS = 8_000
MAX_HUNK_LINES = 40  # the last ones: they end with the line in question
MAX_AUTHORS = 40  # whose permission is looked up
LATER = "it was written after the request"
EDITED = "it was edited after the request: ask again to have it read"
REQUEST = "it is read as the request"
MINIMIZED = "it is hidden on GitHub"
NO_ROOM = "newer texts used up the room"
NOTHING_TO_SEE = "it shows no text"


@dataclass(frozen=True, slots=True)
class Said:
    """One text: an issue's, a comment, a review, or a comment on a line."""

    kind: str  # "issue", "pull request", "comment", "review" or "review comment"
    id: int  # 0 for an issue or pull request
    author: str
    created: float  # seconds since the epoch
    text: str
    number: int = 0  # of the issue or pull request that it is on
    edited: float = 0.0  # when last; 0 for never
    minimized: bool = False
    ours: bool = False  # our own App wrote it
    place: str = ""  # of a comment on a line: "path:line"
    hunk: str = ""
    thread: int = 0  # the first comment of its thread
    review: int = 0
    state: str = ""  # of a review: "changes requested" …


@dataclass(frozen=True, slots=True)
class SnapshotText:
    """One text of the snapshot, and whether the model got it; ``text`` is what a person sees."""

    said: Said
    may_write: bool
    text: str
    reason: str = ""  # why it was dropped; "" if it was kept
    cut: int = 0  # characters that were left out at its end

    @property
    def kept(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class Conversation:
    """The conversation, oldest first. ``problem``: why it could not be read; "" if it was."""

    texts: tuple[SnapshotText, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Trigger:
    """What is asked: at this time, by this comment or by this review; the issue's text came with the event."""

    when: float  # seconds since the epoch
    number: int
    comment: int = 0
    review: int = 0


def take_snapshot(said: Iterable[Said], trigger: Trigger, may_write: Callable[[str], bool]) -> Conversation:
    """Decide about each text. The newest are kept, as far as they fit."""
    texts = sorted(said, key=lambda one: (one.created, one.id))
    request = next(
        (one.created for one in texts if trigger.comment and one.id == trigger.comment), trigger.when
    )
    authors = list(dict.fromkeys(one.author for one in reversed(texts) if not one.ours))[:MAX_AUTHORS]
    allowed = {author for author in authors if may_write(author)}
    room, decided = MAX_CHARS, list[SnapshotText]()
    for one in reversed(texts):
        text, hunk = visible(one.text).text, "\n".join(one.hunk.split("\n")[-MAX_HUNK_LINES:])
        reason = _reason(one, trigger, after=request) or ("" if text else NOTHING_TO_SEE)
        kept = text[:MAX_TEXT_CHARS]
        size = len(kept) + len(hunk)
        if not reason and size > room:
            reason = NO_ROOM
        room -= 0 if reason else size
        cut = 0 if reason else len(text) - len(kept)
        decided.append(
            SnapshotText(replace(one, hunk=hunk, text=""), one.author in allowed, kept, reason, cut)
        )
    return Conversation(tuple(sorted(decided, key=lambda one: (one.said.created, one.said.id))))


def _reason(one: Said, trigger: Trigger, *, after: float) -> str:
    """Why a text is not read; "" if it is."""
    is_subject = not one.id and one.number == trigger.number  # its text came with the event
    is_review = trigger.review and trigger.review in (one.review, one.id)
    if is_subject or is_review or (one.id and one.id == trigger.comment):
        return REQUEST
    same_second = one.created == after and one.kind == "comment"
    if one.created > after or (same_second and 0 < trigger.comment < one.id):
        return LATER
    if one.edited > after:
        return EDITED
    return MINIMIZED if one.minimized else ""
