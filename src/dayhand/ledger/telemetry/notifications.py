"""Notifications that wait to be sent to the operator's chat: each outcome of a task once."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from dayhand.ledger import keys
from dayhand.ledger.keys import TextRedis
from dayhand.startup.records import dataclass

DELAYS = (10, 60, 300, 1800)  # seconds before each new attempt
MAX_TAKEN = 20  # at once

# KEYS: told, waiting · ARGV: kept seconds, notification
PUT = """
if not redis.call('SET', KEYS[1], '', 'NX', 'EX', ARGV[1]) then return 0 end
return redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[2])
"""

# KEYS: waiting · ARGV: most. What is taken is not taken again: a notification rather gets lost than comes twice.
TAKE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1], 'LIMIT', 0, ARGV[1])
for _, one in ipairs(due) do redis.call('ZREM', KEYS[1], one) end
return due
"""

# KEYS: waiting · ARGV: notification, seconds
POSTPONE = "return redis.call('ZADD', KEYS[1], redis.call('TIME')[1] + ARGV[2], ARGV[1])"


@dataclass(frozen=True, slots=True)
class Notification:
    """What a chat is told about one task."""

    task: str
    outcome: str  # "ready", "needs you" or "failed"
    repository: str
    number: int
    title: str  # of the issue or pull request, by anyone
    link: str
    attempt: int = 0  # how often it was sent in vain


@dataclass(frozen=True, slots=True)
class Notifications:
    """Those of one Redis."""

    redis: TextRedis

    def put(self, notification: Notification) -> None:
        """Let it be sent, unless this outcome of the task was put before."""
        told = keys.notified(notification.task, notification.outcome)
        self.redis.register_script(PUT)(
            keys=[told, keys.NOTIFICATIONS], args=[keys.KEPT_SECONDS, json.dumps(asdict(notification))]
        )

    def due(self) -> bool:
        """Whether any is to be sent now."""
        return bool(self.redis.zcount(keys.NOTIFICATIONS, "-inf", self.redis.time()[0]))

    def take(self) -> list[Notification]:
        """Those that are to be sent now, each only once."""
        texts = self.redis.register_script(TAKE)(keys=[keys.NOTIFICATIONS], args=[MAX_TAKEN])
        return [Notification(**json.loads(text)) for text in texts]

    def postpone(self, notification: Notification) -> bool:
        """Send it again later; False if it was tried often enough."""
        if notification.attempt >= len(DELAYS):
            return False
        later = replace(notification, attempt=notification.attempt + 1)
        args = [json.dumps(asdict(later)), DELAYS[notification.attempt]]
        self.redis.register_script(POSTPONE)(keys=[keys.NOTIFICATIONS], args=args)
        return True
