"""What follows the registration: the App is installed, GitHub reaches this machine, and the model answers."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dayhand.commands.model_check import examine_model
from dayhand.errors import HubUnavailable, ModelError
from dayhand.hub.auth import AppAuth
from dayhand.hub.deliveries import DeliveryRecord, list_deliveries, redeliver
from dayhand.hub.registration import list_accounts
from dayhand.sandbox.health import Health, HealthFinding
from dayhand.settings.table import Settings

LOOK_SECONDS = 2.0
PING_SECONDS = 30.0
LISTED_SECONDS = 3 * 24 * 3600.0  # how long GitHub keeps a delivery
QUESTION = "What is 17 plus 4? Answer with the number only."


@dataclass(frozen=True, slots=True)
class Pace:
    """How often GitHub is asked, and for how long."""

    look_seconds: float = LOOK_SECONDS
    ping_seconds: float = PING_SECONDS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time


def wait_for_installation(auth: AppAuth, pace: Pace, *, waiting: Callable[[], None]) -> HealthFinding:
    """Wait until the App is installed; ``waiting`` is called once if it is not yet. Raises ``HubError``."""
    announced = False
    while True:
        try:
            accounts = list_accounts(auth)
        except HubUnavailable:
            accounts = []  # asked again: the person may be on GitHub's page right now
        if accounts:
            return HealthFinding(Health.GOOD, f"installed on {', '.join(accounts)}")
        if not announced:
            waiting()
            announced = True
        pace.sleep(pace.look_seconds)


def receive_ping(settings: Settings, auth: AppAuth, pace: Pace) -> HealthFinding:
    """Ask GitHub to send its first event again, and wait for it. Raises ``HubError``."""
    if settings.poll:
        return HealthFinding(
            Health.GOOD, f"events: Dayhand reads GitHub's list every {settings.poll} seconds (DAYHAND_POLL)"
        )
    if not is_running(settings):
        return HealthFinding(
            Health.WEAK,
            f"webhook: Dayhand is not running at {settings.bind_address}, so GitHub's ping cannot arrive",
            "Start `dayhand up` in another terminal, then run `dayhand setup` again.",
        )
    ping = _newest_ping(auth, pace)
    if ping is None:
        return HealthFinding(
            Health.WEAK,
            "webhook: GitHub no longer lists its ping, which it keeps for three days",
            "Whether deliveries arrive is shown on the App's page under Advanced.",
        )
    if not ping.succeeded:
        redeliver(auth, ping.id)
        ping = _wait_for_attempt(auth, ping, pace)
    if ping.succeeded:
        return HealthFinding(Health.GOOD, f"webhook: GitHub's ping arrived at {settings.url}/webhook")
    return HealthFinding(
        Health.BAD,
        f"webhook: GitHub's ping did not arrive at {settings.url}/webhook ({ping.status})",
        _cure(ping.status_code),
    )


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
    """Whether the web server of this machine answers."""
    connection = http.client.HTTPConnection(settings.host.strip("[]"), settings.port, timeout=3)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def ask_model(settings: Settings) -> Iterator[HealthFinding]:
    """Look the models up in their server's list, and ask the first one question."""
    found = list(examine_model(settings))
    yield from found
    if any(each.health is Health.BAD for each in found):
        return
    # These take a second to import, and only this step needs them.
    from dayhand.agent.model.base import Listener
    from dayhand.agent.model.client import ModelClient
    from dayhand.agent.model.items import message
    from dayhand.agent.model.remote import RemoteModel
    from dayhand.agent.model.retry import RetryPolicy
    from dayhand.wiring.models import model_certificates

    patience = RetryPolicy(max_total_wait=20.0, max_attempts=2, max_connects=1, reply_timeout=120.0)
    listener = Listener(lambda _text: None, lambda _fault: None, lambda: None)
    with ModelClient(
        settings.openai_base_url, settings.openai_api_key, verify=model_certificates()
    ) as client:
        model = RemoteModel(client, settings.models[0], retry_policy=patience)
        try:
            reply = model.reply([message("user", QUESTION)], [], cache_key="dayhand-setup", listener=listener)
        except ModelError as error:
            yield HealthFinding(Health.BAD, f"model: {error}", error.advice)
            return
    answer = " ".join(reply.text.split())[:60]
    if answer:
        yield HealthFinding(Health.GOOD, f"model: {model.name} answers: 17 plus 4 is “{answer}”")
    else:
        yield HealthFinding(
            Health.BAD, f"model: {model.name} answered without a word", "Set DAYHAND_MODEL to another model."
        )
