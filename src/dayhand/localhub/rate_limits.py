"""Primary and secondary rate limits, with GitHub's headers.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from dayhand.localhub.errors import ApiError

WRITE_METHODS = frozenset({"POST", "PATCH", "PUT", "DELETE"})
CREATE_PATHS = ("/comments", "/issues", "/pulls", "/reactions", "/check-runs", "/requested_reviewers")
MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class RateLimitSettings:
    """The defaults are GitHub's own figures."""

    requests_per_hour: int = 5000
    points_per_minute: int = 900
    creations_per_minute: int = 80
    creations_per_hour: int = 500


class RateLimits:
    """Counts the requests of each client."""

    def __init__(
        self, settings: RateLimitSettings | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings or RateLimitSettings()
        self.clock = clock
        self._lock = threading.Lock()
        self._requests: dict[str, deque[float]] = defaultdict(deque)
        self._points: dict[str, deque[tuple[float, int]]] = defaultdict(deque)
        self._creations: dict[str, deque[float]] = defaultdict(deque)

    def count(self, client: str, method: str, path: str) -> None:
        """Count one request. Raises ``ApiError`` if a limit is reached."""
        now, settings = self.clock(), self.settings
        with self._lock:
            requests, points, creations = (
                self._requests[client],
                self._points[client],
                self._creations[client],
            )
            while requests and requests[0] <= now - HOUR:
                requests.popleft()
            while points and points[0][0] <= now - MINUTE:
                points.popleft()
            while creations and creations[0] <= now - HOUR:
                creations.popleft()
            if len(requests) >= settings.requests_per_hour:
                message = "API rate limit exceeded for installation."
                raise ApiError(403, message, headers=self._headers(client))
            cost = 5 if method in WRITE_METHODS else 1
            recent = sum(when > now - MINUTE for when in creations)
            creates = method == "POST" and path.endswith(CREATE_PATHS)
            if sum(spent for _, spent in points) + cost > settings.points_per_minute or (
                creates
                and (recent >= settings.creations_per_minute or len(creations) >= settings.creations_per_hour)
            ):
                message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
                raise ApiError(403, message, headers={**self._headers(client), "Retry-After": "60"})
            requests.append(now)
            points.append((now, cost))
            if creates:
                creations.append(now)

    def headers(self, client: str) -> dict[str, str]:
        with self._lock:
            return self._headers(client)

    def _headers(self, client: str) -> dict[str, str]:
        requests = self._requests[client]
        limit = self.settings.requests_per_hour
        reset = int((requests[0] if requests else self.clock()) + HOUR)
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - len(requests))),
            "X-RateLimit-Used": str(len(requests)),
            "X-RateLimit-Reset": str(reset),
            "X-RateLimit-Resource": "core",
        }
