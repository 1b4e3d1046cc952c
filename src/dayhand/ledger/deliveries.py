"""Deliveries in Redis: stored once by the web process, held by one dispatcher at a time, deleted once handled."""

from __future__ import annotations

import base64
import hashlib
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum

from redis.exceptions import RedisError

from dayhand.ledger import keys
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.waiting.turns import Class
from dayhand.process_log.fields import LOGGER
from dayhand.startup.records import dataclass

LEASE_SECONDS = 15.0
RENEW_SECONDS = 4.0
MAX_WAITING = 20_000
MAX_WAITING_BYTES = 256 * 1024 * 1024  # as stored: compressed
MAX_WOKEN = 1_000  # in one look
RECONCILED = "reconciled-"  # the prefix of the GUIDs of what was found without a delivery
EARLIER_MILLISECONDS = 10**13  # more than any time: an earlier class goes before all of a later one
SAME_SECONDS = 5  # by which two accounts of one label may differ


class StoreResult(IntEnum):
    """The result of storing a delivery."""

    FULL = -1  # nothing was stored
    SEEN = 0
    NEW = 1


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What somebody asks, under the same name whichever delivery says it."""

    name: str
    at: int = 0  # in seconds since the epoch, where the same can be asked again later: a label

    def digest(self) -> str:
        return hashlib.sha256(f"{self.name} {self.at}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery that one dispatcher holds."""

    guid: str
    event: str
    body: bytes
    attempts: int  # claims since it was last postponed, including this one
    delays: int  # how often it was postponed
    waited: float  # seconds since it was stored


class Deliveries:
    """The deliveries in one Redis that no dispatcher has handled yet. Their times are those of Redis's own clock."""

    def __init__(
        self, redis: TextRedis, *, most: int = MAX_WAITING, most_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        self.redis = redis
        self.most = most
        self.most_bytes = most_bytes
        self._store = redis.register_script(STORE)
        self._claim = redis.register_script(CLAIM_NEXT)
        self._renew = redis.register_script(RENEW)
        self._postpone = redis.register_script(POSTPONE)
        self._done = redis.register_script(DONE)
        self._free = redis.register_script(FREE)
        self._take_up = redis.register_script(TAKE_UP)

    def store(self, guid: str, event: str, body: bytes, *, turn: Class = Class.FIRST) -> StoreResult:
        """Keep a delivery until a dispatcher has handled it, unless one with this GUID was stored before.

        ``turn``: what it asks for, which decides what is handled first.
        """
        text = base64.b64encode(zlib.compress(body)).decode()
        earlier = (Class.UNREQUESTED - turn) * EARLIER_MILLISECONDS
        args = [guid, event, text, keys.DELIVERY_SECONDS, self.most, self.most_bytes, earlier]
        return StoreResult(self._store(keys=[keys.delivery(guid), *_keys(guid)], args=args))

    def known(self, guids: Sequence[str]) -> set[str]:
        """Which of these were stored or noted before."""
        with self.redis.pipeline(transaction=False) as pipe:
            for guid in guids:
                pipe.exists(keys.delivery(guid))
            return {guid for guid, found in zip(guids, pipe.execute(), strict=True) if found}

    def note(self, guid: str) -> None:
        """Remember a delivery that asks nothing of us, so that it is not fetched again."""
        self.redis.set(keys.delivery(guid), "", ex=keys.DELIVERY_SECONDS, nx=True)

    def take_up(self, request: RequestKey, guid: str) -> bool:
        """Note that a delivery's request is handled; False if what was found without a delivery is the same, or was asked before."""
        args = [guid, request.at, SAME_SECONDS, RECONCILED, keys.DELIVERY_SECONDS]
        return bool(self._take_up(keys=[keys.taken_up(request.name)], args=args))

    def is_taken_up(self, request: RequestKey) -> bool:
        """Whether a delivery that asked the same was handled."""
        at = str(self.redis.get(keys.taken_up(request.name)) or "").partition(" ")[0]
        return bool(at) and request.at <= int(at) + SAME_SECONDS

    def claim_next(self, worker: str) -> StoredDelivery | None:
        """Hold the delivery whose turn it is; None if none is due that nobody holds, or if it cannot be read and is dropped."""
        names, args = [keys.INBOX, keys.INBOX_HELD], [keys.inbox(""), worker, int(LEASE_SECONDS * 1000)]
        if not (found := self._claim(keys=names, args=args)):
            return None
        guid, event, text, attempts, delays, waited = found
        try:
            body = zlib.decompress(base64.b64decode(text))
        except (ValueError, zlib.error) as error:
            LOGGER.warning("delivery %s cannot be read, so it is dropped: %s", guid, error)
            self.done(guid, worker)
            return None
        return StoredDelivery(guid, event, body, int(attempts), int(delays), int(waited) / 1000)

    @contextmanager
    def kept(self, guid: str, worker: str, every: float = RENEW_SECONDS) -> Iterator[None]:
        """Renew the claim in the background while the block runs. If Redis does not answer, the next renewal tries again."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(every):
                try:
                    self._renew(keys=_keys(guid), args=[guid, worker, int(LEASE_SECONDS * 1000)])
                except RedisError:
                    continue

        thread = threading.Thread(target=renew, name=f"delivery-{guid}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def postpone(self, guid: str, worker: str, *, seconds: float) -> None:
        """Let a delivery wait before the next attempt; nothing if this worker does not hold it."""
        self._postpone(keys=_keys(guid), args=[guid, worker, int(seconds * 1000)])

    def done(self, guid: str, worker: str) -> None:
        """Delete a delivery that was handled. Its GUID stays known. Nothing if this worker does not hold it."""
        self._done(keys=_keys(guid), args=[guid, worker])

    def free(self, worker: str, *, crashed: bool = True) -> None:
        """Free the delivery of a worker that is known to be dead, without waiting for its lease to expire.

        Unless it ``crashed``, because it was stopped, this does not count among the delivery's attempts.
        """
        held = self.redis.hgetall(keys.INBOX_HELD)
        for guid in (guid for guid, holder in held.items() if holder == worker):
            self._free(keys=_keys(guid), args=[guid, worker, int(crashed)])

    def due(self) -> list[str]:
        """The GUIDs that a dispatcher may claim now, in the order of their turns."""
        seconds, micros = self.redis.time()
        now = seconds * 1000 + micros // 1000
        guids: list[str] = self.redis.zrange(keys.INBOX, "-inf", now, byscore=True, offset=0, num=MAX_WOKEN)
        return guids

    def waiting(self) -> int:
        """How many are stored and not handled yet."""
        return int(self.redis.zcard(keys.INBOX))


def _keys(guid: str) -> list[str]:
    return [keys.INBOX, keys.INBOX_HELD, keys.INBOX_BYTES, keys.inbox(guid)]


_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# KEYS: delivery, inbox, held, bytes, entry · ARGV: guid, event, body, kept seconds, most deliveries, most bytes,
#       milliseconds by which it goes before others. Once it was claimed, its score is the time at which it is due again.
STORE = (
    _NOW
    + """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local bytes = tonumber(redis.call('GET', KEYS[4]) or 0) + #ARGV[3]
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[5]) or bytes > tonumber(ARGV[6]) then return -1 end
redis.call('SET', KEYS[1], '', 'EX', ARGV[4])
redis.call('HSET', KEYS[5], 'event', ARGV[2], 'body', ARGV[3], 'stored', now)
redis.call('ZADD', KEYS[2], now - ARGV[7], ARGV[1])
redis.call('SET', KEYS[4], bytes)
return 1
"""
)

# KEYS: inbox, held · ARGV: prefix of entries, worker, lease milliseconds
CLAIM_NEXT = (
    _NOW
    + """
local guid = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)[1]
if not guid then return false end
redis.call('ZADD', KEYS[1], now + ARGV[3], guid)
redis.call('HSET', KEYS[2], guid, ARGV[2])
local attempts = redis.call('HINCRBY', ARGV[1] .. guid, 'attempts', 1)
local entry = redis.call('HMGET', ARGV[1] .. guid, 'event', 'body', 'delays', 'stored')
return {
  guid, entry[1] or '', entry[2] or '', attempts, tonumber(entry[3] or 0), now - (tonumber(entry[4]) or now)
}
"""
)

_HELD = _NOW + "if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end\n"

# KEYS: inbox, held, bytes, entry · ARGV: guid, worker, lease milliseconds
RENEW = _HELD + "return redis.call('ZADD', KEYS[1], 'XX', 'CH', now + ARGV[3], ARGV[1])"

# KEYS: inbox, held, bytes, entry · ARGV: guid, worker, milliseconds until it may be claimed again
POSTPONE = (
    _HELD
    + """
redis.call('ZADD', KEYS[1], 'XX', now + ARGV[3], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[4], 'attempts', 0)
return redis.call('HINCRBY', KEYS[4], 'delays', 1)
"""
)

# KEYS: inbox, held, bytes, entry · ARGV: guid, worker
DONE = (
    _HELD
    + """
redis.call('DECRBY', KEYS[3], redis.call('HSTRLEN', KEYS[4], 'body'))
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
if redis.call('ZCARD', KEYS[1]) == 0 then redis.call('SET', KEYS[3], 0) end
return redis.call('DEL', KEYS[4])
"""
)

# KEYS: inbox, held, bytes, entry · ARGV: guid, worker, 1 if this counts as a crash
FREE = (
    _HELD
    + """
redis.call('ZADD', KEYS[1], 'XX', now, ARGV[1])
if ARGV[3] == '0' then redis.call('HINCRBY', KEYS[4], 'attempts', -1) end
return redis.call('HDEL', KEYS[2], ARGV[1])
"""
)

# KEYS: taken up · ARGV: guid, at, seconds by which the same may differ, prefix of what was found, kept seconds
# GitHub's own deliveries differ from each other by intention, as when a label is set again. What was found without one differs
# only if it is later.
TAKE_UP = """
local function found(guid) return string.sub(guid, 1, #ARGV[4]) == ARGV[4] end
local at = tonumber(ARGV[2])
local kept = redis.call('GET', KEYS[1])
if kept then
  local before, by = string.match(kept, '^(%d+) (.*)$')
  before = tonumber(before)
  if by ~= ARGV[1] and (found(by) or found(ARGV[1])) and at <= before + ARGV[3] then return 0 end
  at = math.max(at, before)
end
redis.call('SET', KEYS[1], string.format('%d %s', at, ARGV[1]), 'EX', ARGV[5])
return 1
"""
