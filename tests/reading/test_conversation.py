"""Which of the texts on an issue the model gets, and why it does not get the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dayhand.reading import conversation
from dayhand.reading.conversation import MAX_CHARS, MAX_TEXT_CHARS, Said, Trigger, take_snapshot

TRIGGER = Trigger(100.0, number=7, comment=5)
COMMENT = Said("comment", 3, "ann", 10.0, "Only for new customers.", number=7)
ASKS = Said("comment", 5, "ann", 90.0, "@bot fix this", number=7)
REVIEW = Trigger(100.0, number=8, review=20)
NOTE = Said("review comment", 21, "ann", 99.0, "Why?", number=8, review=20, thread=21, hunk="@@\n+x")

# What was written, what asks, and why it is not read; "" if it is.
TEXTS: dict[str, tuple[Said, Trigger, str]] = {
    "before the request": (COMMENT, TRIGGER, ""),
    "edited before the request": (replace(COMMENT, edited=80.0), TRIGGER, ""),
    "edited after the request": (replace(COMMENT, edited=91.0), TRIGGER, conversation.EDITED),
    "written after the request": (replace(COMMENT, id=6, created=91.0), TRIGGER, conversation.LATER),
    "in the same second, but later": (replace(COMMENT, id=6, created=90.0), TRIGGER, conversation.LATER),
    "in the same second, but earlier": (replace(COMMENT, id=4, created=90.0), TRIGGER, ""),
    "the request": (ASKS, TRIGGER, conversation.REQUEST),
    "the issue's own text": (Said("issue", 0, "bob", 1.0, "Wrong", number=7), TRIGGER, conversation.REQUEST),
    "the linked issue's text": (Said("issue", 0, "bob", 1.0, "Wrong", number=6), TRIGGER, ""),
    "hidden as spam": (replace(COMMENT, minimized=True), TRIGGER, conversation.MINIMIZED),
    "only a picture's comment": (replace(COMMENT, text="<!-- x -->"), TRIGGER, conversation.NOTHING_TO_SEE),
    "our own": (replace(COMMENT, author="dayhand[bot]", ours=True), TRIGGER, ""),
    "a comment of the review that asks": (NOTE, REVIEW, conversation.REQUEST),
}


@pytest.mark.parametrize("name", TEXTS)
def test_each_text_is_kept_or_says_why_not(name: str) -> None:
    said, trigger, reason = TEXTS[name]
    asked = [ASKS] if trigger is TRIGGER and said is not ASKS else []
    snapshot = take_snapshot([said, *asked], trigger, lambda login: login == "ann")
    text = next(text for text in snapshot.texts if text.said.id == said.id and text.said.kind == said.kind)
    assert (text.reason, text.kept) == (reason, not reason)
    assert text.may_write == (said.author == "ann")


def test_the_newest_texts_fit_and_a_long_one_is_cut() -> None:
    many = [replace(COMMENT, id=number, created=float(number), text="x" * 9_000) for number in range(6, 20)]
    snapshot = take_snapshot(many, Trigger(100.0, 7), lambda _: True)
    kept = [text.said.id for text in snapshot.texts if text.kept]
    assert kept == [15, 16, 17, 18, 19]
    assert sum(len(text.text) for text in snapshot.texts if text.kept) <= MAX_CHARS
    assert {text.reason for text in snapshot.texts if not text.kept} == {conversation.NO_ROOM}
    assert {text.cut for text in snapshot.texts if text.kept} == {9_000 - MAX_TEXT_CHARS}


def test_each_author_is_looked_up_once_and_only_so_many() -> None:
    asked: list[str] = []

    def looked_up(login: str) -> bool:
        asked.append(login)
        return True

    texts = [replace(COMMENT, id=number, author=f"p{number % 60}") for number in range(200)]
    take_snapshot(texts, Trigger(100.0, 7), looked_up)
    assert len(asked) == len(set(asked)) == conversation.MAX_AUTHORS
