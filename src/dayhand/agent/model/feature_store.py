"""The features that a model's server turned out to lack, shared by all workers: each is found out only once."""

from __future__ import annotations

from collections.abc import Iterable

from dayhand.ledger import keys
from dayhand.ledger.keys import TextRedis

KEPT_SECONDS = 24 * 3600  # servers are updated, and models change behind a name


class RedisFeatureStore:
    """The missing features of one model on one server. They expire a day after the last one was found."""

    def __init__(self, redis: TextRedis, server: str, model: str) -> None:
        self._redis = redis
        self._key = keys.missing_features(server, model)

    def recall(self) -> frozenset[str]:
        return frozenset(self._redis.smembers(self._key))

    def learn(self, names: Iterable[str]) -> None:
        with self._redis.pipeline() as pipe:
            pipe.sadd(self._key, *names)
            pipe.expire(self._key, KEPT_SECONDS)
            pipe.execute()
