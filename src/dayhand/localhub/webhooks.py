"""Signed webhook deliveries, sent once and in order with GitHub's headers; a failed one can be redelivered.

https://docs.github.com/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from dayhand.localhub.payloads.issues import timestamp
from dayhand.localhub.state.directory import now
from dayhand.localhub.state.models import App

TIMEOUT_SECONDS = 10.0
MAX_BYTES = 25 * 1024 * 1024  # a larger payload is never sent
MAX_RESPONSE_CHARS = 4096


@dataclass(slots=True)
class Delivery:
    """One attempt to deliver one event."""

    id: int
    guid: str
    app: App
    event: str
    payload: dict[str, Any]
    redelivery: bool
    delivered: datetime
    status: str = "pending"
    status_code: int = 0
    seconds: float = 0.0
    response: str = ""  # its body, cut

    @property
    def outcome(self) -> str:
        return "success" if self.status == "OK" else "failure"

    def details(self) -> dict[str, Any]:
        """The body of ``GET /app/hook/deliveries/{id}``."""
        return {
            **self.summary(),
            "url": self.app.webhook_url,
            "request": {"headers": None, "payload": self.payload},
            "response": {"headers": None, "payload": self.response},
        }

    def summary(self) -> dict[str, Any]:
        """One row of ``GET /app/hook/deliveries``."""
        repository = self.payload.get("repository") or {}
        installation = self.payload.get("installation") or {}
        return {
            "id": self.id, "guid": self.guid, "delivered_at": timestamp(self.delivered), "redelivery": self.redelivery,
            "duration": round(self.seconds, 3), "status": self.status, "status_code": self.status_code,
            "event": self.event, "action": self.payload.get("action"), "installation_id": installation.get("id"),
            "repository_id": repository.get("id"), "throttled_at": None,
        }  # fmt: skip


class WebhookSender:
    """Sends deliveries in a background thread. Like GitHub, it never retries by itself."""

    def __init__(self, timeout: float = TIMEOUT_SECONDS) -> None:
        self.timeout = timeout  # seconds
        self.deliveries: list[Delivery] = []
        self._queue: queue.Queue[Delivery | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="localhub-webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._queue.put(None)
        self._thread.join(TIMEOUT_SECONDS)

    def send(
        self, app: App, event: str, payload: dict[str, Any], *, redeliver: Delivery | None = None
    ) -> None:
        """Queue an event for an App; ``redeliver`` sends an earlier delivery again under the same GUID.

        An App without a webhook is sent nothing, and nothing is listed for it.
        """
        if not app.webhook_url:
            return
        guid = redeliver.guid if redeliver else str(uuid.uuid4())
        frozen = json.loads(json.dumps(payload))
        delivery = Delivery(len(self.deliveries) + 1, guid, app, event, frozen, redeliver is not None, now())
        self.deliveries.append(delivery)
        self._queue.put(delivery)

    def wait_idle(self, seconds: float = 120.0) -> None:
        """Wait until every queued delivery is sent. Raises ``TimeoutError`` after ``seconds``."""
        ends = time.monotonic() + seconds
        with self._queue.all_tasks_done:
            while self._queue.unfinished_tasks:
                left = ends - time.monotonic()
                if left <= 0:
                    raise TimeoutError("webhook deliveries are still being sent")
                self._queue.all_tasks_done.wait(left)

    def _run(self) -> None:
        with requests.Session() as session:
            while (delivery := self._queue.get()) is not None:
                try:
                    _deliver(session, delivery, self.timeout)
                finally:
                    self._queue.task_done()
            self._queue.task_done()


def _deliver(session: requests.Session, delivery: Delivery, timeout: float) -> None:
    app = delivery.app
    body = json.dumps(delivery.payload).encode()
    if len(body) > MAX_BYTES:
        delivery.status = "payload too large"
        return
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/localhub",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(app.id),
        "X-GitHub-Hook-Installation-Target-ID": str(app.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
        "X-Hub-Signature-256": "sha256="
        + hmac.new(app.webhook_secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    began = time.monotonic()
    try:
        response = session.post(app.webhook_url, data=body, headers=headers, timeout=timeout)
    except requests.Timeout:
        delivery.status = "timed out"
    except requests.RequestException:
        delivery.status = "failed to connect to host"
    else:
        delivery.status_code, delivery.response = response.status_code, response.text[:MAX_RESPONSE_CHARS]
        delivery.status = "OK" if response.ok else f"Invalid HTTP Response: {response.status_code}"
    delivery.seconds = time.monotonic() - began
