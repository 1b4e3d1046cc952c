"""GitHub's refusals as our errors: what was refused, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from github import GithubException

from dayhand.errors import AppRejected, HubError, HubUnavailable, InstallationSuspended
from dayhand.hub.failures import Failure, failure_of_status

NO_ACCESS = "resource not accessible"
NOT_GRANTED = "permissions requested are not granted"


@contextmanager
def hub_errors(action: str) -> Iterator[None]:
    """Convert what PyGithub raises in the block into ``HubError`` or ``HubUnavailable``, which name ``action``."""
    try:
        yield
    except GithubException as error:
        raise _convert(error, action) from error
    except requests.RequestException as error:
        raise HubUnavailable(
            f"GitHub could not be reached ({action}): {type(error).__name__}.",
            advice="The task is retried automatically.",
        ) from error


def _convert(error: GithubException, action: str) -> HubError:
    status, message = error.status, _message(error)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    match failure_of_status(status, message, headers):
        case Failure.BAD_TOKEN:
            return rejected(f" ({action})", status)
        case Failure.SUSPENDED:
            return (
                suspended(f" ({action})", status)
                if "installation" in message
                else rejected(f" ({action}): {message}", status)
            )
        case Failure.SERVER_FAULT:
            return HubUnavailable(
                f"GitHub failed with {status} ({action}).",
                status=status,
                advice="It is retried automatically.",
            )
        case Failure.LIMIT:
            return HubUnavailable(
                f"GitHub's rate limit is used up ({action}).",
                status=status,
                advice="The task is retried when GitHub allows it.",
            )
    needed = headers.get("x-accepted-github-permissions", "")
    if needed and NO_ACCESS in message.lower():  # an archived repository or a suspended App is a 403 as well
        advice = (
            f"Grant the App the permission {needed} on its settings page, and accept it for the installation."
        )
    elif NOT_GRANTED in message.lower():
        advice = (
            "Accept the App's permissions for this installation, on the account's page of installed Apps."
        )
    elif moved := headers.get("moved-to"):
        advice = f"GitHub redirects to {moved}: if that is its address, correct GITHUB_API_URL."
    elif status == 404:
        advice = "Check that the App is installed on this repository."
    else:
        advice = ""
    return HubError(f"GitHub refused {action}: {message} ({status}).", status=status, advice=advice)


def rejected(details: str = "", status: int = 401) -> AppRejected:
    """What an operator is told, who has to act first."""
    return AppRejected(
        f"GitHub rejects our credentials{details}.",
        status=status,
        advice="Compare GITHUB_APP_ID and the private key with the App's settings page; `dayhand doctor` checks both.",
    )


def suspended(details: str = "", status: int = 403) -> InstallationSuspended:
    return InstallationSuspended(
        f"The App's installation has been suspended{details}.",
        status=status,
        advice="Unsuspend the App's installation on its settings page.",
    )


def _message(error: GithubException) -> str:
    data = error.data
    if not isinstance(data, dict):
        return str(data)[:200] or "no reason given"
    details = [
        str(entry.get("message", entry)) if isinstance(entry, dict) else str(entry)
        for entry in data.get("errors") or []
    ]
    return " ".join([str(data.get("message", "no reason given")), *details])[:400]
