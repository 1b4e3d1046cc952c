"""How requests are sent: with retries if they can be repeated, and once if they create something."""

from __future__ import annotations

from github import Auth, Github
from github.GithubRetry import GithubRetry

API_VERSION = "2022-11-28"  # supported until March 2028; PyGithub sends no version by itself
TIMEOUT_SECONDS = 20
SHORT_TIMEOUT_SECONDS = 5
MAX_WAIT_SECONDS = 60.0
REPEATABLE = frozenset(
    {"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"}
)  # never POST, which would create two


def open_github(api_url: str, auth: Auth.Auth, *, retries: bool = True) -> Github:
    """A PyGithub client without its throttle, which counts each client on its own.

    With ``retries`` it waits and repeats for minutes if needed. Without, it tries once: for requests that may fail.
    """
    retry = GithubRetry(
        total=4,
        max_rate_limit_wait=MAX_WAIT_SECONDS,
        retry_after_max=MAX_WAIT_SECONDS,
        allowed_methods=REPEATABLE,
    )
    return Github(
        auth=auth,
        base_url=api_url,
        timeout=TIMEOUT_SECONDS if retries else SHORT_TIMEOUT_SECONDS,
        user_agent="dayhand",
        per_page=100,
        retry=retry if retries else None,
        seconds_between_requests=None,
        seconds_between_writes=None,
        api_version=API_VERSION,
        lazy=True,  # an object is requested when one of its fields is read
    )
