"""A delivery's JSON becomes a typed event, or is passed over by name."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from dayhand.errors import IntakeError
from dayhand.intake.events import Commented, Ignored, Labeled, Where, parse

REPOSITORY = {"full_name": "ada/shop", "clone_url": "https://x/ada/shop.git", "default_branch": "main"}
ISSUE: dict[str, Any] = {"number": 7, "title": "Wrong order", "body": None}
SENDER = {"login": "ada", "type": "User"}
LABELED: dict[str, Any] = {
    "action": "labeled", "issue": ISSUE, "label": {"name": "codex"}, "repository": REPOSITORY,
    "installation": {"id": 3}, "sender": SENDER,
}  # fmt: skip
WHERE = Where("ada/shop", "https://x/ada/shop.git", "main", 3, 7, "Wrong order", "", is_pull=False)


def raw(payload: object) -> bytes:
    return json.dumps(payload).encode()


def test_a_label_becomes_an_event() -> None:
    assert parse("issues", raw(LABELED)) == Labeled(WHERE, "codex", "ada", by_bot=False)


def test_a_comment_on_a_pull_request_says_so_and_a_bot_is_known() -> None:
    payload = {
        **LABELED, "action": "created", "issue": {**ISSUE, "pull_request": {}},
        "comment": {"id": 9, "body": "hi"}, "sender": {"login": "dayhand[bot]", "type": "Bot"},
    }  # fmt: skip
    event = parse("issue_comment", raw(payload))
    assert isinstance(event, Commented)
    assert event.where.is_pull
    assert event.by_bot
    assert (event.comment, event.words) == (9, "hi")


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("ping", {}),
        ("issues", {"action": "opened"}),
        ("issue_comment", {"action": "edited"}),
        ("check_suite", {"action": "requested"}),
        ("", []),
    ],
)
def test_what_asks_nothing_is_passed_over_by_name(name: str, payload: object) -> None:
    event = parse(name, raw(payload))
    assert isinstance(event, Ignored)
    assert "asks nothing of Dayhand" in event.reason


@pytest.mark.parametrize(
    "path", ["issue.number", "label.name", "repository.clone_url", "installation.id", "sender.login"]
)
def test_a_missing_field_is_named(path: str) -> None:
    payload = copy.deepcopy(LABELED)
    outer, inner = path.split(".")
    del payload[outer][inner]
    with pytest.raises(IntakeError, match=f"The issues event has no {path}") as refused:
        parse("issues", raw(payload))
    assert refused.value.status == 400


@pytest.mark.parametrize("value", ["7", None, 7.5, {}, True])
def test_a_number_that_is_none_is_named(value: object) -> None:
    payload = {**LABELED, "issue": {**ISSUE, "number": value}}
    with pytest.raises(IntakeError, match=r"issue\.number is no number"):
        parse("issues", raw(payload))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"payload=%7B"])
def test_what_is_not_json_is_refused_with_what_to_set(body: bytes) -> None:
    with pytest.raises(IntakeError, match="not JSON") as refused:
        parse("issues", body)
    assert "application/json" in refused.value.advice
