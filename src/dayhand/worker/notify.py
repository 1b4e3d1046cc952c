"""Sends notifications to a chat: Slack's incoming webhooks, and what understands the same ``{"text": …}``.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

import requests
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import RequestException

from dayhand.ledger.keys import TextRedis
from dayhand.ledger.redis_server import at_hand, connect
from dayhand.ledger.telemetry.notifications import Notification, Notifications
from dayhand.process_log.fields import LOGGER
from dayhand.settings.table import read_settings
from dayhand.untrusted_text import clean, quiet

TIMEOUT_SECONDS = 5.0
MAX_TITLE_CHARS = 150
HEADINGS = {"ready": "✅ Ready to review", "needs you": "✋ Needs you", "failed": "❌ Failed"}


def send_notifications() -> None:
    """The function of a job: send what is due."""
    settings = read_settings()
    with at_hand(settings.redis_url, settings.data) as redis_url:
        send_due(connect(redis_url), settings.notify_url)


def send_due(redis: TextRedis, url: str) -> None:
    """Send each notification that is due once; what did not arrive is sent again later."""
    notifications = Notifications(redis)
    for notification in notifications.take() if url else ():
        problem, again = post(url, text_of(notification))
        if problem and again and notifications.postpone(notification):
            continue
        if problem:
            LOGGER.warning("notification about task %s was not delivered: %s", notification.task, problem)


def post(url: str, text: str) -> tuple[str, bool]:
    """What went wrong, "" if nothing, and whether to send it again: not where it may have arrived."""
    try:
        answer = requests.post(url, json={"text": text}, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except NoConnection as error:  # its text holds the path, which is a secret
        refused = "NewConnectionError" in repr(error) or "ConnectTimeoutError" in repr(error)
        return type(error).__name__, refused
    except RequestException as error:
        return type(error).__name__, False
    if answer.ok and not answer.is_redirect:
        return "", False
    return f"the server answers {answer.status_code}", answer.status_code == 429 or answer.status_code >= 500


def text_of(notification: Notification) -> str:
    """The message: what happened, the title and the link, and nothing else of the repository.

    The title is anyone's, so it mentions nobody and begins no link of its own.
    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    title = quiet(" ".join(clean(notification.title).split())[:MAX_TITLE_CHARS])
    for char, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        title = title.replace(char, name)
    heading = HEADINGS[notification.outcome]
    return f"{heading}: {notification.repository}#{notification.number} {title}\n{notification.link}"
