"""Deliveries that did not reach us: GitHub never sends one again by itself, but its list has them with their payload."""

from __future__ import annotations

import time
from collections.abc import Callable

from dayhand.errors import HubError, IntakeError
from dayhand.hub.auth import AppAuth
from dayhand.hub.missed.deliveries import DeliveryRecord, delivery_payload, list_deliveries
from dayhand.intake.events import Event, Ignored, may_request, parse
from dayhand.intake.turns import turn_of
from dayhand.ledger import keys
from dayhand.ledger.deliveries import Deliveries, StoreResult
from dayhand.startup.records import dataclass

FIRST_LOOK_SECONDS = 600.0  # back, where nothing was read before
NO_PAYLOAD = (404, 410, 422)  # GitHub has deleted it
OVERLAP_SECONDS = 300.0  # that are read again: an attempt appears in the list when it has ended


@dataclass(frozen=True, slots=True)
class Missed:
    """Reads GitHub's list of deliveries from where it was read last.

    With ``all_of_them`` also those that GitHub delivered somewhere: no delivery reaches a machine without an address.
    """

    auth: AppAuth
    deliveries: Deliveries
    wake: Callable[[str], None]
    all_of_them: bool = False
    clock: Callable[[], float] = time.time

    def fetch(self) -> list[str]:
        """Store what was missed, under the same GUIDs as if it had been received; gives them. Raises ``HubError``."""
        redis = self.deliveries.redis
        read_until = float(redis.get(keys.READ_UNTIL) or self.clock() - FIRST_LOOK_SECONDS)
        records = list(list_deliveries(self.auth, read_until - OVERLAP_SECONDS))
        stored: list[str] = []
        for record in self._missed(records):
            result = self._store(record)
            if result is StoreResult.FULL:
                return stored  # the next look begins at the same time
            if result is StoreResult.NEW:
                stored.append(record.guid)
                self.wake(record.guid)
        newest = max((record.delivered_at for record in records), default=read_until)
        redis.set(keys.READ_UNTIL, max(newest, read_until))
        return stored

    def _missed(self, records: list[DeliveryRecord]) -> list[DeliveryRecord]:
        """One attempt of each delivery that may ask something of us and that we do not know, the oldest first."""
        received = set() if self.all_of_them else {record.guid for record in records if record.succeeded}
        missed = {
            record.guid: record
            for record in reversed(records)
            if record.guid not in received and may_request(record.event, record.action)
        }
        known = self.deliveries.known(list(missed))
        return [record for guid, record in missed.items() if guid not in known]

    def _store(self, record: DeliveryRecord) -> StoreResult:
        """Raises ``HubError`` if GitHub does not answer: it is tried again."""
        try:
            body = delivery_payload(self.auth, record.id)
            event: Event = parse(record.event, body)
        except IntakeError as error:  # refused at the door, and here
            event = Ignored(str(error))
        except HubError as error:
            if error.status not in NO_PAYLOAD:
                raise
            event = Ignored(str(error))
        if not isinstance(event, Ignored):
            return self.deliveries.store(record.guid, record.event, body, turn=turn_of(event))
        self.deliveries.note(record.guid)
        return StoreResult.SEEN
