"""The scene on the real local GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dayhand.demo.fixtures import (
    LABEL,
    MAINTAINER,
    OUTSIDER,
    Fixtures,
    create_fixtures,
)
from dayhand.demo.stories import STORIES
from dayhand.localhub.server import LocalHub


@pytest.fixture
def fixtures(tmp_path: Path) -> Iterator[Fixtures]:
    with LocalHub(tmp_path) as hub:
        yield create_fixtures(hub, STORIES, webhook="http://127.0.0.1:9/webhook", secret="a secret")


def test_every_story_has_its_repository_and_an_issue_by_somebody_who_may_not_start_us(
    fixtures: Fixtures,
) -> None:
    for story in STORIES:
        repo = fixtures.hub.actions.repositories[story.repository]
        issue = repo.issues[fixtures.issues[story.name]]
        assert (issue.title, issue.body, issue.user.login) == (story.title, story.body, OUTSIDER)
        assert repo.role(OUTSIDER) == "read"
        assert repo.role(MAINTAINER) == "admin"
        assert issue.labels == []
        assert LABEL in repo.labels


def test_beginning_sends_a_webhook_for_each_story(fixtures: Fixtures) -> None:
    for story in STORIES:
        fixtures.start(story)
    fixtures.hub.wait_idle()
    sent = [(each.event, each.payload["action"]) for each in fixtures.hub.webhooks.deliveries]
    assert sent == [
        ("issues", "labeled"),
        ("issue_comment", "created"),
        ("issues", "labeled"),
    ]
    assert all(each.payload["sender"]["login"] == MAINTAINER for each in fixtures.hub.webhooks.deliveries)


def test_a_pull_request_without_a_check_run_has_no_conclusion(fixtures: Fixtures) -> None:
    assert fixtures.check_run(STORIES[0], 1) == ("", "")
