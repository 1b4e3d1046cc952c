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

from dayhand.commands.doctor import examine, look
from dayhand.commands.file_modes import examine_modes
from dayhand.ledger.redis_server import embedded
from dayhand.localhub.server import LocalHub
from dayhand.sandbox.health import Health, HealthFinding
from dayhand.scripted_model.moves import SCRIPTED_MODEL
from dayhand.scripted_model.server import ScriptedServer
from dayhand.settings.dashboard_token import FILE, dashboard_token
from dayhand.settings.table import Settings
from tests.app_key import app_key
from tests.sandbox.image import require_image

HEALTHY = {Health.GOOD, Health.WEAK}


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dayhand-doctor-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def settings(data: Path, tmp_path: Path) -> Iterator[Settings]:
    with LocalHub(tmp_path / "hub") as hub, embedded(data) as redis_url, ScriptedServer([]) as model:
        hub.actions.add_user("ada", "Ada")
        app = hub.actions.add_app(
            "dayhand",
            permissions={"metadata": "read"},
            events=[],
            webhook_url="",
            secret="s",
            owner="ada",
            key=app_key(),
        )
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


def test_where_everything_is_there_nothing_is_bad(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert examine(settings, as_json=False) == 0

    findings = capsys.readouterr().out
    assert "✗" not in findings
    assert "✓ GitHub App: dayhand[bot]" in findings
    assert "✓ bubblewrap: boxes work, with /" in findings
    assert "4096 MB" in findings


def test_an_empty_machine_is_told_what_to_do(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = Settings(data=data, redis_url="redis://127.0.0.1:1", sandbox="bubblewrap")

    assert examine(nothing, as_json=True) == 1

    bad = [each for each in json.loads(capsys.readouterr().out) if each["health"] == "bad"]
    assert [each["what"].partition(":")[0] for each in bad] == ["GitHub App", "Redis", "model"]
    assert all(each["advice"] for each in bad)


def test_a_key_that_is_no_key_is_bad(settings: Settings) -> None:
    (findings,) = [
        each for each in look(replace(settings, private_key="nonsense")) if "GitHub App" in each.what
    ]

    assert findings.health is Health.BAD


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

    findings = [each for each in look(wrong) if each.health is Health.BAD]

    assert [each.what.partition(":")[0] for each in findings[:3]] == ["GitHub App", "data folder", "prices"]
    assert all(each.advice for each in findings[:3])


def test_an_engine_that_is_asked_for_and_silent_is_bad(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")

    findings = list(look(replace(settings, sandbox="docker")))

    assert findings[-1].health is Health.BAD
    assert "does not answer" in findings[-1].what


def test_an_engine_with_the_image_is_examined(settings: Settings) -> None:
    client, image = require_image()
    with contextlib.closing(client):
        findings = list(look(replace(settings, sandbox="docker", sandbox_image=image)))

    assert {each.health for each in findings} <= HEALTHY
    assert findings[-1].what == f"docker: boxes work, with the image {image}"
    assert any("engine" in each.what for each in findings)


def test_an_engine_without_the_image_is_not_taken_and_that_is_told(settings: Settings) -> None:
    client, _ = require_image()
    client.close()

    findings = list(look(replace(settings, sandbox="auto", sandbox_image="no-such-image")))

    assert any("tasks run in bubblewrap" in each.what for each in findings)
    assert "has no image no-such-image, so it is not used" in findings[-1].what
    assert "docker build" in findings[-1].advice


def test_the_dashboards_token_is_found_but_never_shown(tmp_path: Path) -> None:
    def dashboard() -> HealthFinding:
        (finding,) = [each for each in look(Settings(data=tmp_path)) if each.what.startswith("dashboard:")]
        return finding

    assert dashboard().health is Health.GOOD
    token = dashboard_token(Settings(data=tmp_path))
    assert dashboard().health is Health.GOOD
    assert str(tmp_path / FILE) in dashboard().what
    assert token not in f"{dashboard()}"
    (tmp_path / FILE).chmod(0o644)
    assert dashboard().health is Health.BAD
    assert dashboard().advice


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
        examine_modes(settings if name != "private_key_path" else replace(settings, private_key_path=path))
    )

    assert [each.what.startswith(said) for each in found] == ([True] if said else [])
    assert all("chmod" in each.advice for each in found)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_a_key_of_another_user_is_a_fault(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch(0o600)
    os.chown(key, 61_234, 61_234)

    (found,) = examine_modes(Settings(data=tmp_path / "none", private_key_path=key))

    assert found.what.endswith("belongs to user 61234, who can change it")
