"""What the App asks GitHub for is the same in the code, in `app.yml` and for the local GitHub."""

from __future__ import annotations

from pathlib import Path

import yaml

from dayhand.hub.permissions import (
    COMMENT_PERMISSIONS,
    EVENTS,
    LOOK_PERMISSIONS,
    PERMISSIONS,
    REVIEW_PERMISSIONS,
)
from dayhand.localhub.state.events import EVENT_PERMISSION

MANIFEST = yaml.safe_load((Path(__file__).parents[2] / "app.yml").read_text(encoding="utf-8"))


def test_the_manifest_asks_for_what_the_code_asks_for() -> None:
    assert MANIFEST["default_permissions"] == PERMISSIONS
    assert tuple(MANIFEST["default_events"]) == EVENTS


def test_a_token_for_comments_has_fewer_permissions() -> None:
    assert COMMENT_PERMISSIONS.items() < PERMISSIONS.items()
    assert REVIEW_PERMISSIONS.items() < PERMISSIONS.items()
    assert {*LOOK_PERMISSIONS.values()} == {"read"}
    assert LOOK_PERMISSIONS.keys() < PERMISSIONS.keys()


def test_each_event_is_covered_by_a_permission() -> None:
    assert {EVENT_PERMISSION[event] for event in EVENTS} <= PERMISSIONS.keys()
