"""A delivery's JSON becomes a typed event, or is passed over by name."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from dayhand.errors import IntakeError
from dayhand.intake.events import (
    MAX_BRANCH_COMMITS,
    MAX_COMMITS,
    MAX_PATHS,
    BranchPushed,
    Commented,
    Ignored,
    Labeled,
    Pushed,
    RepositoriesAdded,
    RepositoriesRemoved,
    Subject,
    parse,
)

REPOSITORY = {
    "id": 1001,
    "full_name": "ada/shop",
    "clone_url": "https://x/ada/shop.git",
    "default_branch": "main",
}
ISSUE: dict[str, Any] = {"number": 7, "title": "Wrong order", "body": None, "node_id": "I_7"}
SENDER = {"login": "ada", "type": "User"}
LABELED: dict[str, Any] = {
    "action": "labeled", "issue": ISSUE, "label": {"name": "codex"}, "repository": REPOSITORY,
    "installation": {"id": 3}, "sender": SENDER,
}  # fmt: skip
WHERE = Subject(
    "ada/shop",
    "https://x/ada/shop.git",
    "main",
    3,
    7,
    "Wrong order",
    "",
    is_pull=False,
    repository_id=1001,
    node="I_7",
)


def raw(payload: object) -> bytes:
    return json.dumps(payload).encode()


def test_a_label_becomes_an_event() -> None:
    assert parse("issues", raw(LABELED)) == Labeled(WHERE, "codex", "ada", by_bot=False)


def test_a_comment_on_a_pull_request_says_so_and_a_bot_is_known() -> None:
    payload = {
        **LABELED, "action": "created", "issue": {**ISSUE, "pull_request": {}},
        "comment": {"id": 9, "body": "hi", "node_id": "IC_9"}, "sender": {"login": "dayhand[bot]", "type": "Bot"},
    }  # fmt: skip
    event = parse("issue_comment", raw(payload))
    assert isinstance(event, Commented)
    assert event.subject.is_pull
    assert event.subject.node == "IC_9"
    assert event.by_bot
    assert (event.comment, event.text) == (9, "hi")


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("ping", {}),
        ("issues", {"action": "pinned"}),
        ("issue_comment", {"action": "deleted"}),
        ("check_suite", {"action": "requested"}),
        ("", []),
    ],
)
def test_what_asks_nothing_is_passed_over_by_name(name: str, payload: object) -> None:
    event = parse(name, raw(payload))
    assert isinstance(event, Ignored)
    assert "requests nothing of Dayhand" in event.reason


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
    with pytest.raises(IntakeError, match=r"issue\.number must be a number"):
        parse("issues", raw(payload))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"payload=%7B"])
def test_what_is_not_json_is_refused_with_what_to_set(body: bytes) -> None:
    with pytest.raises(IntakeError, match="not JSON") as refused:
        parse("issues", body)
    assert "application/json" in refused.value.advice


HEAD = "c" * 40
QUIET: dict[str, Any] = {"id": HEAD, "added": ["a.py"], "removed": [], "modified": ["b.py"]}
PUSH: dict[str, Any] = {
    "ref": "refs/heads/main", "after": HEAD, "deleted": False, "forced": False, "commits": [QUIET],
    "repository": REPOSITORY, "installation": {"id": 3}, "sender": SENDER,
}  # fmt: skip
PUSHED = Pushed("ada/shop", "https://x/ada/shop.git", "main", 3, "ada")


@pytest.mark.parametrize(
    "change",
    [
        {"commits": [{**QUIET, "modified": ["web/package-lock.json"]}]},
        {"commits": [{**QUIET, "added": ["requirements-dev.txt"]}]},
        {"commits": [{**QUIET, "removed": ["AGENTS.md"]}]},
        {"commits": [{**QUIET, "id": "d" * 40, "modified": ["uv.lock"]}, QUIET]},
        {"commits": [QUIET] * MAX_COMMITS},
        {"commits": [{**QUIET, "added": [f"{n}.py" for n in range(MAX_PATHS)]}]},
        {"commits": [{"id": HEAD, "added": []}]},
        {"commits": [{**QUIET, "id": "d" * 40}]},
        {"commits": []},
        {"forced": True},
    ],
    ids=["a lock", "added", "removed", "an earlier commit", "too many commits", "too many paths", "no lists",
         "the head left out", "nothing told", "forced"],
)  # fmt: skip
def test_a_push_that_changes_what_decides_the_set_up_or_may_is_an_event(change: dict[str, Any]) -> None:
    assert parse("push", raw({**PUSH, **change})) == PUSHED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "changes no file"),
        ({"ref": "refs/tags/main", "forced": True}, "not to a branch"),
        ({"deleted": True, "commits": []}, "deletes"),
        ({"ref": "refs/heads/try", "deleted": True, "commits": []}, "deletes"),
        ({"ref": "refs/heads/try", "commits": [QUIET] * (MAX_BRANCH_COMMITS + 1)}, "more than 250"),
    ],
)
def test_any_other_push_is_passed_over(change: dict[str, Any], reason: str) -> None:
    event = parse("push", raw({**PUSH, **change}))
    assert isinstance(event, Ignored)
    assert reason in event.reason


def test_a_push_to_another_branch_names_its_sender_and_the_commits_that_are_new() -> None:
    """The author of a commit can be anybody's name, so it is not part of the event."""
    entries = [
        {**QUIET, "distinct": True, "author": {"username": "bob"}},
        {"id": "d" * 40, "distinct": False},
    ]
    payload = {**PUSH, "ref": "refs/heads/try", "forced": True, "commits": entries}
    assert parse("push", raw(payload)) == BranchPushed("ada/shop", HEAD, (HEAD,), "ada", by_bot=False)
    with pytest.raises(IntakeError, match="a commit has no id"):
        parse("push", raw({**payload, "commits": [{"id": "x", "distinct": True}]}))


@pytest.mark.parametrize(
    ("name", "action", "key", "kind"),
    [
        ("installation", "created", "repositories", RepositoriesAdded),
        ("installation", "deleted", "repositories", RepositoriesRemoved),
        ("installation_repositories", "added", "repositories_added", RepositoriesAdded),
        ("installation_repositories", "removed", "repositories_removed", RepositoriesRemoved),
    ],
)
def test_being_let_in_or_out_names_the_repositories(
    name: str, action: str, key: str, kind: type[RepositoriesAdded | RepositoriesRemoved]
) -> None:
    named = [{"id": 1, "full_name": "ada/shop"}, {"id": 2, "full_name": "ada/more"}]
    payload = {"action": action, key: named, "installation": {"id": 3}, "sender": SENDER}
    event = parse(name, raw(payload))
    assert type(event) is kind
    assert event == kind(3, ("ada/shop", "ada/more"), "ada")


def test_an_edit_tells_what_the_comment_was_before_and_only_its_writer_counts() -> None:
    def edited(by: str, changes: object) -> object:
        comment = {"id": 5, "body": "@bot fix it", "user": {"login": "ada"}}
        payload = {**LABELED, "action": "edited", "comment": comment, "changes": changes}
        return parse("issue_comment", raw({**payload, "sender": {"login": by, "type": "User"}}))

    event = edited("ada", {"body": {"from": "@bot fxi it"}})
    assert isinstance(event, Commented)
    assert (event.comment, event.before, event.text) == (5, "@bot fxi it", "@bot fix it")
    assert isinstance(edited("bob", {"body": {"from": "@bot fxi it"}}), Ignored)
    assert isinstance(edited("ada", {}), Ignored)
