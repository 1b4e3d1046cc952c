"""What GitHub knows about the App, compared with what Dayhand needs: each fault is shown, and none where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.commands.doctor.github import (
    MAX_SKEW_SECONDS,
    check_app,
    check_clock,
    check_events,
    check_installations,
    check_permissions,
)
from dayhand.commands.doctor.webhook import check_attempts, check_record, check_webhook
from dayhand.hub.app_record import Account, AppRecord, InstalledOn, WebhookRecord
from dayhand.hub.missed.deliveries import DeliveryRecord
from dayhand.hub.permissions import EVENTS, PERMISSIONS
from dayhand.localhub.server import LocalHub
from dayhand.localhub.state.models import App
from dayhand.settings.table import Settings
from tests.app_key import app_key

WEB = "https://github.com"
SETTINGS = Settings(data=Path("/nowhere"), app_id=7, url="https://dayhand.example.org")
APP = AppRecord(
    7, "dayhand", "https://github.com/apps/dayhand", Account("acme", True), "Iv7", dict(PERMISSIONS), EVENTS
)
INSTALLED = InstalledOn(
    "acme", f"{WEB}/organizations/acme/settings/installations/9/permissions/update", dict(PERMISSIONS), False
)
HOOK = WebhookRecord("https://dayhand.example.org/webhook", "json", has_secret=True, insecure_ssl=False)
APP_PAGE = f"{WEB}/organizations/acme/settings/apps/dayhand"


def faults(findings: Iterator[HealthFinding]) -> list[FaultCode]:
    found = list(findings)
    assert found, "a check says what it saw"
    assert all(each.cure for each in found if each.fault), "a fault has a cure"
    return [each.fault for each in found if each.fault]


@pytest.mark.parametrize(
    ("permissions", "expected", "said"),
    [
        (PERMISSIONS, [], ""),
        (PERMISSIONS | {"contents": "admin", "actions": "read"}, [], ""),
        (PERMISSIONS | {"issues": "read"}, [FaultCode.PERMISSION_MISSING], "issues: write (only read)"),
        (
            {"metadata": "read", "contents": "write", "issues": "write"},
            [FaultCode.PERMISSION_MISSING] * 2,
            "pull_requests: write",
        ),
        (PERMISSIONS | {"checks": "own"}, [FaultCode.PERMISSION_MISSING], "checks: write (only own)"),
    ],
)
def test_each_missing_permission_is_named_with_the_page_that_grants_it(
    permissions: dict[str, str], expected: list[FaultCode], said: str
) -> None:
    app = replace(APP, permissions=permissions)
    assert faults(check_permissions(app, WEB)) == expected
    first = next(check_permissions(app, WEB))
    assert said in first.observed
    assert bool(expected) == (f"{APP_PAGE}/permissions" in first.cure)


def test_the_pages_of_a_users_app_are_elsewhere() -> None:
    app = replace(APP, owner=Account("ada", False), events=("issues",))
    assert f"{WEB}/settings/apps/dayhand/permissions" in next(check_events(app, WEB)).cure


@pytest.mark.parametrize(
    ("events", "missing"),
    [
        (EVENTS, []),
        ((*EVENTS, "star"), []),
        (tuple(name for name in EVENTS if name not in ("push", "issue_comment")), ["issue_comment", "push"]),
    ],
)
def test_each_missing_event_is_named(events: tuple[str, ...], missing: list[str]) -> None:
    app = replace(APP, events=events)
    assert faults(check_events(app, WEB)) == [FaultCode.EVENT_MISSING] * len(missing)
    shown = [each.observed for each in check_events(app, WEB) if each.fault]
    assert [text.rpartition(" ")[2] for text in shown] == missing


@pytest.mark.parametrize(
    ("installations", "expected", "cure"),
    [
        ((), [FaultCode.NOT_INSTALLED], f"{WEB}/apps/dayhand/installations/new"),
        ((INSTALLED,), [], ""),
        (
            (INSTALLED, replace(INSTALLED, permissions={"metadata": "read", "contents": "write"})),
            [FaultCode.NOT_ACCEPTED],
            INSTALLED.page,
        ),
        ((replace(INSTALLED, suspended=True),), [FaultCode.SUSPENDED], "settings/installations/9,"),
    ],
)
def test_each_account_that_has_to_do_something_is_named_with_its_page(
    installations: tuple[InstalledOn, ...], expected: list[FaultCode], cure: str
) -> None:
    assert faults(check_installations(APP, installations, WEB)) == expected
    assert cure in next(check_installations(APP, installations, WEB)).cure


def test_what_the_app_itself_lacks_is_not_reported_again_for_each_account() -> None:
    lacking = {name: level for name, level in PERMISSIONS.items() if name != "checks"}
    app, installed = replace(APP, permissions=lacking), replace(INSTALLED, permissions=lacking)
    assert faults(check_installations(app, (installed,), WEB)) == []


@pytest.mark.parametrize("skew", [0, MAX_SKEW_SECONDS, -MAX_SKEW_SECONDS, MAX_SKEW_SECONDS + 1, -4000])
def test_a_clock_that_differs_too_much_is_a_fault(skew: float) -> None:
    expected = [FaultCode.CLOCK_SKEW] if abs(skew) > MAX_SKEW_SECONDS else []
    assert faults(check_clock(1e9, 1e9 + skew)) == expected


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (HOOK, []),
        (replace(HOOK, url=HOOK.url + "/"), []),
        (replace(HOOK, url=""), [FaultCode.WEBHOOK_ELSEWHERE]),
        (replace(HOOK, url="https://dayhand.example.org"), [FaultCode.WEBHOOK_ELSEWHERE]),
        (replace(HOOK, url="http://dayhand.example.org/webhook"), [FaultCode.WEBHOOK_ELSEWHERE]),
        (replace(HOOK, content_type="form"), [FaultCode.WEBHOOK_FORM]),
        (replace(HOOK, has_secret=False), [FaultCode.WEBHOOK_NO_SECRET]),
        (replace(HOOK, insecure_ssl=True), [FaultCode.WEBHOOK_UNVERIFIED]),
        (
            replace(HOOK, url="https://me:canary@old.example.org/webhook", has_secret=False),
            [FaultCode.WEBHOOK_ELSEWHERE, FaultCode.WEBHOOK_NO_SECRET],
        ),
    ],
)
def test_githubs_record_of_the_webhook_is_compared(hook: WebhookRecord, expected: list[FaultCode]) -> None:
    found = list(check_record(SETTINGS, hook, APP_PAGE))
    assert faults(iter(found)) == expected
    assert all(APP_PAGE in each.cure for each in found if each.fault)
    assert "canary" not in str(found)
    assert faults(check_record(replace(SETTINGS, poll=5), hook, APP_PAGE)) == [], "nobody delivers to it"


def attempt(status_code: int, status: str = "") -> DeliveryRecord:
    return DeliveryRecord(1, "guid", "issues", "labeled", 0.0, 200 <= status_code < 300, status, status_code)


@pytest.mark.parametrize(
    ("attempts", "expected", "said"),
    [  # the newest first
        ([], [], "sent no delivery"),
        ([attempt(202)] * 3, [], "all of the last 3"),
        ([attempt(202), attempt(401)], [FaultCode.DELIVERIES_FAILED], "1 of the last 2"),
        ([attempt(401), attempt(202)], [FaultCode.SECRET_DIFFERS], "1 of 2 failed"),
        ([attempt(503), attempt(401)], [FaultCode.DELIVERIES_FAIL], "status 503"),
        ([attempt(302)], [FaultCode.DELIVERIES_FAIL], "status 302"),
        ([attempt(0, "failed to connect to host")], [FaultCode.DELIVERIES_FAIL], "failed to connect"),
    ],
)
def test_failed_deliveries_are_told_apart(
    attempts: list[DeliveryRecord], expected: list[FaultCode], said: str
) -> None:
    assert faults(check_attempts(SETTINGS, attempts, APP_PAGE)) == expected
    assert said in next(check_attempts(SETTINGS, attempts, APP_PAGE)).observed


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    with LocalHub(tmp_path_factory.mktemp("hub")) as server:
        yield server


def registered(hub: LocalHub, **changes: object) -> tuple[App, Settings]:
    values = {"permissions": PERMISSIONS, "events": EVENTS, "webhook_url": "", "secret": "s", "owner": "ada"}
    app = hub.actions.add_app(f"app{len(hub.actions.apps)}", key=app_key(), **(values | changes))  # type: ignore[arg-type]
    return app, replace(
        SETTINGS, api_url=hub.api_url, app_id=app.id, private_key=app.private_key, webhook_secrets=("s",)
    )


def test_a_healthy_app_has_no_fault(hub: LocalHub) -> None:
    app, settings = registered(hub, webhook_url="https://dayhand.example.org/webhook")
    hub.actions.install(app, "ada", [], silent=True)
    assert faults(check_app(settings)) == []
    assert faults(check_webhook(settings)) == []


def test_an_app_that_lacks_everything_is_told_so_by_github_itself(hub: LocalHub) -> None:
    _, settings = registered(hub, permissions={"metadata": "read"}, events=(), secret="")
    assert set(faults(check_app(settings))) == {
        FaultCode.PERMISSION_MISSING,
        FaultCode.EVENT_MISSING,
        FaultCode.NOT_INSTALLED,
    }
    assert faults(check_webhook(settings)) == [FaultCode.WEBHOOK_ELSEWHERE, FaultCode.WEBHOOK_NO_SECRET]


def test_a_delivery_that_github_could_not_make_is_found_in_its_list(hub: LocalHub) -> None:
    app, settings = registered(hub, webhook_url="http://127.0.0.1:1/webhook")
    hub.actions.install(app, "ada", [])
    hub.wait_idle()
    assert FaultCode.DELIVERIES_FAIL in faults(check_webhook(settings))


def test_what_keeps_the_app_from_github_is_told_apart(hub: LocalHub) -> None:
    app, settings = registered(hub)
    other, _ = registered(hub)
    cases = {
        FaultCode.APP_NOT_SET: replace(settings, webhook_secrets=()),
        FaultCode.APP_KEY_UNREADABLE: replace(settings, private_key="nonsense"),
        FaultCode.APP_KEY_REFUSED: replace(settings, app_id=other.id + 1000),
        FaultCode.GITHUB_SILENT: replace(settings, api_url="http://127.0.0.1:1/api/v3"),
    }
    assert {fault: faults(check_app(wrong)) for fault, wrong in cases.items()} == {
        fault: [fault] for fault in cases
    }
    (silent,) = check_app(cases[FaultCode.GITHUB_SILENT])
    assert silent.observed == "http://127.0.0.1:1/api/v3 does not answer: [Errno 111] Connection refused"
    hub.faults.add("GET /api/v3/app/installations", 403)
    hub.actions.install(app, "ada", [], silent=True)
    assert faults(check_app(settings)) == [FaultCode.REFUSED_READING]
    hub.faults.add("GET /api/v3/app/hook/config", 404)
    assert faults(check_webhook(settings)) == [FaultCode.REFUSED_READING]


def test_a_key_that_is_refused_because_of_the_clock_is_the_clocks_fault_too(hub: LocalHub) -> None:
    _, settings = registered(hub)
    wrong = replace(settings, app_id=9999)
    assert faults(check_app(wrong, clock=lambda: 1.0)) == [FaultCode.CLOCK_SKEW, FaultCode.APP_KEY_REFUSED]
