"""Labels and commands that no delivery told us of are found in the repository, once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from dayhand.errors import HubUnavailable
from dayhand.ledger import keys
from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.redis_server import connect_raw
from dayhand.ledger.repository_notes import record_installation, record_removal
from dayhand.localhub.state.models import Issue, Repository
from dayhand.worker.dispatcher import LOOK_SECONDS, look_around, open_reconciler
from dayhand.worker.reconcile import DAY, MAX_AGE_DAYS
from tests.journey.harness import Harness

NOBODY = "http://127.0.0.1:9/webhook"  # the discard port: nobody answers
ASK = "@dayhand fix this"


@dataclass
class Shop:
    """A repository that was looked at before, and of which GitHub sends no deliveries now."""

    harness: Harness
    repo: Repository
    issue: Issue
    address: str

    def act(self, name: str, *args: object, **more: object) -> object:
        return getattr(self.harness.hub.actions, name)(self.repo, *args, by=self.harness.ada, **more)

    def comment(self, body: str = ASK) -> None:
        self.harness.hub.actions.comment(self.repo, self.issue, self.harness.ada, body=body)

    def look(self, *, again: bool = False, at_once: int = 20) -> int:
        """Look at the repository and handle what was found; how much that was. ``again``: read all of it once more."""
        redis = self.harness.ledger.redis
        if again:
            key = keys.reconciled(self.repo.full_name)
            redis.hdel(key, "issues", "comments", "issues-etag", "comments-etag")
        with connect_raw(self.harness.settings.redis_url) as raw:
            found = open_reconciler(self.harness.settings, redis, raw).look(at_once)
        self.harness.settle()
        return len(found)

    def tasks(self) -> list[int]:
        return sorted(record.task.number for record in self.harness.ledger.recent())

    def reads(self) -> list[str]:
        """The requests for lists since the last call."""
        seen = self.harness.hub.faults.requests
        found = [one.partition("?")[0] for one in seen if "/issues" in one and one.startswith("GET")]
        seen.clear()
        return found


@pytest.fixture
def shop(harness: Harness) -> Shop:
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.settle()
    record_installation(harness.ledger, next(iter(harness.hub.actions.installations)), [repo.full_name])
    shop = Shop(harness, repo, issue, harness.app.webhook_url)
    assert shop.look() == 0
    harness.app.webhook_url = ""  # nothing is sent, and nothing is listed
    return shop


def test_a_label_a_comment_and_a_new_issue_become_one_task_each(shop: Shop) -> None:
    harness = shop.harness
    commented = harness.issue(shop.repo)
    harness.hub.actions.open_issue(shop.repo, harness.ada, "Totals", body="@dayhand please correct them.")
    shop.act("label", shop.issue, "codex")
    harness.hub.actions.comment(shop.repo, commented, harness.ada, body=ASK)
    assert harness.hub.webhooks.deliveries[-1].payload["action"] == "opened"
    harness.app.webhook_url = shop.address
    assert shop.look() == 3
    assert shop.tasks() == [1, 2, 3]
    assert [record.task.ask.asker for record in harness.ledger.recent()] == ["ada"] * 3
    assert len(shop.issue.reactions) == len(commented.comments[0].reactions) == 1
    assert shop.look() == shop.look(again=True) == 0
    assert shop.tasks() == [1, 2, 3]


TAKEN_BACK: dict[str, Callable[[Shop], object]] = {
    "label removed": lambda shop: (shop.act("label", shop.issue, "codex"), shop.act("unlabel", shop.issue, "codex")),
    "labelled issue closed": lambda shop: (shop.act("label", shop.issue, "codex"), shop.act("set_state", shop.issue, "closed")),
    "labelled issue deleted": lambda shop: (shop.act("label", shop.issue, "codex"), setattr(shop.issue, "deleted", True)),
    "comment deleted": lambda shop: (shop.comment(), shop.issue.comments.clear()),
    "closed after the comment": lambda shop: (shop.comment(), shop.act("set_state", shop.issue, "closed")),
    "label removed between two requests": lambda shop: (
        shop.act("label", shop.issue, "codex"),
        shop.issue.label_events.append(
            replace(shop.issue.label_events[-1], id=shop.issue.label_events[-1].id + 1, action="unlabeled")
        ),
    ),
    "another label": lambda shop: shop.act("label", shop.issue, "bug"),
    "talk": lambda shop: shop.comment("I saw this too."),
    "a bot's label": lambda shop: shop.harness.hub.actions.label(
        shop.repo, shop.issue, "codex", by=shop.harness.app.bot
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TAKEN_BACK)
def test_what_was_taken_back_or_asks_nothing_starts_nothing(shop: Shop, what: str) -> None:
    TAKEN_BACK[what](shop)
    assert (shop.look(), shop.tasks()) == (0, [])


@pytest.mark.parametrize(
    "days", [0, MAX_AGE_DAYS + 2], ids=["before the first look", "longer ago than the limit"]
)
def test_what_is_old_starts_nothing(shop: Shop, days: int) -> None:
    shop.act("label", shop.issue, "codex")
    shop.comment()
    event, comment = shop.issue.label_events[0], shop.issue.comments[0]
    before = event.created - timedelta(days=days, seconds=60)
    event.created = comment.created = before  # both changed just now: the comment was edited, for example
    if days:
        begun = int(before.timestamp()) - DAY
        shop.harness.ledger.redis.hset(
            keys.reconciled(shop.repo.full_name), mapping={"begun": begun, "issues": begun}
        )
    assert (shop.look(), shop.look(again=True), shop.tasks()) == (0, 0, [])


def test_what_a_delivery_said_is_not_found_again(shop: Shop) -> None:
    shop.harness.app.webhook_url = shop.address
    shop.act("label", shop.issue, "codex")
    shop.harness.settle()
    shop.comment("@dayhand and the tests, please")
    shop.harness.settle()
    assert len(shop.tasks()) == 1
    shop.harness.ledger.redis.delete(keys.UNFINISHED)  # as if that task had ended
    assert (shop.look(), shop.look(again=True), len(shop.tasks())) == (0, 0, 1)


def test_a_delivery_that_comes_after_all_opens_nothing_more(shop: Shop) -> None:
    shop.harness.app.webhook_url = NOBODY  # the deliveries fail, and can be sent again
    shop.act("label", shop.issue, "codex")
    shop.comment()
    shop.harness.hub.wait_idle()
    assert shop.look() == 2
    shop.harness.ledger.redis.delete(keys.UNFINISHED)
    shop.harness.app.webhook_url = shop.address
    for delivery in shop.harness.hub.webhooks.deliveries[-2:]:
        shop.harness.hub.webhooks.send(delivery.app, delivery.event, delivery.payload, redeliver=delivery)
    shop.harness.settle()
    assert shop.tasks() == [1]


def test_a_review_of_our_pull_request_is_found_once(shop: Shop) -> None:
    harness, actions, store = shop.harness, shop.harness.hub.actions, shop.repo.store
    store.git("update-ref", "refs/heads/dayhand/2-totals", store.branches()["main"])
    store.commit_files({"new.txt": b"new\n"}, "dayhand/2-totals", "More", author=("Ada", "ada@example.org"))
    pull = actions.open_pull(
        shop.repo, harness.app.bot, "Totals", body="", head="dayhand/2-totals", base="main", draft=False
    )
    assert pull.pull
    asks = actions.review(shop.repo, pull, harness.ada, event="REQUEST_CHANGES", body="Name the sum.")
    actions.review(shop.repo, pull, harness.app.bot, event="COMMENT", body="A bot's.")
    actions.review(shop.repo, pull, harness.ada, event="COMMENT", body="Never mind.").state = "DISMISSED"
    assert (shop.look(), shop.tasks()) == (1, [pull.number])
    assert [one.content for one in asks.reactions] == ["eyes"]
    assert (shop.look(), shop.look(again=True)) == (0, 0)
    harness.app.webhook_url = shop.address
    actions.review(shop.repo, pull, harness.ada, event="COMMENT", body="And the total.")
    harness.settle()
    assert (shop.look(again=True), shop.tasks()) == (0, [pull.number]), "a delivery told of it"


def test_an_edit_that_asks_for_something_else_is_found(shop: Shop) -> None:
    shop.comment()
    assert shop.look() == 1
    comment = shop.issue.comments[0]
    shop.act("edit_comment", shop.issue, comment, body=f"> Totals are wrong\n\n{ASK}")
    assert shop.look() == 0
    shop.act("edit_comment", shop.issue, comment, body="@dayhand fix the rounding too")
    assert shop.look() == 1


def test_a_label_that_is_set_again_is_found_again(shop: Shop) -> None:
    shop.act("label", shop.issue, "codex")
    assert shop.look() == 1
    shop.harness.ledger.redis.delete(keys.UNFINISHED)
    shop.act("unlabel", shop.issue, "codex")
    shop.act("label", shop.issue, "codex")
    shop.issue.label_events[-1].created += timedelta(seconds=30)
    assert shop.look() == 1
    assert shop.tasks() == [1, 1]


def test_a_look_at_a_quiet_repository_is_two_requests(shop: Shop) -> None:
    shop.comment("Not for Dayhand.")
    shop.look()
    shop.reads()
    shop.look()
    assert shop.reads() == ["GET /api/v3/repos/ada/shop/issues", "GET /api/v3/repos/ada/shop/issues/comments"]
    kept = shop.harness.ledger.redis.hgetall(keys.reconciled("ada/shop"))
    assert kept["issues-etag"].startswith("W/")
    assert kept["comments-etag"].startswith("W/")


def test_repositories_take_turns_and_one_that_refuses_waits_a_day(shop: Shop) -> None:
    redis, actions = shop.harness.ledger.redis, shop.harness.hub.actions
    others = [actions.add_repository(f"ada/{name}", {}).full_name for name in ("b", "c")]
    record_installation(
        shop.harness.ledger, next(iter(actions.installations)), others
    )  # the App may not read them
    turns = []
    for _ in range(6):
        shop.look(at_once=1)
        turns.append(max(redis.zrange(keys.RECONCILED, 0, -1, withscores=True), key=lambda one: one[1])[0])
    assert turns[:3] == ["ada/b", "ada/c", "ada/shop"], "new ones first, then those that waited longest"
    others.append(actions.add_repository("eve/shop", {}).full_name)
    suspended = actions.install(shop.harness.app, "eve", others[-1:])
    suspended.suspended = True
    record_installation(shop.harness.ledger, suspended.id, others[-1:])
    shop.look()  # the first one only notes the time
    shop.reads()
    shop.look()
    assert {one.removesuffix("/comments") for one in shop.reads()} == {"GET /api/v3/repos/ada/shop/issues"}
    assert all(redis.zscore(keys.RECONCILED, name) > time.time() + DAY - 600 for name in others)


def test_a_removed_installation_and_a_renamed_repository_are_left_alone(shop: Shop) -> None:
    actions, redis = shop.harness.hub.actions, shop.harness.ledger.redis
    actions.rename(shop.repo, "store")
    shop.act("label", shop.issue, "codex")
    assert shop.look() == 0
    assert redis.zscore(keys.RECONCILED, "ada/shop") > time.time() + DAY - 600
    redis.zadd(keys.RECONCILED, {"ada/shop": 0})
    record_removal(shop.harness.ledger, next(iter(actions.installations)), ["ada/shop"])
    shop.reads()
    assert (shop.look(), shop.reads()) == (0, [])


def test_while_github_is_away_a_look_is_repeated(shop: Shop) -> None:
    shop.act("label", shop.issue, "codex")
    harness = shop.harness
    harness.hub.faults.add("/issues", 502, times=5)
    with pytest.raises(HubUnavailable):
        shop.look()
    harness.hub.faults.waiting.clear()
    redis = harness.ledger.redis
    with connect_raw(harness.settings.redis_url) as raw:
        for _ in range(2):
            look_around(harness.settings, redis, raw)
    assert Deliveries(redis).waiting() == 1
    assert 0 < redis.ttl(keys.LOOKED_AROUND) <= LOOK_SECONDS
    harness.settle()
    assert shop.tasks() == [shop.issue.number]
