"""What a process tells its operator: with the ids of what it works on, on one line, and never a secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from dayhand.background import Background
from dayhand.process_log.fields import LOGGER, log_fields
from dayhand.process_log.formats import configure_log
from dayhand.settings.secret_values import secret_values, start_log
from dayhand.settings.table import ROWS, read_settings
from tests.app_key import app_key_pem

CANARY = "canary-9f8e7d6c5b4a-canary"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, before = logging.getLogger(), list(logging.getLogger().handlers)
    yield
    root.handlers = before


def test_everything_that_is_logged_carries_the_ids_also_in_the_background(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_log("json", ())
    with log_fields(task="t1", installation=5, delivery=""):
        with log_fields(delivery="d-1"), Background() as background:
            background.begin(lambda: LOGGER.info("draft opened"))
        LOGGER.warning("GitHub does not answer")
    LOGGER.info("nothing runs")
    first, second, third = map(json.loads, capsys.readouterr().err.splitlines())
    assert (
        first.items()
        >= {"task": "t1", "installation": "5", "delivery": "d-1", "message": "draft opened"}.items()
    )
    assert second.items() >= {"task": "t1", "installation": "5", "level": "warning"}.items()
    assert third.keys() == {"time", "level", "message"}


def test_a_line_of_text_names_the_ids_that_its_message_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log("text", ())
    with log_fields(task="t1", delivery="d-1"):
        LOGGER.info("delivery d-1: task t1")
        LOGGER.info("ended")
    assert (
        capsys.readouterr().err == "dayhand: delivery d-1: task t1\ndayhand: ended [task t1, delivery d-1]\n"
    )


@pytest.mark.parametrize("style", ["text", "json"])
def test_what_a_stranger_wrote_cannot_pretend_to_be_another_entry(
    capsys: pytest.CaptureFixture[str], style: str
) -> None:
    configure_log(style, ())
    forged = 'ok\n{"level": "info", "message": "forged"}\r\ndayhand: forged\u2028x \x1b[2K\u202e'
    LOGGER.info("%s", forged)
    lines = capsys.readouterr().err.split("\n")[:-1]
    assert [line for line in lines if line.startswith(('{"level', "dayhand: forged"))] == []
    assert not any(char in line for line in lines for char in "\x1b\u202e\u2028\r")


@pytest.mark.parametrize(
    "text",
    [
        f"the server says: invalid key {CANARY}",
        f"fatal: unable to access 'https://x-access-token:{CANARY}@github.example/a/b.git/'",
        f"https://{CANARY}@github.example/a/b.git",
        f"redis://:{CANARY}@cache:6379/0 refused",
        "Authorization: Bearer ghs_0123456789012345678901234567890123456789",
        "-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----",
        f"{CANARY[:9]}\u200b{CANARY[9:]} parted",
    ],
)
@pytest.mark.parametrize("style", ["text", "json"])
def test_no_secret_is_logged_in_a_message_a_field_or_a_traceback(
    capsys: pytest.CaptureFixture[str], style: str, text: str
) -> None:
    configure_log(style, (CANARY,))
    with log_fields(task=text):
        LOGGER.error("%s", text)
        LOGGER.error("oh", exc_info=ValueError(text))
        logging.getLogger("rq.worker").warning("job: %s", text)
    logged = capsys.readouterr().err
    assert logged
    assert "canary" not in logged
    assert "ghs_" not in logged


def test_every_secret_setting_is_kept_out_of_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = app_key_pem()
    special = {
        "GITHUB_APP_PRIVATE_KEY": key.replace("\n", "\\n"),
        "GITHUB_WEBHOOK_SECRET": f"{CANARY}1, {CANARY}2",
        "REDIS_URL": f"redis://me:{CANARY}6@127.0.0.1:1/0",
        "DAYHAND_DASHBOARD_TOKEN": "",
        "DAYHAND_NOTIFY_URL": f"https://chat.example/{CANARY}4",
    }
    names = [row.name for row in ROWS.values() if row.secret]
    environ = {name: special.get(name, f"{CANARY}-{name.replace('_', '-')}") for name in names}
    (tmp_path / "dashboard-token").write_text(f"{CANARY}-of-the-file")
    settings = read_settings(
        {
            **environ,
            "DAYHAND_DATA": str(tmp_path),
            "OPENAI_BASE_URL": f"http://u:{CANARY}3@h/v1?key=5{CANARY}%2D",
        },
        None,
    )
    start_log(settings)
    for name, value in environ.items():
        LOGGER.info("%s is %s", name, value)
    LOGGER.info("the key is 5%s-", CANARY)
    LOGGER.info("%s", [*secret_values(settings), *key.splitlines()[1:-1], settings.openai_base_url])
    logged = capsys.readouterr().err
    assert "canary" not in logged
    assert not any(line in logged for line in key.splitlines()[1:-1])
