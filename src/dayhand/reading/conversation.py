"""What people wrote on an issue and its pull request, as it was when a task was requested, and what the model gets of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from dayhand.reading.images import (
    EDITED_TEXT,
    MAX_FAILED,
    MAX_IMAGES,
    NO_WRITE_ACCESS,
    TOO_MANY,
    FetchedImage,
    SnapshotImage,
    list_images,
)
from dayhand.startup.records import dataclass
from dayhand.visible_text.markdown import visible

MAX_CHARS = 40_000  # of all texts together, about 10,000 tokens: the newest count
MAX_TEXT_CHARS = 8_000
MAX_HUNK_LINES = 40  # the last ones: they end with the line in question
MAX_AUTHORS = 40  # whose permission is looked up
OUTDATED = "outdated"  # of a comment on a line: a later commit changed the line
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
    state: str = (
        ""  # of a review: "changes requested" …; of a comment on a line: "resolved", "outdated" or both
    )


@dataclass(frozen=True, slots=True)
class SnapshotText:
    """One text of the snapshot, and whether the model got it; ``text`` is what a person sees."""

    said: Said
    may_write: bool
    text: str
    reason: str = ""  # why it was dropped; "" if it was kept
    cut: int = 0  # characters that were left out at its end
    images: tuple[SnapshotImage, ...] = ()  # of the request and of what was kept

    @property
    def kept(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class Conversation:
    """The conversation, oldest first. ``problem``: why it could not be read; "" if it was."""

    texts: tuple[SnapshotText, ...] = ()
    problem: str = ""
    images: tuple[str, ...] = ()  # those that the model gets, as "data:" URLs; the ledger keeps them apart


@dataclass(frozen=True, slots=True)
class Trigger:
    """What is asked: at this time, by this comment or by this review; the issue's text came with the event."""

    when: float  # seconds since the epoch
    number: int
    comment: int = 0
    review: int = 0


def no_attachment(_address: str) -> bool:
    return False


def take_snapshot(
    said: Iterable[Said],
    trigger: Trigger,
    may_write: Callable[[str], bool],
    *,
    is_attachment: Callable[[str], bool] = no_attachment,
) -> Conversation:
    """Decide about each text and each of its images. The newest are kept, as far as they fit."""
    texts = sorted(said, key=lambda one: (one.created, one.id))
    request = next(
        (one.created for one in texts if trigger.comment and one.id == trigger.comment), trigger.when
    )
    authors = list(dict.fromkeys(one.author for one in reversed(texts) if not one.ours))[:MAX_AUTHORS]
    allowed = {author for author in authors if may_write(author)}
    room, decided = MAX_CHARS, list[SnapshotText]()
    for one in reversed(texts):
        shown, hunk = visible(one.text), "\n".join(one.hunk.split("\n")[-MAX_HUNK_LINES:])
        text = shown.text
        reason = _reason(one, trigger, after=request) or ("" if text else NOTHING_TO_SEE)
        kept = text[:MAX_TEXT_CHARS]
        size = len(kept) + len(hunk)
        if not reason and size > room:
            reason = NO_ROOM
        room -= 0 if reason else size
        cut = 0 if reason else len(text) - len(kept)
        writes = one.author in allowed
        images: tuple[SnapshotImage, ...] = ()
        if reason in ("", REQUEST) and not one.ours:
            dropped = EDITED_TEXT if one.edited > trigger.when else "" if writes else NO_WRITE_ACCESS
            images = list_images(shown.images, dropped, is_attachment)
        decided.append(SnapshotText(replace(one, hunk=hunk, text=""), writes, kept, reason, cut, images))
    return Conversation(tuple(sorted(decided, key=lambda one: (one.said.created, one.said.id))))


def show_images(snapshot: Conversation, fetch: Callable[[Said, str], FetchedImage]) -> Conversation:
    """The same with the images that the model gets: those of the request, then the newest. Each is fetched once."""
    numbers: dict[str, int] = {}
    dropped: dict[str, str] = {}
    shown: list[str] = []
    by_importance = sorted(snapshot.texts, key=lambda text: (text.reason != REQUEST, -text.said.created))
    for text in by_importance:
        for address in (image.address for image in text.images if not image.reason):
            if address in numbers or address in dropped:
                continue
            if len(shown) == MAX_IMAGES or len(dropped) >= MAX_FAILED:
                dropped[address] = TOO_MANY
                continue
            fetched = fetch(text.said, address)
            if fetched.url:
                shown.append(fetched.url)
                numbers[address] = len(shown)
            else:
                dropped[address] = fetched.reason

    def decided(image: SnapshotImage) -> SnapshotImage:
        if image.reason:
            return image
        return replace(image, number=numbers.get(image.address, 0), reason=dropped.get(image.address, ""))

    texts = (replace(text, images=tuple(map(decided, text.images))) for text in snapshot.texts)
    return replace(snapshot, texts=tuple(texts), images=tuple(shown))


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
