"""Primary and secondary rate limits, with GitHub's headers.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from dayhand.localhub.errors import ApiError

WRITE_METHODS = frozenset({"POST", "PATCH", "PUT", "DELETE"})
# What creates content: the endpoints and mutations whose documentation warns of the limit on it.
CREATE_PATHS = ("/comments", "/issues", "/pulls", "/requested_reviewers", "/reviews", "/replies")
CREATE_MUTATIONS = re.compile(
    r"\b(addComment|createIssue|createPullRequest|requestReviews|addPullRequestReview)\b"
)
MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class RateLimitSettings:
    """The defaults are GitHub's own figures."""

    requests_per_hour: int = 5000
    points_per_minute: int = 900
    graphql_points_per_minute: int = 2000  # counted apart
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
        self.spent = Counter[str]()  # all requests, points, creations and refusals so far

    def count(self, client: str, method: str, path: str, *, query: str = "") -> None:
        """Count one request; ``query`` is that of GraphQL. Raises ``ApiError`` if a limit is reached."""
        graphql = path.endswith("/graphql")
        writes = query.lstrip().startswith("mutation") if graphql else method in WRITE_METHODS
        created = len(CREATE_MUTATIONS.findall(query)) if graphql else int(_creates(method, path))
        cost = 5 if writes else 1
        now, settings = self.clock(), self.settings
        with self._lock:
            requests, points, creations = (
                self._requests[client],
                self._points[f"{client} graphql" if graphql else client],
                self._creations[client],
            )
            while requests and requests[0] <= now - HOUR:
                requests.popleft()
            while points and points[0][0] <= now - MINUTE:
                points.popleft()
            while creations and creations[0] <= now - HOUR:
                creations.popleft()
            if len(requests) >= settings.requests_per_hour:
                self.spent["refused"] += 1
                message = "API rate limit exceeded for installation."
                raise ApiError(403, message, headers=self._headers(client))
            recent = sum(when > now - MINUTE for when in creations)
            most = settings.graphql_points_per_minute if graphql else settings.points_per_minute
            if (
                sum(spent for _, spent in points) + cost > most
                or recent + created > max(recent, settings.creations_per_minute)
                or len(creations) + created > max(len(creations), settings.creations_per_hour)
            ):
                self.spent["refused"] += 1
                message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
                raise ApiError(403, message, headers={**self._headers(client), "Retry-After": "60"})
            requests.append(now)
            points.append((now, cost))
            creations.extend([now] * created)
            self.spent.update(requests=1, points=cost, creations=created)

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


def _creates(method: str, path: str) -> bool:
    return method == "POST" and path.endswith(CREATE_PATHS)
