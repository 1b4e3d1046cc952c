"""How requests are made: patiently for what may be repeated, never twice for what makes something."""

from __future__ import annotations

from github import Auth, Github
from github.GithubRetry import GithubRetry

API_VERSION = "2022-11-28"  # supported until March 2028; PyGithub sends none by itself
TIMEOUT_SECONDS = 20
HURRIED_SECONDS = 5
MAX_WAIT_SECONDS = 60.0
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"})  # never POST: it would make two


def open_github(api_url: str, auth: Auth.Auth, *, patient: bool = True) -> Github:
    """A PyGithub client without its throttle: 1 s between writes, for each client alone, bounds nothing shared.

    ``patient`` clients wait and repeat, for minutes if need be; the others try once, for what may as well not be.
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
        timeout=TIMEOUT_SECONDS if patient else HURRIED_SECONDS,
        user_agent="dayhand",
        per_page=100,
        retry=retry if patient else None,
        seconds_between_requests=None,
        seconds_between_writes=None,
        api_version=API_VERSION,
        lazy=True,  # a thing is asked for when something of it is read, and not before
    )
