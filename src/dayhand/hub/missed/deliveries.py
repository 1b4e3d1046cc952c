"""GitHub's own list of the deliveries that it sent to the App, or tried to send.

https://docs.github.com/rest/apps/webhooks#list-deliveries-for-an-app-webhook
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dayhand.hub.auth import AppAuth
from dayhand.startup.records import dataclass

PATH = "/app/hook/deliveries"
NEXT_PAGE = re.compile(r'[?&]cursor=([^&>]+)[^>]*>; *rel="next"')
MAX_PAGES = 200  # of 100 deliveries: about what a busy installation gets in three days


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One attempt of GitHub to deliver one event."""

    id: int
    guid: str  # the same for each attempt
    event: str
    action: str
    delivered_at: float  # seconds since the epoch
    succeeded: bool
    status: str  # in GitHub's words
    status_code: int  # of our answer; 0 without one


def list_deliveries(auth: AppAuth, since: float, *, max_pages: int = MAX_PAGES) -> Iterator[DeliveryRecord]:
    """The attempts since a time in seconds since the epoch, the newest first. Raises ``HubError``."""
    cursor = ""
    for _ in range(max_pages):
        query = f"?per_page=100{f'&cursor={cursor}' if cursor else ''}"
        headers, rows = auth.request("GET", f"{PATH}{query}", action="reading the App's deliveries")
        for row in rows:
            record = _record(row)
            if record.delivered_at < since:
                return
            yield record
        found = NEXT_PAGE.search(headers.get("link", ""))
        if not found:
            return
        cursor = found[1]


def delivery_payload(auth: AppAuth, number: int) -> bytes:
    """The JSON that an attempt sent, or should have sent. Raises ``HubError``."""
    _, row = auth.request("GET", f"{PATH}/{number}", action=f"reading the delivery {number}")
    return json.dumps(row["request"]["payload"]).encode()


def redeliver(auth: AppAuth, number: int) -> None:
    """Ask GitHub to send a delivery again, under the same GUID. Raises ``HubError``."""
    auth.request("POST", f"{PATH}/{number}/attempts", action=f"asking for the delivery {number} again")


def _record(row: dict[str, Any]) -> DeliveryRecord:
    return DeliveryRecord(
        id=int(row["id"]),
        guid=str(row["guid"]),
        event=str(row["event"]),
        action=str(row["action"] or ""),
        delivered_at=datetime.fromisoformat(row["delivered_at"]).timestamp(),
        succeeded=200 <= int(row["status_code"]) < 300,
        status=str(row["status"]),
        status_code=int(row["status_code"]),
    )
