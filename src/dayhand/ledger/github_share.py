"""What all processes share about one installation on GitHub: its write budget, and its tokens.

GitHub counts by installation, whatever machine a request comes from, so every request asks here first.
https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

from dayhand.ledger import keys
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.telemetry.audit import Action, audit

# GitHub's secondary limits, less a margin for requests that it counts in another minute than we do.
MAX_CONCURRENT = 90  # of 100
REST_POINTS = 850  # a minute, of 900
GRAPHQL_POINTS = 1900  # a minute, of 2000
CREATIONS_A_MINUTE = 75  # of 80
CREATIONS_AN_HOUR = 480  # of 500
SLOT_SECONDS = 60  # after which a request is over, also if its process was killed
# After which a request that creates something is over: we wait 20 for its answer, and GitHub works for 10 on it.
CREATION_SECONDS = 30
SHOWING_SECONDS = 120  # for which a task counts as one that shows its progress
ASK_AGAIN_SECONDS = 60  # after GitHub rejected the App's key, or said that an installation is suspended
REJECTED_SECONDS = 900  # for which that is shown: everything that waits asks again earlier
EXPECTED_SECONDS = 600  # for which room is left for a first comment that does not come

# KEYS: pause, slots, points, creations, expected
# ARGV: now (milliseconds; "": the server's), slot, slot milliseconds, most slots, points, most points, creations,
#       most in a minute, most in an hour, 1 to leave room for what is expected
ADMIT = """
local now = tonumber(ARGV[1])
if not now then local time = redis.call('TIME'); now = time[1] * 1000 + math.floor(time[2] / 1000) end
local paused = tonumber(redis.call('GET', KEYS[1]) or 0) - now
if paused > 0 then return paused end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return 50 end
local function wait(key, width, bucket, limit, amount)
  if amount == 0 then return 0 end
  local used, first = 0, nil
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local start = tonumber(fields[i])
    if start + bucket + width <= now then redis.call('HDEL', key, fields[i])
    elseif start > now - width - bucket then
      used = used + tonumber(fields[i + 1])
      if not first or start < first then first = start end
    end
  end
  if used + amount <= limit then return 0 end
  return math.max(1, (first or now) + bucket + width - now)
end
local points, creations = tonumber(ARGV[5]), tonumber(ARGV[7])
local expected = ARGV[10] == '1' and redis.call('ZCOUNT', KEYS[5], now, '+inf') or 0
local longest = math.max(
  wait(KEYS[3], 60000, 1000, tonumber(ARGV[6]), points),
  wait(KEYS[4] .. ':minute', 60000, 1000, tonumber(ARGV[8]) - expected, creations),
  wait(KEYS[4] .. ':hour', 3600000, 60000, tonumber(ARGV[9]) - expected, creations))
if longest > 0 then return longest end
local function count(key, bucket, amount, seconds)
  if amount == 0 then return end
  redis.call('HINCRBY', key, math.floor(now / bucket) * bucket, amount)
  redis.call('EXPIRE', key, seconds)
end
count(KEYS[3], 1000, points, 120)
count(KEYS[4] .. ':minute', 1000, creations, 120)
count(KEYS[4] .. ':hour', 60000, creations, 7200)
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[3]), ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 0
"""

# KEYS: pause · ARGV: now, milliseconds. A pause is never shortened.
PAUSE = """
local now = tonumber(ARGV[1])
if not now then local time = redis.call('TIME'); now = time[1] * 1000 + math.floor(time[2] / 1000) end
local ends = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now + tonumber(ARGV[2]))
redis.call('SET', KEYS[1], ends, 'PX', math.max(1, ends - now))
return ends - now
"""

# KEYS: tasks, or what is expected · ARGV: now, its name, milliseconds
COUNT_FOR = """
local now = tonumber(ARGV[1])
if not now then local time = redis.call('TIME'); now = time[1] * 1000 + math.floor(time[2] / 1000) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('ZCARD', KEYS[1])
"""


class GitHubShare:
    """The share in one Redis. ``now``: milliseconds since the epoch, or None for the server's clock."""

    def __init__(
        self, redis: TextRedis, *, now: int | None = None, creation_seconds: float = CREATION_SECONDS
    ) -> None:
        self.redis = redis
        self.creation_seconds = creation_seconds
        self.now = now
        self._admit = redis.register_script(ADMIT)
        self._pause = redis.register_script(PAUSE)
        self._count_for = redis.register_script(COUNT_FOR)

    def admit(
        self,
        installation: int,
        *,
        points: int,
        creations: int,
        graphql: bool,
        part: float = 1.0,
        hour_part: float = 1.0,
        behind: bool = False,
    ) -> tuple[float, str]:
        """Count a request: 0 and its slot, or how many seconds to wait before asking again.

        ``part``: how much of each limit of a minute such a request may use up; the rest is for more urgent ones.
        ``hour_part``: how much of the creations of an hour. ``behind``: also leave room for the creations that are expected.
        """
        slot = secrets.token_hex(8)
        names = [
            keys.github(installation, "pause"),
            keys.github(installation, "slots"),
            keys.github(installation, "graphql" if graphql else "rest"),
            keys.github(installation, "creations"),
            keys.github(installation, "expected"),
        ]
        most = GRAPHQL_POINTS if graphql else REST_POINTS
        args = [
            "" if self.now is None else self.now,
            slot,
            SLOT_SECONDS * 1000,
            MAX_CONCURRENT,
            points,
            int(most * part),
            creations,
            int(CREATIONS_A_MINUTE * part),
            int(CREATIONS_AN_HOUR * hour_part),
            int(behind),
        ]
        return self._admit(keys=names, args=args) / 1000, slot

    def release(self, installation: int, slot: str) -> None:
        """A request has ended."""
        self.redis.zrem(keys.github(installation, "slots"), slot)

    def note_left(self, installation: int, *, left: int, limit: int, reset: int) -> None:
        """Keep what GitHub says is left of its hourly limit, until ``reset`` in seconds since the epoch."""
        self.redis.hset(keys.GITHUB_LEFT, str(installation), f"{left} {limit} {reset}")

    def left(self) -> dict[str, float]:
        """How much is left of GitHub's hourly limits, from 0 to 1, of the installation that has the least.

        Empty while no installation has used any of them for an hour.
        """
        now = time.time() if self.now is None else self.now / 1000
        noted = {
            name: tuple(map(int, text.split())) for name, text in self.redis.hgetall(keys.GITHUB_LEFT).items()
        }
        current = {
            name: (left, limit) for name, (left, limit, reset) in noted.items() if limit and reset > now
        }
        if over := sorted(noted.keys() - current.keys()):
            self.redis.hdel(keys.GITHUB_LEFT, *over)
        if not current:
            return {}
        with self.redis.pipeline(transaction=False) as pipe:
            for name in current:
                pipe.hgetall(keys.github(int(name), "creations") + ":hour")
            found = pipe.execute()
        hour = (now - 3600) * 1000
        used = [sum(int(count) for at, count in one.items() if float(at) > hour) for one in found]
        return {
            "requests": min(left / limit for left, limit in current.values()),
            "creations": max(0.0, 1 - max(used) / CREATIONS_AN_HOUR),
        }

    def pause(self, installation: int, seconds: float) -> None:
        """GitHub asks to wait: nobody sends anything for this installation until then."""
        now = "" if self.now is None else self.now
        self._pause(keys=[keys.github(installation, "pause")], args=[now, int(seconds * 1000)])

    def tasks_showing_progress(self, installation: int, task_id: str) -> int:
        """The number of tasks that showed their progress in the last minutes, with this one."""
        return self._counted_for(installation, "showing", name=task_id, seconds=SHOWING_SECONDS)

    def begin_creation(self, installation: int, name: str) -> float:
        """Note that a request is sent now that creates something of this name: 0.

        If one was sent before that nobody saw the end of, because its process was killed or its answer lost: the seconds
        until it cannot be carried out any more. Then nothing is noted.
        """
        key = keys.github(installation, f"creating:{name}")
        milliseconds = int(self.creation_seconds * 1000)
        while not self.redis.set(key, "", nx=True, px=milliseconds):
            if (left := self.redis.pttl(key)) > 0:
                return float(left) / 1000
        return 0.0

    def renew_creation(self, installation: int, name: str) -> None:
        """The request that was noted is sent only now, or again: it waited for room in the budget."""
        key = keys.github(installation, f"creating:{name}")
        self.redis.set(key, "", px=int(self.creation_seconds * 1000))

    def end_creation(self, installation: int, name: str, *, sent: bool = True) -> None:
        """Its answer has arrived, or it was found. Unless it was ``sent``, room is still left for it."""
        with self.redis.pipeline() as pipe:
            pipe.delete(keys.github(installation, f"creating:{name}"))
            if sent:
                pipe.zrem(keys.github(installation, "expected"), name)
            pipe.execute()

    def expect_creation(self, installation: int, name: str) -> None:
        """Leave room for something of this name until it is created."""
        self._counted_for(installation, "expected", name=name, seconds=EXPECTED_SECONDS)

    def _counted_for(self, installation: int, what: str, *, name: str, seconds: int) -> int:
        now = "" if self.now is None else self.now
        args = [now, name, seconds * 1000]
        return int(self._count_for(keys=[keys.github(installation, what)], args=args))

    def secret(self, name: str) -> str | None:
        """What is kept under a name; it is encrypted by who keeps it."""
        text: str | None = self.redis.get(keys.github_secret(name))
        return text

    def keep_secret(self, name: str, text: str, seconds: float) -> None:
        self.redis.set(keys.github_secret(name), text, px=max(1, int(seconds * 1000)))

    def note_token(self, installation: int, repository: str, permissions: Mapping[str, str]) -> None:
        """GitHub gave the App a token for this repository: it is audited before it is used."""
        audit(
            self.redis,
            Action.TOKEN,
            repository=repository,
            installation=installation,
            permissions=", ".join(f"{name}: {level}" for name, level in permissions.items()),
        )

    def rejection(self, name: str) -> str:
        """Why GitHub refuses the App's key or an installation; "" if it does not, or to the one process that is to ask again."""
        _, _, reason = (self.redis.hget(keys.GITHUB_REJECTS, name) or "").partition(" ")
        if reason and self.redis.set(keys.github_asked(name), "", nx=True, ex=ASK_AGAIN_SECONDS):
            return ""
        return reason

    def note_rejection(self, name: str, reason: str) -> bool:
        """GitHub refuses it; whether that is news."""
        self.redis.set(keys.github_asked(name), "", ex=ASK_AGAIN_SECONDS)
        return bool(self.redis.hset(keys.GITHUB_REJECTS, name, f"{time.time()} {reason}"))

    def end_rejection(self, *names: str) -> bool:
        """GitHub accepts them; whether that is news."""
        return bool(self.redis.hdel(keys.GITHUB_REJECTS, *names))

    def rejections(self) -> list[str]:
        """What GitHub refuses at the moment, and why."""
        noted = {name: text.partition(" ") for name, text in self.redis.hgetall(keys.GITHUB_REJECTS).items()}
        old = [name for name, (at, _, _) in noted.items() if float(at) < time.time() - REJECTED_SECONDS]
        if old:  # nobody asks any more, such as after a key was replaced
            self.redis.hdel(keys.GITHUB_REJECTS, *old)
        return sorted(reason for name, (_, _, reason) in noted.items() if name not in old)
