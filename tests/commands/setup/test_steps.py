"""After the registration: the installation, GitHub's ping and the model, each with its sentence."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dayhand.commands.doctor.codes import Health
from dayhand.commands.setup.steps import Pace, ask_model, receive_ping, wait_for_installation
from dayhand.hub.auth import AppAuth
from dayhand.hub.requester import Sending
from dayhand.localhub.server import LocalHub
from dayhand.localhub.state.models import App
from dayhand.scripted_model.moves import Move, Say, Script, ToolCall
from dayhand.scripted_model.name import SCRIPTED_MODEL
from dayhand.scripted_model.server import ScriptedServer
from dayhand.settings.table import Settings
from tests.app_key import app_key


class Web(ThreadingHTTPServer):
    """A server that answers deliveries with a status."""

    daemon_threads = True
    status = 202
    app_id = 0


class _Handler(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        self._answer(200, b'{"ok": true, "app": %d}' % self.server.app_id)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(self.server.status)

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@dataclass
class Registered:
    """An App that is registered and not yet installed."""

    hub: LocalHub
    app: App
    auth: AppAuth
    settings: Settings
    web: Web

    def pace(self) -> Pace:
        """Each pause lets the local GitHub send what it has; after forty of them time is over."""
        seconds = iter(range(int(time.time()), int(time.time()) + 40))
        return Pace(
            look_seconds=0.0,
            ping_seconds=30.0,
            server_seconds=3.0,
            sleep=lambda _seconds: self.hub.wait_idle(),
            clock=lambda: next(seconds),
        )


@pytest.fixture
def registered(tmp_path: Path) -> Iterator[Registered]:
    web = Web(("127.0.0.1", 0), _Handler)
    threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True).start()
    with LocalHub(tmp_path / "github") as hub:
        hub.actions.add_user("ada", "Ada")
        url = f"http://127.0.0.1:{web.server_port}"
        app = hub.actions.add_app(
            "day",
            permissions={},
            events=(),
            webhook_url=f"{url}/webhook",
            secret="s",
            owner="ada",
            key=app_key(),
        )
        web.app_id = app.id
        settings = Settings(
            tmp_path, app.id, app.private_key, api_url=hub.api_url, port=web.server_port, url=url
        )
        yield Registered(hub, app, AppAuth(hub.api_url, app.id, app.private_key), settings, web)
    web.shutdown()
    web.server_close()


def test_an_installation_is_waited_for_and_asked_for_once(registered: Registered) -> None:
    asked: list[int] = []
    looks = iter(range(5))

    def pause(_seconds: float) -> None:
        look = next(looks)
        if look == 1:
            registered.hub.faults.add("GET .*/installations", 502)
        if look == 3:
            registered.hub.actions.install(registered.app, "ada", [])

    registered.auth.sending = Sending(pauses=())
    pace = Pace(look_seconds=0.0, sleep=pause)
    finding = wait_for_installation(registered.auth, pace, waiting=lambda: asked.append(1))

    assert (finding.health, finding.text, asked) == (Health.GOOD, "installed on ada", [1])


PINGS = {  # how deliveries are answered at first and later, and what is found
    "it arrived": (202, 202, Health.GOOD, "arrived at"),
    "it arrives again": (500, 202, Health.GOOD, "arrived at"),
    "another secret": (401, 401, Health.BAD, "restart `dayhand up`"),
    "another server": (404, 404, Health.BAD, "Something else answers there"),
}


@pytest.mark.parametrize("form", PINGS)
def test_the_ping_is_asked_for_again_and_its_outcome_is_told(registered: Registered, form: str) -> None:
    first, later, health, words = PINGS[form]
    registered.web.status = first
    registered.hub.actions.ping(registered.app)
    registered.hub.wait_idle()
    registered.web.status = later

    finding = receive_ping(registered.settings, registered.auth, registered.pace(), waiting=list)

    assert finding.health is health
    assert words in f"{finding.text} {finding.advice}"
    assert len(registered.hub.webhooks.deliveries) == (1 if first == 202 else 2)


def test_an_address_where_nobody_answers_is_named(registered: Registered) -> None:
    registered.app.webhook_url = "http://127.0.0.1:9/webhook"
    registered.hub.actions.ping(registered.app)
    finding = receive_ping(registered.settings, registered.auth, registered.pace(), waiting=list)
    assert (finding.health, "failed to connect" in finding.text) == (Health.BAD, True)
    assert "DAYHAND_URL" in finding.advice


def test_a_server_that_starts_meanwhile_is_waited_for(registered: Registered) -> None:
    registered.hub.actions.ping(registered.app)
    registered.hub.wait_idle()
    registered.web.app_id = 0  # another Dayhand has the port

    def start() -> None:
        registered.web.app_id = registered.app.id

    finding = receive_ping(registered.settings, registered.auth, registered.pace(), waiting=start)
    assert (finding.health, "arrived" in finding.text) == (Health.GOOD, True)


def test_a_ping_is_not_asked_for_where_it_cannot_arrive(registered: Registered) -> None:
    def told(**changes: int) -> tuple[Health, str]:
        finding = receive_ping(
            replace(registered.settings, **changes), registered.auth, registered.pace(), waiting=list
        )  # type: ignore[arg-type]
        return finding.health, finding.text

    assert told(poll=5) == (Health.GOOD, "events: Dayhand reads GitHub's list every 5 seconds (DAYHAND_POLL)")
    for elsewhere in ({"port": 9}, {"app_id": 1}):  # nobody answers, or a Dayhand of another App
        health, text = told(**elsewhere)
        assert (health, "Dayhand is not running at 127.0.0.1" in text) == (Health.BAD, True)
    assert told()[1].startswith("webhook: GitHub no longer lists its ping")


MODELS: dict[str, tuple[Move, Health, str]] = {  # its reply, and what is found
    "a call": (ToolCall("report_colour", '{"colour": "red"}'), Health.GOOD, "scripted calls tools"),
    "text": (Say("red"), Health.BAD, "wrote text instead"),
}


@pytest.mark.parametrize("form", MODELS)
def test_the_model_is_asked_one_question(form: str) -> None:
    move, health, words = MODELS[form]
    with ScriptedServer([Script("setup", lambda _: True, lambda _: [move])]) as model:
        settings = Settings(Path("/nowhere"), openai_base_url=model.base_url, models=(SCRIPTED_MODEL,))
        results = list(ask_model(settings))
    (found,) = [each for each in results if words in each.text]
    assert found.health is health


def test_a_models_list_does_not_matter_if_the_model_answers() -> None:
    reply = ToolCall("report_colour", '{"colour": "red"}')
    with ScriptedServer([Script("setup", lambda _: True, lambda _: [reply])]) as model:
        settings = Settings(Path("/nowhere"), openai_base_url=model.base_url, models=("an-alias",))
        results = list(ask_model(settings))
    assert {each.health for each in results} == {Health.GOOD}, results


def test_without_a_model_no_question_is_asked() -> None:
    (finding,) = ask_model(Settings(Path("/nowhere")))
    assert (finding.health, "OPENAI_API_KEY" in finding.text) == (Health.BAD, True)
