"""Where settings come from: the environment, and ``.env`` as people write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.errors import SettingsError
from dayhand.settings.sources import read_dotenv
from dayhand.settings.value_types import mask_password

FILE = """\
# a comment

GITHUB_APP_ID=7
export DAYHAND_LABEL="robot"
DAYHAND_URL=https://dayhand.example.org   # where GitHub reaches you; the webhook is /webhook
GITHUB_WEBHOOK_SECRET=one#two$HOME${HOME}
OPENAI_API_KEY='sk # 1'
DAYHAND_HANDLES= # not set
  DAYHAND_SANDBOX = docker
GITHUB_APP_PRIVATE_KEY="-----BEGIN
AAAA
-----END"
"""


def values(path: Path, text: str | bytes) -> dict[str, str]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {name: text.value for name, text in read_dotenv(path).items()}


def test_a_file_is_read_as_people_write_it(tmp_path: Path) -> None:
    assert values(tmp_path / ".env", FILE) == {
        "GITHUB_APP_ID": "7",
        "DAYHAND_LABEL": "robot",
        "DAYHAND_URL": "https://dayhand.example.org",
        "GITHUB_WEBHOOK_SECRET": "one#two$HOME${HOME}",
        "OPENAI_API_KEY": "sk # 1",
        "DAYHAND_HANDLES": "",
        "DAYHAND_SANDBOX": "docker",
        "GITHUB_APP_PRIVATE_KEY": "-----BEGIN\nAAAA\n-----END",
    }


def test_line_ends_and_a_byte_order_mark_of_windows_are_no_part_of_a_value(tmp_path: Path) -> None:
    assert values(tmp_path / ".env", b"\xef\xbb\xbfA=1\r\nB=2\r\n") == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("what is this", "what is this"),
        ("LONE", "LONE"),
        ("=value", "=…"),
        ("SECRET='canary", "SECRET=…"),
        ('SECRET="canary" canary', "SECRET=…"),
    ],
)
def test_a_line_that_is_not_a_setting_is_named_without_its_value(
    tmp_path: Path, line: str, shown: str
) -> None:
    dotenv = tmp_path / ".env"
    with pytest.raises(SettingsError) as refused:
        values(dotenv, f"GITHUB_APP_ID=7\n\n{line}\n")
    assert str(refused.value) == f"{dotenv}, line 3: “{shown}” is not NAME=value."
    assert "quotes" in refused.value.advice


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"A=\x80"])
def test_a_file_that_is_not_a_text_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SettingsError, match=r"\.env cannot be read: it is not UTF-8 text\."):
        values(tmp_path / ".env", content)


def test_without_a_file_nothing_is_read(tmp_path: Path) -> None:
    assert read_dotenv(tmp_path / ".env") == {}
    assert read_dotenv(tmp_path) == {}, "a virtual environment may have that name"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://u:canary@h/0", "redis://…@h/0"),
        ("redis://u:can@ry@h/0", "redis://…@h/0"),
        ("redis://h:1/0?db=2&password=canary", "redis://h:1/0?db=2&password=…"),
        ("redis://h:1/0?password=can@ary", "redis://…@"),
        ("redis://u:canary?key=b@h:1/0", "redis://…@"),  # that is no option
        (
            "rediss+sentinel://:canary@h:1/m?Sentinel_Password=canary&a=b",
            "rediss+sentinel://…@h:1/m?Sentinel_Password=…&a=b",
        ),
    ],
)
def test_no_password_of_an_address_is_shown(address: str, shown: str) -> None:
    assert mask_password(address) == shown
