"""GitHub's redirect: what does not belong here is refused, the code is used once, and nothing that it gave is lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from dayhand.commands.setup.credentials import CredentialFiles
from dayhand.commands.setup.pages import Progress
from dayhand.commands.setup.plan import AppPlan, make_plan
from dayhand.commands.setup.record import SetupRecord, new_record, only_one, read_record, save_record
from dayhand.commands.setup.registration_server import Registration, page_server
from dayhand.commands.setup.run import has_browser
from dayhand.errors import DayhandError, HubError, HubUnavailable, SettingsError
from dayhand.localhub.faults import RESET
from dayhand.localhub.server import LocalHub
from dayhand.settings.sources import read_dotenv
from dayhand.settings.table import read_settings


@dataclass
class Setup:
    """A set-up whose person has just confirmed the App on GitHub's page."""

    hub: LocalHub
    folder: Path
    plan: AppPlan
    record: SetupRecord
    redirect: str  # GitHub's, with the code

    def registration(self, **environ: str) -> Registration:
        return Registration(self.record, CredentialFiles(self.folder / ".env", environ), Progress("codex"))

    def changed(self, **query: str) -> str:
        """The redirect with another state or code; "" leaves it out."""
        parts = urlsplit(self.redirect)
        values = {**dict(parse_qsl(parts.query)), **query}
        return f"{parts.path}?{urlencode({name: value for name, value in values.items() if value})}"

    @property
    def stored(self) -> dict[str, str]:
        return {name: text.value for name, text in read_dotenv(self.folder / ".env").items()}


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    with LocalHub(tmp_path / "github") as hub:
        ada = hub.actions.add_user("ada", "Ada")
        folder = tmp_path / "dayhand"
        folder.mkdir()
        plan = make_plan(hub.api_url, organization="", name="day", url="http://127.0.0.1:9", poll=False)
        record = new_record(plan, 1)
        submission = hub.manifests.submit(plan.manifest(record.redirect_url), record.state, ada)
        save_record(folder, record)
        yield Setup(hub, folder, plan, record, hub.manifests.create(submission, "day"))


def test_the_redirect_stores_the_credentials_and_is_harmless_a_second_time(setup: Setup) -> None:
    registration = setup.registration()
    registration.accept(setup.redirect)
    before = setup.stored
    registration.accept(setup.redirect)

    (app,) = setup.hub.actions.apps.values()
    settings = read_settings({}, setup.folder / ".env")
    assert (settings.app_id, settings.webhook_secrets) == (app.id, (app.webhook_secret,))
    assert (settings.api_url, settings.url) == (setup.hub.api_url, "http://127.0.0.1:9")
    key = setup.folder / before["GITHUB_APP_PRIVATE_KEY_PATH"]
    assert key.read_text() == app.private_key
    assert [path.stat().st_mode & 0o777 for path in (key, setup.folder / ".env")] == [0o600, 0o600]
    assert setup.stored == before
    assert read_record(setup.folder) is None


FOREIGN = {  # what is changed in the redirect, and a part of the sentence
    "another state": ({"state": "x" * 43}, "does not belong to this set-up"),
    "no state": ({"state": ""}, "does not belong to this set-up"),
    "a state that is not ASCII": ({"state": "ä"}, "does not belong to this set-up"),
    "no code": ({"code": ""}, "sent no code"),
    "an unknown code": ({"code": "abc"}, "works once, within an hour"),
    "a code that is a path": ({"code": "../../user"}, "not a code of GitHub's"),
}


@pytest.mark.parametrize("form", FOREIGN)
def test_a_redirect_that_is_not_ours_is_refused_and_ours_still_works(setup: Setup, form: str) -> None:
    changes, sentence = FOREIGN[form]
    registration = setup.registration()
    with pytest.raises(DayhandError, match=sentence) as caught:
        registration.accept(setup.changed(**changes))
    assert caught.value.advice
    assert setup.stored == {}

    registration.accept(setup.redirect)
    assert setup.stored["GITHUB_APP_ID"]


def test_a_code_that_was_used_elsewhere_says_how_to_begin_again(setup: Setup) -> None:
    code = dict(parse_qsl(urlsplit(setup.redirect).query))["code"]
    setup.hub.manifests.redeem(code)
    with pytest.raises(HubError) as caught:
        setup.registration().accept(setup.redirect)
    assert f"{setup.hub.url}/settings/apps, delete it there" in caught.value.advice


OVERRIDES = {
    "the App's number": {"GITHUB_APP_ID": "1"},
    "a variable that is set to nothing": {"GITHUB_WEBHOOK_SECRET": ""},
    "a key as text": {"GITHUB_APP_PRIVATE_KEY": "-----BEGIN"},
    "another address": {"DAYHAND_URL": "https://other.example.org"},
    "another GitHub": {"GITHUB_API_URL": "https://api.github.com"},
}


@pytest.mark.parametrize("form", OVERRIDES)
def test_what_would_hide_the_credentials_is_named_before_the_code_is_used(setup: Setup, form: str) -> None:
    (name,) = OVERRIDES[form]
    with pytest.raises(SettingsError, match=name) as caught:
        setup.registration(**OVERRIDES[form]).accept(setup.redirect)
    assert f"unset {name}" in caught.value.advice

    setup.registration(GITHUB_API_URL=setup.hub.api_url).accept(setup.redirect)
    assert setup.stored["GITHUB_APP_ID"]


UNWRITABLE = {  # what stands where .env should be written
    "a folder": lambda path: path.mkdir(),
    "a device": lambda path: path.symlink_to("/dev/full"),
    "a link into nowhere": lambda path: path.symlink_to("/nowhere/at/all"),
    "a file that is not a text": lambda path: path.write_bytes(b"\xff\xfe"),
    "a broken line": lambda path: path.write_text("GITHUB_APP_ID\n"),
}


@pytest.mark.parametrize("form", UNWRITABLE)
def test_where_nothing_can_be_stored_the_code_is_not_used(setup: Setup, form: str) -> None:
    path = setup.folder / ".env"
    UNWRITABLE[form](path)
    with pytest.raises(SettingsError) as caught:
        setup.registration().accept(setup.redirect)
    assert caught.value.advice

    path.rmdir() if path.is_dir() else path.unlink()
    setup.registration().accept(setup.redirect)
    assert setup.stored["GITHUB_APP_ID"]


def test_what_was_received_is_stored_by_the_next_run(setup: Setup) -> None:
    """The process ends after GitHub gave the credentials: here a key file that cannot be replaced stops it."""
    (app,) = setup.hub.actions.apps.values()
    key = setup.folder / f"dayhand-{app.id}.private-key.pem"
    key.mkdir()
    with pytest.raises(SettingsError, match="could not be stored"):
        setup.registration().accept(setup.redirect)
    assert setup.stored == {}
    key.rmdir()

    kept = read_record(setup.folder)
    assert kept
    assert kept.credentials
    assert app.private_key not in repr(kept)
    Registration(kept, CredentialFiles(setup.folder / ".env", {}), Progress("codex")).store()
    assert setup.stored["GITHUB_APP_ID"] == str(app.id)


def test_other_lines_stay_in_env_and_a_former_app_is_replaced(setup: Setup) -> None:
    path = setup.folder / ".env"
    text = "# ours\r\nDAYHAND_LABEL=robot   # not codex\nGITHUB_APP_ID=\nexport A='two\nlines'\nDAYHAND_URL=https://old"
    path.write_bytes(text.encode())
    setup.registration().accept(setup.redirect)
    written = path.read_bytes().decode()
    assert written.startswith("# ours\r\nDAYHAND_LABEL=robot   # not codex\nexport A='two\nlines'\n")
    assert written.count("GITHUB_APP_ID=") == written.count("DAYHAND_URL=") == 1


def test_a_link_is_followed(setup: Setup, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("DAYHAND_LABEL=robot\n")
    (setup.folder / ".env").symlink_to(tmp_path / "real")
    setup.registration().accept(setup.redirect)
    assert (setup.folder / ".env").is_symlink()
    assert "GITHUB_APP_ID" in (tmp_path / "real").read_text()


PARTS = {
    "a number alone": "GITHUB_APP_ID=1",
    "no number": "GITHUB_APP_PRIVATE_KEY_PATH=a.pem\nGITHUB_WEBHOOK_SECRET=s",
    "no key": "GITHUB_APP_ID=1\nGITHUB_WEBHOOK_SECRET=s",
}


@pytest.mark.parametrize("form", PARTS)
def test_a_part_of_an_app_is_named(tmp_path: Path, form: str) -> None:
    (tmp_path / ".env").write_text(PARTS[form])
    with pytest.raises(SettingsError, match="a part of an App") as caught:
        CredentialFiles(tmp_path / ".env", {}).has_app()
    assert "to register a new App" in caught.value.advice


def test_the_second_at_once_reads_who_is_at_it_and_the_next_one_may(tmp_path: Path) -> None:
    with (
        only_one(tmp_path),
        pytest.raises(SettingsError, match=f"process {os.getpid()}, since"),
        only_one(tmp_path),
    ):
        pytest.fail("two at once")
    with only_one(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"plan": {}, "state": 1}', "\xff"])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / ".dayhand-setup.json").write_text(text, encoding="latin-1")
    with pytest.raises(SettingsError, match="how far the set-up has come") as caught:
        read_record(tmp_path)
    assert "Remove it" in caught.value.advice


def test_a_proxy_is_used_and_named_and_the_code_survives(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(HubUnavailable, match="proxy") as caught:
        setup.registration().accept(setup.redirect)
    assert "NO_PROXY" in caught.value.advice

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    setup.registration().accept(setup.redirect)
    assert setup.stored["GITHUB_APP_ID"]


@pytest.mark.parametrize(
    ("status", "sentence"), [(502, "status 502"), (429, "status 429"), (RESET, "does not answer")]
)
def test_a_github_that_fails_can_be_asked_again(setup: Setup, status: int, sentence: str) -> None:
    setup.hub.faults.add("POST .*/conversions", status)
    registration = setup.registration()
    with pytest.raises(HubUnavailable, match=sentence) as caught:
        registration.accept(setup.redirect)
    assert "The code stays valid" in caught.value.advice
    registration.accept(setup.redirect)
    assert setup.stored["GITHUB_APP_ID"]


def test_a_lost_answer_is_not_called_a_success(setup: Setup) -> None:
    setup.hub.faults.add("POST .*/conversions", RESET, after=True)
    registration = setup.registration()
    with pytest.raises(HubUnavailable):
        registration.accept(setup.redirect)
    with pytest.raises(HubError, match="works once") as caught:
        registration.accept(setup.redirect)
    assert "delete it there" in caught.value.advice
    assert setup.stored == {}


def test_the_pages_are_for_whoever_has_their_address(setup: Setup) -> None:
    with page_server(0) as server:
        server.registration = setup.registration()
        base = f"http://127.0.0.1:{server.server_address[1]}"

        def get(path: str, **headers: str) -> requests.Response:
            return requests.get(f"{base}{path}", headers=headers, timeout=60, allow_redirects=False)

        page = setup.record.page
        for guess in ("/", "/start/", f"/start/{page[:-1]}", "/status/x", "/start/ä", "/../.env"):
            assert get(guess).status_code == 404, guess
        assert get(f"/start/{page}", Host="evil.example.org").status_code == 404
        start = get(f"/start/{page}")
        assert setup.record.state in start.text
        assert "default-src 'none'" in start.headers["Content-Security-Policy"]
        foreign = get(setup.changed(state="<b>"))
        assert (foreign.status_code, "does not belong" in foreign.text) == (400, True)
        assert page not in foreign.text
        assert get(setup.changed()).headers["Location"] == f"/status/{page}"
        assert get(setup.changed()).status_code == 303, "reloaded"
        assert get(f"/start/{page}").status_code == 303, "the App is not registered twice"
        shown = get(f"/status/{page}").text
        secrets = [setup.stored["GITHUB_WEBHOOK_SECRET"], "PRIVATE KEY-----"]
        assert not any(secret in shown for secret in secrets)


def test_a_port_that_is_taken_is_replaced() -> None:
    with page_server(0) as first, page_server(int(first.server_address[1])) as second:
        assert first.server_address != second.server_address


SCREENS = {
    "none": ({}, False),
    "a display": ({"DISPLAY": ":0"}, True),
    "wayland": ({"WAYLAND_DISPLAY": "wayland-0"}, True),
    "a display that ssh forwards": ({"DISPLAY": ":10", "SSH_CONNECTION": "a b"}, False),
    "a browser of one's own": ({"BROWSER": "firefox", "SSH_CONNECTION": "a b"}, True),
}


@pytest.mark.parametrize("form", SCREENS)
def test_a_browser_is_only_opened_where_there_is_a_screen(form: str) -> None:
    environ, opened = SCREENS[form]
    assert has_browser(environ) is opened
