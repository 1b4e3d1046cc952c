"""Which of the texts on an issue the model gets, and why it does not get the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dayhand.reading import conversation, images
from dayhand.reading.conversation import (
    MAX_CHARS,
    MAX_TEXT_CHARS,
    Conversation,
    Said,
    Trigger,
    show_images,
    take_snapshot,
)
from dayhand.reading.images import FetchedImage

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


GOOD = "![a](https://github.com/user-attachments/assets/1)"
ISSUE = Said("issue", 0, "ann", 1.0, GOOD, number=7)
# A text, and why its image is dropped; "" if the model gets it.
IMAGES: dict[str, tuple[Said, str]] = {
    "in the issue that asks": (ISSUE, ""),
    "in a comment": (replace(COMMENT, text=f"See {GOOD}"), ""),
    "as HTML": (
        replace(COMMENT, text='<img width="9" src="https://github.com/user-attachments/assets/1">'),
        "",
    ),
    "by somebody who may not write": (replace(ISSUE, author="bob"), images.NO_WRITE_ACCESS),
    "in an issue that was edited after the request": (replace(ISSUE, edited=101.0), images.EDITED_TEXT),
    "on another host": (replace(COMMENT, text="![a](https://evil.example/1)"), images.OTHER_HOST),
    "without an address": (replace(COMMENT, text="<img>"), images.OTHER_HOST),
    "that cannot be fetched": (replace(COMMENT, text=GOOD.replace("/1", "/gone")), images.NOT_FETCHED),
}


def fetch(_said: Said, address: str) -> FetchedImage:
    return FetchedImage(reason=images.NOT_FETCHED) if address.endswith("gone") else FetchedImage(url=address)


def snapshot_of(*said: Said) -> Conversation:
    snapshot = take_snapshot(
        [*said, ASKS], TRIGGER, lambda login: login == "ann", is_attachment=lambda one: "github.com" in one
    )
    return show_images(snapshot, fetch)


@pytest.mark.parametrize("name", IMAGES)
def test_each_image_is_shown_or_says_why_not(name: str) -> None:
    said, reason = IMAGES[name]
    snapshot = snapshot_of(said)
    (image,) = snapshot.texts[0].images
    assert (image.reason, image.number) == (reason, 0 if reason else 1)
    assert len(snapshot.images) == image.number


@pytest.mark.parametrize(
    "said",
    [
        replace(COMMENT, text=f"<!-- {GOOD} -->"),
        replace(COMMENT, text=f"`{GOOD}`"),
        replace(COMMENT, text=f"<div hidden>{GOOD}</div>"),
        replace(COMMENT, text=GOOD, ours=True),
        replace(COMMENT, text=GOOD, created=95.0),
    ],
)
def test_an_image_that_nobody_sees_or_whose_text_is_not_read_is_no_image(said: Said) -> None:
    snapshot = snapshot_of(said)
    assert not any(text.images for text in snapshot.texts)


def test_the_images_of_the_request_come_first_then_the_newest() -> None:
    many = [replace(COMMENT, id=n, created=float(n), text=GOOD.replace("/1", f"/{n}")) for n in range(10, 20)]
    snapshot = snapshot_of(ISSUE, replace(COMMENT, text=GOOD), *many)
    assert [url.rpartition("/")[2] for url in snapshot.images] == ["1", "19", "18", "17"]
    numbers = {text.said.id: image.number for text in snapshot.texts for image in text.images}
    assert numbers[0] == numbers[3] == 1  # the same image twice is fetched once
    assert snapshot.texts[2].images[0].reason == images.TOO_MANY


def test_after_some_failures_no_more_images_are_fetched() -> None:
    asked: list[str] = []

    def failing(said: Said, address: str) -> FetchedImage:
        asked.append(address)
        return fetch(said, "gone")

    texts = [replace(COMMENT, id=n, text=GOOD.replace("/1", f"/{n}")) for n in range(10, 60)]
    snapshot = take_snapshot(texts, Trigger(100.0, 7), lambda _: True, is_attachment=lambda _: True)
    show_images(snapshot, failing)
    assert len(asked) == images.MAX_FAILED
