"""What a command requires of its settings and of the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dayhand.errors import SettingsError
from dayhand.hub.auth import load_key
from dayhand.ledger.redis_server import connect, embedded
from dayhand.settings.required import MAX_KEY_BYTES, open_redis, require_app, require_data
from dayhand.settings.required import app_key as read_app_key
from dayhand.settings.table import Settings, read_settings
from tests.app_key import app_key, app_key_pem

PEM = app_key_pem()
APP = {"GITHUB_APP_ID": "7", "GITHUB_WEBHOOK_SECRET": "s"}


def test_what_the_app_needs_is_named_when_it_is_missing() -> None:
    settings = read_settings({"GITHUB_APP_ID": "7"}, dotenv=None)
    with pytest.raises(SettingsError, match=r"GITHUB_APP_PRIVATE_KEY.*GITHUB_WEBHOOK_SECRET"):
        require_app(settings)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"\xff\x00", "is a binary file, not a .pem"),
        (b"x" * (MAX_KEY_BYTES + 1), "is too large for a key"),
    ],
)
def test_a_key_file_that_cannot_be_one_is_refused(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    settings = read_settings({**APP, "GITHUB_APP_PRIVATE_KEY_PATH": str(path)}, dotenv=None)
    with pytest.raises(SettingsError) as refused:
        require_app(settings)
    assert str(refused.value) == f"GITHUB_APP_PRIVATE_KEY_PATH: {path} {says}."
    assert refused.value.advice.startswith("Point it at the .pem file")


def test_a_folder_or_a_pipe_in_place_of_a_key_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(SettingsError, match="is not a file"):
            read_app_key(Settings(tmp_path, private_key_path=path))


@pytest.mark.parametrize(
    "content",
    [
        PEM, PEM.replace("\n", "\r\n"), PEM.replace("\n", "\\n"), f"\ufeff{PEM}", f"\n\n{PEM}\n\n", f'"{PEM}"',
        app_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    ],
    ids=["as it is", "Windows", "one line", "byte order mark", "blank lines", "quotes", "PKCS #8"],
)  # fmt: skip
def test_a_key_file_that_was_written_otherwise_is_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "key.pem").write_bytes(content.encode())
    settings = Settings(tmp_path, private_key_path=tmp_path / "key.pem")
    assert load_key(read_app_key(settings)).private_numbers() == app_key().private_numbers()


def test_the_key_as_text_wins_over_the_file(tmp_path: Path) -> None:
    assert read_app_key(Settings(tmp_path, private_key="a\\nb", private_key_path=tmp_path / "none")) == "a\nb"


def test_the_data_folder_is_made(tmp_path: Path) -> None:
    require_data(Settings(tmp_path / "a" / "b"))
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_data_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for data in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        with pytest.raises(SettingsError, match=f"DAYHAND_DATA: {data} cannot be written") as refused:
            require_data(Settings(data))
        assert refused.value.advice == "Set it to a folder that this user may write to."


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_redis_that_drops_tasks_is_refused(tmp_path: Path, policy: str) -> None:
    with embedded(tmp_path) as url, connect(url) as client:
        settings = Settings(tmp_path, redis_url=url)
        client.config_set("maxmemory-policy", policy)
        with open_redis(settings) as usable:  # it has no limit, so it never drops anything
            assert usable == url
        client.config_set("maxmemory", "100mb")
        refused = pytest.raises(SettingsError, match=f"with the policy {policy} this Redis drops tasks")
        with refused, open_redis(settings):
            pass
        client.config_set("maxmemory-policy", "noeviction")
        with open_redis(settings):
            pass
    with open_redis(settings):  # it does not answer: nobody knows
        pass
