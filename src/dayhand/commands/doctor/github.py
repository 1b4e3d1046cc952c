"""The App: its id and key, its permissions and events, where it is installed, and the clock that its signatures need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.errors import AppRejected, HubError, SettingsError
from dayhand.settings.required import app_key, require_app
from dayhand.settings.table import Settings

if TYPE_CHECKING:  # PyGithub takes half a second to import
    from dayhand.hub.app_record import AppRecord, InstalledOn
    from dayhand.hub.auth import AppAuth

MAX_SKEW_SECONDS = 50.0  # a signature begins one minute ago, and ends a minute before GitHub's limit
PUBLIC = "https://api.github.com"
DATA_RESIDENCY = (
    ".ghe.com"  # the API of an enterprise of its own on GitHub's servers: https://api.NAME.ghe.com
)
LEVELS = ("", "read", "write", "admin")
APP_PAGE = "Compare both with the App's settings page (About: App ID; Private keys: the fingerprint)."

Clock: TypeAlias = Callable[[], float]


def check_app(settings: Settings, clock: Clock = time.time) -> Iterator[HealthFinding]:
    """Everything that GitHub knows about the App, compared with what Dayhand needs."""
    try:
        auth = open_auth(settings)
    except SettingsError as error:
        fault = FaultCode.APP_KEY_UNREADABLE if _is_set(settings) else FaultCode.APP_NOT_SET
        yield HealthFinding(str(error), fault, error.advice)
        return
    from dayhand.hub.app_record import clock_of_refusal, read_app_record, read_installations

    try:
        app, github_time = read_app_record(auth)
    except HubError as error:
        skew = list(check_clock(clock_of_refusal(error), clock()))
        yield from (each for each in skew if each.fault)
        if isinstance(error, AppRejected):
            yield HealthFinding(
                f"GitHub refuses the key for the App id {settings.app_id}",
                FaultCode.APP_KEY_REFUSED,
                f"{APP_PAGE} An installation's number and the client id are not the App id.",
            )
        else:
            yield _silent(settings, error)
        return
    web = web_address(settings.api_url)
    yield HealthFinding(f"{settings.api_url} knows App {app.id} as {app.slug}, and its key fits")
    yield from check_clock(github_time, clock())
    yield from check_permissions(app, web)
    yield from check_events(app, web)
    try:
        installations = read_installations(auth)
    except HubError as error:
        yield not_read(error, f"{web}{app.settings_path('/installations')}")
    else:
        yield from check_installations(app, installations, web)


def open_auth(settings: Settings) -> AppAuth:
    """The App's identity, for requests that are not repeated. Raises ``SettingsError``."""
    require_app(settings)
    from dayhand.hub.auth import AppAuth
    from dayhand.hub.requester import PROGRESS, Sending

    return AppAuth(settings.api_url, settings.app_id, app_key(settings), sending=Sending(urgency=PROGRESS))


def check_clock(github: float | None, ours: float) -> Iterator[HealthFinding]:
    """GitHub's clock in its answer, and this machine's."""
    if github is None:
        return
    skew = ours - github
    if abs(skew) <= MAX_SKEW_SECONDS:
        yield HealthFinding(f"the clock agrees with GitHub's to {abs(skew):.0f} s")
        return
    yield HealthFinding(
        f"this machine's clock is {abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} GitHub's",
        FaultCode.CLOCK_SKEW,
        "Turn on time synchronization: sudo timedatectl set-ntp true",
    )


def check_permissions(app: AppRecord, web: str) -> Iterator[HealthFinding]:
    """Each permission that the App was registered without."""
    from dayhand.hub.permissions import PERMISSIONS

    lacking = _lacking(app.permissions, PERMISSIONS)
    for name, level in lacking.items():
        has = app.permissions.get(name)
        yield HealthFinding(
            f"the App is not granted {name}: {level}" + (f" (only {has})" if has else ""),
            FaultCode.PERMISSION_MISSING,
            f"Grant it at {web}{app.settings_path('/permissions')}, then accept it for each installation.",
        )
    if not lacking:
        yield HealthFinding(
            f"permissions: {', '.join(f'{name} {level}' for name, level in PERMISSIONS.items())}"
        )


def check_events(app: AppRecord, web: str) -> Iterator[HealthFinding]:
    """Each event that the App does not subscribe to."""
    from dayhand.hub.permissions import EVENTS

    missing = [name for name in EVENTS if name not in app.events]
    for name in missing:
        yield HealthFinding(
            f"the App does not subscribe to the event {name}",
            FaultCode.EVENT_MISSING,
            f"Tick it at {web}{app.settings_path('/permissions')}, under “Subscribe to events”.",
        )
    if not missing:
        yield HealthFinding(f"events: all {len(EVENTS)} that app.yml lists")


def check_installations(
    app: AppRecord, installations: tuple[InstalledOn, ...], web: str
) -> Iterator[HealthFinding]:
    """Where the App is installed, and whether each account accepted what the App asks for."""
    from dayhand.hub.permissions import PERMISSIONS

    if not installations:
        yield HealthFinding(
            "the App is not installed anywhere",
            FaultCode.NOT_INSTALLED,
            f"Install it: {web}/apps/{app.slug}/installations/new",
        )
        return
    for each in installations:
        accepts = {name: level for name, level in PERMISSIONS.items() if name in app.permissions}
        lacking = _lacking(each.permissions, accepts)
        if each.suspended:
            yield HealthFinding(
                f"the installation on {each.account} is suspended",
                FaultCode.SUSPENDED,
                f"Unsuspend it at {each.page.removesuffix('/permissions/update')}, or remove it.",
            )
        elif lacking:
            named = ", ".join(f"{name}: {level}" for name, level in lacking.items())
            yield HealthFinding(
                f"{each.account} has not accepted {named}",
                FaultCode.NOT_ACCEPTED,
                f"An owner of {each.account} accepts it at {each.page}",
            )
    yield HealthFinding(f"installed on {_some([each.account for each in installations])}")


def web_address(api_url: str) -> str:
    """The address of GitHub's pages for its API."""
    if is_public_github(api_url):
        return api_url.replace("//api.", "//", 1)
    return api_url.removesuffix("/api/v3")


def is_public_github(api_url: str) -> bool:
    """Whether it is a GitHub on the internet, which reaches public addresses only."""
    return api_url == PUBLIC or api_url.endswith(DATA_RESIDENCY)


def not_read(error: HubError, page: str) -> HealthFinding:
    """What GitHub does not let a check read is looked at by a person."""
    return HealthFinding(str(error), FaultCode.REFUSED_READING, f"Look at it yourself: {page}")


def _lacking(has: Mapping[str, str], needed: Mapping[str, str]) -> dict[str, str]:
    return {name: level for name, level in needed.items() if _rank(has.get(name, "")) < _rank(level)}


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else 0


def _some(names: list[str], shown: int = 3) -> str:
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")


def _is_set(settings: Settings) -> bool:
    return bool(
        settings.app_id and settings.webhook_secrets and (settings.private_key or settings.private_key_path)
    )


def _silent(settings: Settings, error: HubError) -> HealthFinding:
    reason = short_reason(error.__cause__) if error.__cause__ and not error.status else str(error)
    return HealthFinding(
        f"{settings.api_url} does not answer: {reason}",
        FaultCode.GITHUB_SILENT,
        f"Try `curl -sS {settings.api_url}/zen` on this machine. Check GITHUB_API_URL, and HTTPS_PROXY if there is a proxy.",
    )


def short_reason(error: BaseException) -> str:
    """The last part of a chain of errors: it is the one that a person can use."""
    return str(error).rpartition(": ")[2].rstrip("')\"") or type(error).__name__
