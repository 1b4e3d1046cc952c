"""``POST /webhook``: stores a delivery and answers 202, or says in one sentence why not. It does not call GitHub."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress

from flask import Blueprint, Response, jsonify, request
from redis.exceptions import RedisError
from werkzeug.exceptions import RequestEntityTooLarge

from dayhand.errors import IntakeError
from dayhand.intake.events import Ignored, parse
from dayhand.intake.signature import verify
from dayhand.intake.turns import turn_of
from dayhand.ledger.deliveries import Deliveries, StoreResult
from dayhand.ledger.waiting.turns import Class

MAX_BYTES = 25 * 1024 * 1024  # GitHub does not send larger deliveries
GUID = re.compile(r"[A-Za-z0-9-]{1,100}")
REDELIVER = "Nothing to do: it is fetched from GitHub's list of deliveries once it can be stored."

Answer = tuple[Response, int]


def webhook(deliveries: Deliveries, wake: Callable[[str], None], secrets: Sequence[str]) -> Blueprint:
    """The webhook. ``wake`` tells a dispatcher about a delivery that was stored."""
    blueprint = Blueprint("webhook", __name__)

    @blueprint.post("/webhook")
    def receive() -> Answer:
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            return _refused(IntakeError("The delivery is larger than 25 MB.", status=413))
        guid, event = request.headers.get("X-GitHub-Delivery", ""), request.headers.get("X-GitHub-Event", "")
        try:
            verify(body, request.headers.get("X-Hub-Signature-256"), secrets)
            _check_guid(guid)
            parsed = parse(event, body)
            if not isinstance(parsed, Ignored):
                _store(deliveries, wake, guid, event=event, body=body, turn=turn_of(parsed))
        except IntakeError as error:
            return _refused(error)
        return jsonify(delivery=guid), 202

    return blueprint


def _check_guid(guid: str) -> None:
    """Raises ``IntakeError`` (400)."""
    if not GUID.fullmatch(guid):
        raise IntakeError("The delivery has no X-GitHub-Delivery header with a GUID.", status=400)


def _store(
    deliveries: Deliveries, wake: Callable[[str], None], guid: str, *, event: str, body: bytes, turn: Class
) -> None:
    """Raises ``IntakeError`` (503) if the delivery cannot be stored."""
    try:
        stored = deliveries.store(guid, event, body, turn=turn)
    except RedisError as error:
        raise IntakeError(
            f"Dayhand cannot store this delivery now: {error}.", status=503, advice=REDELIVER
        ) from error
    if stored is StoreResult.FULL:
        raise IntakeError("Too many deliveries wait for a dispatcher.", status=503, advice=REDELIVER)
    if stored is StoreResult.NEW:
        with suppress(RedisError):  # it is stored: the pool of dispatchers wakes one for it
            wake(guid)


def _refused(error: IntakeError) -> Answer:
    return jsonify(error=str(error), advice=error.advice), error.status
