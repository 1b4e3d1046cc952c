"""Labels, commands and reviews that no delivery told us of: they are looked for in the repositories themselves.

GitHub lists no delivery while the App's webhook is inactive, and forgets them after three days.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

from dayhand.errors import HubError, HubUnavailable, InstallationSuspended, IntakeError
from dayhand.hub.client import Hub
from dayhand.hub.missed.changes import Happened, Mark, RepositoryChanges
from dayhand.hub.permissions import LOOK_PERMISSIONS
from dayhand.intake import grammar
from dayhand.intake.events import parse
from dayhand.intake.origin import Triggers, comment_key, request_key, review_key
from dayhand.intake.turns import turn_of
from dayhand.ledger import keys
from dayhand.ledger.deliveries import RECONCILED, Deliveries, RequestKey, StoreResult
from dayhand.process_log.fields import LOGGER
from dayhand.startup.records import dataclass

AT_ONCE = 20  # repositories of one look, those first that were looked at longest ago
DAY = 24 * 3600
MAX_AGE_DAYS = 3  # after a longer outage, what is older starts nothing
OVERLAP_SECONDS = 60  # in which an issue and its label may appear one after the other


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Compares repositories with what was asked of us, and stores what nobody told us as if it had been delivered."""

    hub: Hub
    deliveries: Deliveries
    wake: Callable[[str], None]
    triggers: Triggers
    clock: Callable[[], float] = time.time

    def look(self, at_once: int = AT_ONCE) -> list[str]:
        """Look at some of the repositories; gives the GUIDs of what was stored. Raises ``HubUnavailable``."""
        stored: list[str] = []
        for repository, installation in self._next(at_once):
            changes = RepositoryChanges(self.hub.auth, installation, repository, permissions=LOOK_PERMISSIONS)
            looked = self.clock()
            self.deliveries.redis.zadd(keys.RECONCILED, {repository: looked})
            try:
                with closing(changes):
                    stored += self._reconcile(changes)
            except HubError as error:
                if isinstance(error, HubUnavailable) and not isinstance(error, InstallationSuspended):
                    raise
                LOGGER.info("%s is not looked at for a day: %s", repository, error)
                self.deliveries.redis.zadd(keys.RECONCILED, {repository: looked + DAY})
        return stored

    def _next(self, at_once: int) -> list[tuple[str, int]]:
        """The repositories that were looked at longest ago, new ones first, with their installations."""
        redis = self.deliveries.redis
        installed: dict[str, str] = redis.hgetall(keys.INSTALLED)
        removed = set(redis.zrange(keys.REMOVED, 0, -1))
        looked = dict(redis.zrange(keys.RECONCILED, 0, -1, withscores=True))
        due = [name for name in installed if name not in removed and looked.get(name, 0.0) <= self.clock()]
        due.sort(key=lambda name: (looked.get(name, 0.0), name))
        return [(name, int(installed[name])) for name in due[:at_once]]

    def _reconcile(self, changes: RepositoryChanges) -> list[str]:
        redis, key = self.deliveries.redis, keys.reconciled(changes.full_name)
        kept = redis.hgetall(key)
        if not kept:  # what was asked before is not asked again
            redis.hset(key, mapping=dict.fromkeys(("begun", "issues", "reviews"), int(self.clock())))
            return []
        # by whole days, so that a quiet repository's list keeps its address, and its ETag
        oldest = max(int(kept["begun"]), (int(self.clock()) // DAY - MAX_AGE_DAYS) * DAY)
        marks = {
            name: Mark(max(oldest, int(kept.get(name, 0))), kept.get(f"{name}-etag", ""))
            for name in ("issues", "comments")
        }
        reviews_since = int(
            kept.get("reviews", self.clock())
        )  # older versions did not note what they handled
        since = max(oldest, marks["issues"].since - OVERLAP_SECONDS)
        issues, marks["issues"] = changes.issues(marks["issues"])
        comments, marks["comments"] = changes.comments(marks["comments"])
        found = [
            *(one for one in issues if one.begun >= oldest and self._addresses_us(one)),
            *self._labeled(changes, issues, since),
            *self._commented(changes, comments, oldest),
            *self._reviewed(changes, issues, max(since, reviews_since)),
        ]
        stored = self._store(changes, sorted(found, key=lambda one: one.at)) if found else []
        fields = {name: mark.since for name, mark in marks.items()}
        etags = {f"{name}-etag": mark.etag for name, mark in marks.items()}
        redis.hset(key, mapping={**fields, **etags, "reviews": reviews_since})
        return stored

    def _labeled(self, changes: RepositoryChanges, issues: list[Happened], since: int) -> list[Happened]:
        """The issues that were given the label and have it."""
        have = {
            one.number: one for one in issues if self.triggers.label in one.labels and one.event == "issues"
        }
        return changes.labeled(self.triggers.label, since, have) if have else []

    def _commented(
        self, changes: RepositoryChanges, comments: list[Happened], oldest: int
    ) -> Iterator[Happened]:
        """What comments ask whose issue was not closed since."""
        for one in comments:
            if one.begun < oldest or not self._addresses_us(one):
                continue
            key = comment_key(one.comment, grammar.read(one.text, self.triggers.names()))
            if self.deliveries.is_taken_up(key):
                continue
            closed, issue = changes.closed_at(one.number)
            if closed < one.at:
                yield replace(one, fields={**one.fields, "issue": issue})

    def _reviewed(self, changes: RepositoryChanges, issues: list[Happened], since: int) -> Iterator[Happened]:
        """The reviews by people of the open pull requests that changed; what one of them asks is decided later."""
        for number in [one.number for one in issues if one.event == "pull_request"]:
            reviews = [one for one in changes.reviews(number, since) if not one.by_bot]
            new = [one for one in reviews if not self.deliveries.is_taken_up(self._review_key(one))]
            if new:
                pull = changes.pull(number)
                yield from (replace(one, fields={**one.fields, "pull_request": pull}) for one in new)

    def _review_key(self, review: Happened) -> RequestKey:
        commands = grammar.read(review.text, self.triggers.names())
        return review_key(int(review.fields["review"]["id"]), commands)

    def _addresses_us(self, happened: Happened) -> bool:
        return not happened.by_bot and bool(grammar.read(happened.text, self.triggers.names()))

    def _store(self, changes: RepositoryChanges, found: list[Happened]) -> list[str]:
        """Store what nobody took up; the look is repeated if there is no room. Raises ``HubUnavailable``."""
        where = {"repository": changes.repository(), "installation": {"id": changes.installation}}
        stored = []
        for one in found:
            body = json.dumps({**one.fields, **where}).encode()
            try:
                event = parse(one.event, body)
            except IntakeError:
                continue
            key = request_key(event, self.triggers)
            if key is None or self.deliveries.is_taken_up(key):
                continue
            guid = f"{RECONCILED}{key.digest()}"
            result = self.deliveries.store(guid, one.event, body, turn=turn_of(event))
            if result is StoreResult.FULL:
                raise HubUnavailable("There is no room for what was found.", advice="It is looked for again.")
            if result is StoreResult.NEW:
                stored.append(guid)
                self.wake(guid)
        return stored
