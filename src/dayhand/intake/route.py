"""``POST /webhook``: accepts a delivery with 202, or says in one sentence why not."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, jsonify, request
from redis.exceptions import RedisError
from werkzeug.exceptions import RequestEntityTooLarge

from dayhand.errors import HubError, HubUnavailable, IntakeError
from dayhand.intake.dispatch import Dispatcher
from dayhand.intake.events import parse
from dayhand.intake.signature import verify

MAX_BYTES = 25 * 1024 * 1024  # GitHub does not send larger deliveries

Answer = tuple[Response, int]


def webhook(dispatcher: Dispatcher, secrets: Sequence[str]) -> Blueprint:
    """The webhook. A delivery is remembered only once it was accepted, so that a failed one can be redelivered."""
    blueprint = Blueprint("webhook", __name__)

    @blueprint.post("/webhook")
    def receive() -> Answer:
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            return _refused(IntakeError("The delivery is larger than 25 MB.", status=413))
        delivery = request.headers.get("X-GitHub-Delivery", "")
        try:
            verify(body, request.headers.get("X-Hub-Signature-256"), secrets)
            return _accept(dispatcher, delivery, request.headers.get("X-GitHub-Event", ""), body=body)
        except IntakeError as error:
            return _refused(error)
        except (RedisError, HubUnavailable) as error:
            return _refused(
                IntakeError(
                    f"Dayhand cannot accept this now: {error}",
                    status=503,
                    advice="Nothing was stored: redeliver it from the App's settings page.",
                )
            )
        except HubError as error:
            return _refused(IntakeError(str(error), status=502, advice=error.advice))

    return blueprint


def _accept(dispatcher: Dispatcher, delivery: str, name: str, *, body: bytes) -> Answer:
    if not delivery:
        raise IntakeError("The delivery has no X-GitHub-Delivery header.", status=400)
    seen = dispatcher.ledger.seen(delivery)
    if seen is not None:
        return jsonify(delivery=delivery, task=seen or None, reason="this delivery was accepted before"), 202
    decision = dispatcher.decide(parse(name, body), delivery)
    if decision.task is None:
        dispatcher.ledger.note_delivery(delivery, "")
    reason = {"reason": decision.reason} if decision.reason else {}
    return jsonify(delivery=delivery, task=decision.task, **reason), 202


def _refused(error: IntakeError) -> Answer:
    return jsonify(error=str(error), advice=error.advice), error.status
