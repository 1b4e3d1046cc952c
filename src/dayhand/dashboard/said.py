"""What people wrote before a task, as its page lists it: who, when, whether they may write, and what was not read."""

from __future__ import annotations

from datetime import UTC, datetime

from dayhand.reading.conversation import REQUEST, Conversation, SnapshotText
from dayhand.reading.images import SnapshotImage
from dayhand.startup.records import dataclass
from dayhand.untrusted_text import mark_hidden


@dataclass(frozen=True, slots=True)
class SaidRow:
    """One text."""

    kept: bool
    title: str
    about: str
    reason: str
    text: str


def said_rows(snapshot: Conversation) -> list[SaidRow]:
    return [_row(text) for text in snapshot.texts]


def _row(text: SnapshotText) -> SaidRow:
    said = text.said
    state = f", {said.state}" if said.state else ""
    place = f" on {said.place}" if said.place else ""
    access = "Dayhand’s own" if said.ours else "write access" if text.may_write else "no write access"
    when = datetime.fromtimestamp(said.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    cut = f" · {text.cut:,} characters cut" if text.cut else ""
    images = "".join(f"\n\nImage {_image(image)}" for image in text.images)
    hunk = f"{said.hunk}\n\n" if said.hunk else ""
    is_request = text.reason == REQUEST
    return SaidRow(
        text.kept or is_request,
        mark_hidden(f"{said.kind.capitalize()}{state} by {said.author}{place}"),
        f"{when} · {access}{cut}{' · ' + REQUEST if is_request else ''}",
        "" if is_request else text.reason,
        mark_hidden(f"{hunk}{text.text}{images}" or "(empty)"),
    )


def _image(image: SnapshotImage) -> str:
    return f"{image.address}: {f'shown to the model as image {image.number}' if image.number else f'not shown: {image.reason}'}"
