"""GitHub's refusals as errors of ours: what was refused, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from github import GithubException, RateLimitExceededException

from dayhand.errors import HubError, HubUnavailable

UNAUTHORIZED, TOO_MANY, SERVER_FAULT = 401, 429, 500
LACKING = "resource not accessible"
UNGRANTED = "permissions requested are not granted"


@contextmanager
def speaking_of(what: str) -> Iterator[None]:
    """Turn whatever PyGithub raises in the block into ``HubError`` or ``HubUnavailable``, naming ``what``."""
    try:
        yield
    except RateLimitExceededException as error:
        raise HubUnavailable(
            f"GitHub's rate limit is used up ({what}).",
            status=error.status,
            advice="The task is tried again when GitHub allows it.",
        ) from error
    except GithubException as error:
        raise _named(error, what) from error
    except requests.RequestException as error:
        raise HubUnavailable(
            f"GitHub could not be reached ({what}): {type(error).__name__}.",
            advice="The task is tried again by itself.",
        ) from error


def _named(error: GithubException, what: str) -> HubError:
    status = error.status
    if status == UNAUTHORIZED:
        return HubError(
            f"GitHub does not accept our credentials ({what}).",
            status=status,
            advice="Compare GITHUB_APP_ID and the private key with the App's settings page.",
        )
    if status >= SERVER_FAULT:
        return HubUnavailable(
            f"GitHub failed with {status} ({what}).", status=status, advice="It is tried again."
        )
    if status == TOO_MANY:
        return HubUnavailable(
            f"GitHub asks us to slow down ({what}).", status=status, advice="It is tried again."
        )
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    needed = headers.get("x-accepted-github-permissions", "")
    message = _message(error)
    if needed and LACKING in message.lower():  # an archived repository or a suspended App is a 403 too
        advice = (
            f"Give the App the permission {needed} on its settings page, and accept it for the installation."
        )
    elif UNGRANTED in message.lower():
        advice = (
            "Accept the App's permissions for this installation, on the account's page of installed Apps."
        )
    elif "suspended" in message.lower():
        advice = "Unsuspend the App's installation on its settings page."
    elif status == 404:
        advice = "Is the App installed on this repository?"
    else:
        advice = ""
    return HubError(f"GitHub refused {what}: {message} ({status}).", status=status, advice=advice)


def _message(error: GithubException) -> str:
    data = error.data
    if not isinstance(data, dict):
        return str(data)[:200] or "no reason given"
    details = [
        str(one.get("message", one)) if isinstance(one, dict) else str(one)
        for one in data.get("errors") or []
    ]
    return " ".join([str(data.get("message", "no reason given")), *details])[:400]
