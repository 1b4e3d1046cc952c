"""What follows the registration: the App is installed, GitHub reaches this machine, and the model answers."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dayhand.commands.doctor.codes import Health
from dayhand.commands.doctor.model import check_models
from dayhand.commands.setup.result import StepResult, from_doctor
from dayhand.errors import HubUnavailable
from dayhand.hub.app_record import read_installations
from dayhand.hub.auth import AppAuth
from dayhand.hub.missed.deliveries import DeliveryRecord, list_deliveries, redeliver
from dayhand.settings.table import Settings

LOOK_SECONDS = 2.0
MAX_BYTES = 4096
PING_SECONDS = 30.0
SERVER_SECONDS = 120.0
LISTED_SECONDS = 3 * 24 * 3600.0  # how long GitHub keeps a delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often GitHub is asked, and for how long."""

    look_seconds: float = LOOK_SECONDS
    ping_seconds: float = PING_SECONDS
    server_seconds: float = SERVER_SECONDS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time


def wait_for_installation(auth: AppAuth, pace: Pace, *, waiting: Callable[[], None]) -> StepResult:
    """Wait until the App is installed; ``waiting`` is called once if it is not yet. Raises ``HubError``."""
    announced = False
    while True:
        try:
            accounts = [each.account for each in read_installations(auth)]
        except HubUnavailable:
            accounts = []  # asked again: the person may be on GitHub's page right now
        if accounts:
            return StepResult(Health.GOOD, f"installed on {', '.join(accounts)}")
        if not announced:
            waiting()
            announced = True
        pace.sleep(pace.look_seconds)


def receive_ping(settings: Settings, auth: AppAuth, pace: Pace, *, waiting: Callable[[], None]) -> StepResult:
    """Ask GitHub to send its first event again, and wait for it; ``waiting`` is called if Dayhand does not run yet.

    Raises ``HubError``.
    """
    if settings.poll:
        return StepResult(
            Health.GOOD, f"events: Dayhand reads GitHub's list every {settings.poll} seconds (DAYHAND_POLL)"
        )
    if not _wait_for_server(settings, pace, waiting):
        return StepResult(
            Health.BAD,
            f"webhook: Dayhand is not running at {settings.bind_address}, so GitHub's ping cannot arrive",
            "Start `dayhand up` in another terminal, then run `dayhand setup` again.",
        )
    ping = _newest_ping(auth, pace)
    if ping is None:
        return StepResult(
            Health.WEAK,
            "webhook: GitHub no longer lists its ping, which it keeps for three days",
            "Whether deliveries arrive is shown on the App's page under Advanced.",
        )
    if not ping.succeeded:
        redeliver(auth, ping.id)
        ping = _wait_for_attempt(auth, ping, pace)
    if ping.succeeded:
        return StepResult(Health.GOOD, f"webhook: GitHub's ping arrived at {settings.url}/webhook")
    return StepResult(
        Health.BAD,
        f"webhook: GitHub's ping did not arrive at {settings.url}/webhook ({ping.status})",
        _cure(ping.status_code),
    )


def _wait_for_server(settings: Settings, pace: Pace, waiting: Callable[[], None]) -> bool:
    """Wait until the web server of this machine answers; false if it takes too long."""
    if is_running(settings):
        return True
    waiting()
    ends = pace.clock() + pace.server_seconds
    while pace.clock() < ends:
        pace.sleep(pace.look_seconds)
        if is_running(settings):
            return True
    return False


def _newest_ping(auth: AppAuth, pace: Pace) -> DeliveryRecord | None:
    records = list_deliveries(auth, pace.clock() - LISTED_SECONDS)
    return next((each for each in records if each.event == "ping"), None)


def _wait_for_attempt(auth: AppAuth, former: DeliveryRecord, pace: Pace) -> DeliveryRecord:
    """The attempt after this one. While there is none, the former."""
    ends = pace.clock() + pace.ping_seconds
    while pace.clock() < ends:
        newest = _newest_ping(auth, pace)
        if newest and newest.id != former.id and newest.status != "pending":
            return newest
        pace.sleep(pace.look_seconds)
    return former


def _cure(status: int) -> str:
    if status == 401:
        return "Another GITHUB_WEBHOOK_SECRET is in use: restart `dayhand up`, so that it reads .env."
    if status:
        return "Something else answers there: pass /webhook of that address on to Dayhand, then run `dayhand setup` again."
    return "Check DAYHAND_URL, its DNS name, certificate and firewall; then run `dayhand setup` again."


def is_running(settings: Settings) -> bool:
    """Whether the web server of this machine answers, for this App."""
    connection = http.client.HTTPConnection(settings.host.strip("[]"), settings.port, timeout=3)
    try:
        connection.request("GET", "/healthz")
        return bool(json.loads(connection.getresponse().read(MAX_BYTES))["app"] == settings.app_id)
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError):
        return False
    finally:
        connection.close()


def ask_model(settings: Settings) -> Iterator[StepResult]:
    """Ask the models one question, as the doctor does. Their server's list only matters if they do not answer it."""
    listed = list(check_models(settings))
    if all(each.health is not Health.BAD for each in listed):
        # It takes a second to import, and only this step needs it.
        from dayhand.commands.doctor.model_question import ask_models

        answers = list(ask_models(settings))
        listed = answers if all(each.health is not Health.BAD for each in answers) else [*listed, *answers]
    yield from (from_doctor("model", each) for each in listed)
