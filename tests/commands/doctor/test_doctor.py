"""The doctor tells what works, what could be better, and what has to be done: never that all is well when it is not."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dayhand.commands.doctor.codes import FaultCode, Health
from dayhand.commands.doctor.doctor import SECTIONS, examine, look
from dayhand.commands.doctor.files import check_modes
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.commands.doctor.machine import check_dashboard
from dayhand.commands.doctor.sandboxes import check_engine, check_sandbox
from dayhand.hub.permissions import EVENTS, PERMISSIONS
from dayhand.ledger.redis_server import embedded
from dayhand.localhub.server import LocalHub
from dayhand.scripted_model.moves import Script, ToolCall
from dayhand.scripted_model.name import SCRIPTED_MODEL
from dayhand.scripted_model.server import ScriptedServer
from dayhand.settings.dashboard_token import FILE, dashboard_token
from dayhand.settings.table import Settings
from tests.app_key import app_key
from tests.sandbox.image import require_image

ANSWER = Script("doctor", lambda _: True, lambda _: [ToolCall("report_colour", '{"colour": "red"}')])


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dayhand-doctor-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def settings(data: Path, tmp_path: Path) -> Iterator[Settings]:
    with LocalHub(tmp_path / "hub") as hub, embedded(data) as redis_url, ScriptedServer([ANSWER]) as model:
        hub.actions.add_user("ada", "Ada")
        app = hub.actions.add_app(
            "dayhand",
            permissions=PERMISSIONS,
            events=EVENTS,
            webhook_url="http://127.0.0.1:8080/webhook",
            secret="s",
            owner="ada",
            key=app_key(),
        )
        hub.actions.install(app, "ada", [], silent=True)
        yield Settings(
            data=data,
            api_url=hub.api_url,
            app_id=app.id,
            private_key=app.private_key,
            webhook_secrets=("s",),
            openai_base_url=model.base_url,
            models=(SCRIPTED_MODEL,),
            redis_url=redis_url,
            sandbox="bubblewrap",
        )


def faults(settings: Settings) -> list[FaultCode]:
    return [each.fault for section in look(settings) for each in section.findings if each.fault]


def test_where_everything_is_there_nothing_is_bad(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert examine(settings, as_json=False) == 0

    findings = capsys.readouterr().out
    assert "✗" not in findings
    assert f"✓ {settings.api_url} knows App {settings.app_id} as dayhand" in findings
    assert "✓ bubblewrap: boxes work, with /" in findings
    assert "✓ a box could not reach" in findings
    assert f"✓ {SCRIPTED_MODEL} calls tools" in findings
    assert "4096 MB" in findings


def test_an_empty_machine_is_told_what_to_do(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = Settings(data=data, redis_url="redis://:canary@127.0.0.1:1", sandbox="bubblewrap")

    assert examine(nothing, as_json=True) == 1

    text = capsys.readouterr().out
    report = json.loads(text)
    bad = [each for each in report["findings"] if each["status"] == "fault"]
    assert [each["code"] for each in bad] == ["DH-GH-01", "DH-RED-01", "DH-MOD-01"]
    assert all(each["cause"] and each["cure"] and each["page"] for each in bad)
    assert (report["ok"], report["faults"]) == (False, 3)
    assert report["settings"]["REDIS_URL"] == "set (not shown)"
    assert "canary" not in text


def test_what_the_settings_point_at_is_examined_and_not_the_end_of_the_doctor(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"\xff")
    wrong = replace(
        settings,
        private_key="",
        private_key_path=tmp_path / "none.pem",
        data=tmp_path / "file" / "data",
        prices=tmp_path / "file",
    )

    found = [fault for fault in faults(wrong) if fault.health is Health.BAD]

    assert found == [FaultCode.DATA_FOLDER, FaultCode.APP_KEY_UNREADABLE, FaultCode.PRICES_WRONG]


def test_the_quick_part_opens_no_sandbox_and_asks_no_model(settings: Settings) -> None:
    with ScriptedServer([ANSWER]) as model:
        found = list(look(replace(settings, openai_base_url=model.base_url), full=False))
        assert model.count == 0
    assert [section.name for section in found] == [section.name for section in SECTIONS if section.quick]


def test_an_engine_that_is_asked_for_and_silent_is_bad(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")

    *_, last = check_sandbox(replace(settings, sandbox="docker"))

    assert last.fault is FaultCode.NO_SANDBOX
    assert "does not answer" in last.observed


def test_an_engine_with_the_image_is_examined(settings: Settings) -> None:
    client, image = require_image()
    with contextlib.closing(client):
        findings = list(check_sandbox(replace(settings, sandbox="docker", sandbox_image=image)))

    assert {each.health for each in findings} <= {Health.GOOD, Health.WEAK}
    assert findings[-1].observed == f"docker: boxes work, with the image {image}"
    assert any("engine" in each.observed for each in findings)


def test_an_engine_without_the_image_is_not_taken_and_that_is_told(settings: Settings) -> None:
    client, _ = require_image()
    client.close()

    auto = replace(settings, sandbox="auto", sandbox_image="no-such-image")
    (unused,) = check_engine(auto)

    assert any("tasks run in bubblewrap" in each.observed for each in check_sandbox(auto))
    assert unused.fault is FaultCode.ENGINE_UNUSED
    assert "docker build" in unused.cure
    assert list(check_engine(replace(auto, sandbox="bubblewrap"))) == []


def test_the_dashboards_token_is_found_but_never_shown(tmp_path: Path) -> None:
    def dashboard() -> HealthFinding:
        (finding,) = check_dashboard(Settings(data=tmp_path))
        return finding

    assert dashboard().fault is None
    token = dashboard_token(Settings(data=tmp_path))
    assert dashboard().fault is None
    assert str(tmp_path / FILE) in dashboard().observed
    assert token not in f"{dashboard()}"
    (tmp_path / FILE).chmod(0o644)
    assert dashboard().fault is FaultCode.DASHBOARD_TOKEN
    assert dashboard().cure


MODES = {  # the faults of one setting: what is made, its mode and its folder's, and what the doctor says
    "key, all": (
        "private_key_path",
        0o644,
        0o700,
        "private key: every user of this machine can read or write",
    ),
    "key, group": ("private_key_path", 0o640, 0o700, "private key: every user in group"),
    "key, folder": ("private_key_path", 0o600, 0o777, "private key: every user of this machine can replace"),
    "data, all": ("data", 0o757, 0o700, "data folder: every user of this machine can write"),
    "data, group": ("data", 0o770, 0o700, "data folder: every user in group"),
    "data, folder": ("data", 0o700, 0o777, "data folder: every user of this machine can replace"),
    ".env, all": (".env", 0o604, 0o700, ".env: every user of this machine can read or write"),
    "key": ("private_key_path", 0o600, 0o700, ""),
    "data that can be listed": ("data", 0o755, 0o755, ""),
    "a folder for all with the sticky bit": ("data", 0o700, 0o1777, ""),
}


@pytest.mark.parametrize("fault", MODES)
def test_what_other_users_can_read_or_replace_is_a_fault_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    name, mode, folder_mode, said = MODES[fault]
    path = tmp_path / "folder" / name
    path.parent.mkdir()
    path.mkdir() if name == "data" else path.touch()
    path.chmod(mode)
    path.parent.chmod(folder_mode)
    monkeypatch.chdir(path.parent)
    settings = Settings(data=path if name == "data" else tmp_path / "none")

    found = list(
        check_modes(settings if name != "private_key_path" else replace(settings, private_key_path=path))
    )

    faults = [each for each in found if each.fault]
    assert [each.observed.startswith(said) for each in faults] == ([True] if said else [])
    assert all("chmod" in each.cure for each in faults)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_a_key_of_another_user_is_a_fault(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch(0o600)
    os.chown(key, 61_234, 61_234)

    (found,) = check_modes(Settings(data=tmp_path / "none", private_key_path=key))

    assert found.fault is FaultCode.OTHER_OWNER
    assert found.observed.endswith("belongs to user 61234, who can change it")
