"""What a model on a server turned out to lack, remembered for every worker: fifty tasks do not each pay to learn it."""

from __future__ import annotations

from collections.abc import Iterable

from dayhand.ledger import keys
from dayhand.ledger.keys import TextRedis

REMEMBERED_SECONDS = 24 * 3600  # servers are updated, and models change behind a name


class RedisFeatureStore:
    """The names of what one model on one server lacks. They are forgotten a day after the last was learnt."""

    def __init__(self, redis: TextRedis, server: str, model: str) -> None:
        self._redis = redis
        self._key = keys.lacks(server, model)

    def recall(self) -> frozenset[str]:
        return frozenset(self._redis.smembers(self._key))

    def learn(self, names: Iterable[str]) -> None:
        with self._redis.pipeline() as pipe:
            pipe.sadd(self._key, *names)
            pipe.expire(self._key, REMEMBERED_SECONDS)
            pipe.execute()
