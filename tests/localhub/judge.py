"""githubkit as the judge of a webhook's payload."""

from __future__ import annotations

import json

from githubkit.webhooks import parse


def judge_webhook(event: str, body: bytes) -> str:
    """Raise where a payload is not what GitHub describes; give ``event.action``, or ``event`` where it has no action."""
    parse(event, body)
    action = json.loads(body).get("action")
    return f"{event}.{action}" if action else event
