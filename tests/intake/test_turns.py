"""What a dispatcher handles first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dayhand.intake.events import parse
from dayhand.intake.turns import turn_of
from dayhand.ledger.waiting.turns import Class

ISSUE = {"number": 1, "title": "T", "body": "B"}
PULL = {**ISSUE, "head": {"ref": "dayhand/1-t"}}
EVENTS: list[tuple[Class, str, dict[str, Any]]] = [
    (Class.BEGUN, "issues", {"action": "unlabeled", "issue": ISSUE, "label": {"name": "codex"}}),
    (Class.BEGUN, "issues", {"action": "closed", "issue": ISSUE}),
    (Class.BEGUN, "pull_request", {"action": "closed", "pull_request": PULL}),
    (Class.BEGUN, "issue_comment", {"action": "created", "issue": ISSUE, "comment": {"id": 2, "body": "@dayhand stop"}}),
    (Class.BEGUN, "issue_comment", {"action": "created", "issue": ISSUE, "comment": {"id": 2, "body": "Oh no.\n@Bot, STOP!"}}),
    (Class.FOLLOW_UP, "issue_comment", {"action": "created", "issue": ISSUE, "comment": {"id": 2, "body": "@bot stopwatch"}}),
    (Class.FOLLOW_UP, "issue_comment", {"action": "created", "issue": ISSUE, "comment": {"id": 2, "body": "Please stop it."}}),
    (Class.FOLLOW_UP, "pull_request_review", {"action": "submitted", "pull_request": PULL, "review": {"id": 3, "state": "COMMENTED", "body": ""}}),
    (Class.FOLLOW_UP, "check_run", {"action": "rerequested", "check_run": {"external_id": "t", "head_sha": "a", "pull_requests": []}}),
    (Class.FIRST, "issues", {"action": "labeled", "issue": ISSUE, "label": {"name": "codex"}}),
    (Class.FIRST, "issues", {"action": "opened", "issue": ISSUE}),
    (Class.UNREQUESTED, "installation_repositories", {"action": "added", "repositories_added": []}),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "name", "fields"), EVENTS)
def test_stops_go_first_and_what_nobody_asked_for_last(
    expected: Class, name: str, fields: dict[str, Any]
) -> None:
    repository = {"id": 1, "full_name": "a/b", "clone_url": "https://h/a/b.git", "default_branch": "main"}
    common = {"repository": repository, "installation": {"id": 1}, "sender": {"login": "ada", "type": "User"}}
    assert turn_of(parse(name, json.dumps({**common, **fields}).encode())) is expected
