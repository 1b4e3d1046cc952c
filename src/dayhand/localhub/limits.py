"""Rate limits, primary and secondary, with GitHub's headers.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from dayhand.localhub.errors import Refused

WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})
MAKES = ("/comments", "/issues", "/pulls", "/reactions", "/check-runs", "/requested_reviewers")
MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class RateLimitSettings:
    """GitHub's own figures."""

    hour: int = 5000
    points_a_minute: int = 900
    made_a_minute: int = 80
    made_an_hour: int = 500


class RateLimits:
    """Counts what each credential asks for."""

    def __init__(
        self, bounds: RateLimitSettings | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.bounds = bounds or RateLimitSettings()
        self.clock = clock
        self._lock = threading.Lock()
        self._asked: dict[str, deque[float]] = defaultdict(deque)
        self._points: dict[str, deque[tuple[float, int]]] = defaultdict(deque)
        self._made: dict[str, deque[float]] = defaultdict(deque)

    def count(self, who: str, method: str, path: str) -> None:
        """Count one request; refuse it where a limit is reached."""
        now = self.clock()
        with self._lock:
            asked, points, made = self._asked[who], self._points[who], self._made[who]
            while asked and asked[0] <= now - HOUR:
                asked.popleft()
            while points and points[0][0] <= now - MINUTE:
                points.popleft()
            while made and made[0] <= now - HOUR:
                made.popleft()
            if len(asked) >= self.bounds.hour:
                raise Refused(403, "API rate limit exceeded for installation.", headers=self._headers(who))
            cost = 5 if method in WRITES else 1
            lately = sum(one > now - MINUTE for one in made)
            makes = method == "POST" and path.endswith(MAKES)
            if sum(one for _, one in points) + cost > self.bounds.points_a_minute or (
                makes and (lately >= self.bounds.made_a_minute or len(made) >= self.bounds.made_an_hour)
            ):
                message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
                raise Refused(403, message, headers={**self._headers(who), "Retry-After": "60"})
            asked.append(now)
            points.append((now, cost))
            if makes:
                made.append(now)

    def headers(self, who: str) -> dict[str, str]:
        with self._lock:
            return self._headers(who)

    def _headers(self, who: str) -> dict[str, str]:
        asked = self._asked[who]
        reset = int((asked[0] if asked else self.clock()) + HOUR)
        return {
            "X-RateLimit-Limit": str(self.bounds.hour),
            "X-RateLimit-Remaining": str(max(0, self.bounds.hour - len(asked))),
            "X-RateLimit-Used": str(len(asked)),
            "X-RateLimit-Reset": str(reset),
            "X-RateLimit-Resource": "core",
        }
