"""A value that no setting was made for is refused with a sentence, or taken and then told about: never a traceback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from dayhand.commands.doctor.finding import HealthFinding
from dayhand.commands.doctor.github import check_app
from dayhand.commands.doctor.machine import check_data, check_port
from dayhand.commands.doctor.model_question import ask_models, check_prices
from dayhand.commands.doctor.redis_server import check_redis
from dayhand.commands.doctor.sandboxes import check_sandbox
from dayhand.commands.doctor.webhook import check_url
from dayhand.errors import SettingsError
from dayhand.settings.row import Setting
from dayhand.settings.table import ROWS, Settings, read_settings
from dayhand.worker.notify import post
from tests.app_key import app_key_pem

NUMBERS = ("-1", "0", "1e9", "nan", "inf", "0x10", "1_000", "²", "٣", "9" * 5000, "1.5", "+1", "1,5")
TEXTS = (
    *(
        "\x1b[31m",
        "a\0b",
        "a\nb",
        "\u202e",
        "\udcff",
        "é",
        ",,,",
        ",",
        "[",
        "%",
        "%zz",
        "$(id)",
        "{}",
        "'",
        '"',
    ),
    *(
        "a" * 100_000,
        "a" * 64 + ".invalid",
        "a..invalid",
        ".",
        "..",
        "-",
        "*",
        "@",
        "a b",
        "a=b",
        "none",
        "true",
    ),
)
ADDRESSES = (
    *(
        "http://",
        "http://[",
        "http://[::1",
        "http://[::1%25x]",
        "http://a:b:c",
        "http://a:99999",
        "http://:80",
    ),
    *(
        "http://\udcff.invalid",
        "http://a\u2100.invalid",
        "http://" + "a" * 64 + ".invalid",
        "http://a..invalid",
    ),
    *("http://127.0.0.1:1/\x1b", "https://127.0.0.1:1", "ftp://127.0.0.1", "http://127.0.0.1:1", "tcp://"),
    *(
        "tcp://127.0.0.1:x",
        "tcp://127.0.0.1:1",
        "tcp://[::1",
        "unix://",
        "unix:///no/such/socket",
        "npipe://x",
        "ssh://x",
    ),
    *("redis://", "redis://[::1", "redis://127.0.0.1:1/99999999999", "redis://127.0.0.1:1?db=x"),
    *(
        "redis://127.0.0.1:1?foo=bar",
        "redis://127.0.0.1:1?socket_timeout=x",
        "redis://127.0.0.1:1?protocol=9",
    ),
    *(
        "redis://127.0.0.1:1?host=x",
        "redis://127.0.0.1:1?max_connections=x",
        "redis://127.0.0.1:1?health_check_interval=x",
    ),
    *("rediss://127.0.0.1:1?ssl_cert_reqs=x", "rediss://127.0.0.1:1?ssl_ca_certs=/no/such"),
    *(
        "redis+sentinel://",
        "redis+sentinel://one:1",
        "redis+sentinel://one/main",
        "redis+sentinel://one:1,/main",
    ),
    *("redis+sentinel://one:1/main/x", "redis+sentinel://one:1/main?foo=bar"),
    *("redis+sentinel://one:1/main?ssl_ca_certs=/x", "rediss+sentinel://one:1/main?sentinel_password"),
    "rediss+sentinel://one:1/main?ssl_ca_certs=/no/such",
    *("unix:///no/such/socket?foo=bar", "unix:///" + "a" * 200, "redis://127.0.0.1:1?decode_responses=no"),
)
PATHS = (
    "~no-such-user/x",
    "../" * 1000,
    "/proc/self/mem",
    "/dev/null",
    "/dev/full",
    "/",
    "/a" * 3000,
    "/" + "a" * 300,
)
HOSTILE = (*NUMBERS, *TEXTS, *ADDRESSES, *PATHS)


def notify(settings: Settings) -> list[HealthFinding]:
    """Send a notification there."""
    problem, _again = post(settings.notify_url, "hello")
    return [HealthFinding(problem or "delivered")]


USES: dict[
    str, tuple[Callable[[Settings], Iterable[HealthFinding]], ...]
] = {  # what first meets an accepted value
    "DAYHAND_DATA": (check_data,),
    "DAYHAND_HOST": (check_port,),
    "DAYHAND_NOTIFY_URL": (notify,),
    "DAYHAND_PRICES": (check_prices,),
    "DAYHAND_SANDBOX_IMAGE": (check_sandbox,),
    "DAYHAND_SANDBOX_RUNTIME": (check_sandbox,),
    "DAYHAND_URL": (check_url,),
    "DOCKER_HOST": (check_sandbox,),
    "GITHUB_API_URL": (check_app,),
    "GITHUB_APP_PRIVATE_KEY": (check_app,),
    "GITHUB_APP_PRIVATE_KEY_PATH": (check_app,),
    "OPENAI_API_KEY": (ask_models,),
    "OPENAI_BASE_URL": (ask_models,),
    "REDIS_URL": (check_redis,),
}


def accepted(name: str) -> list[Settings]:
    """The settings with each hostile value that the parser takes; any other error than its own ends the test."""
    field = next(field for field, row in ROWS.items() if row.name == name)
    taken, refusals = [], []
    for value in HOSTILE:
        try:
            settings = read_settings({name: value}, dotenv=None)
        except SettingsError as refused:
            refusals.append(refused)
            continue
        taken.append(settings)
        kept = getattr(settings, field)
        texts = kept if isinstance(kept, tuple) else (kept,)
        assert all(str(text).encode() for text in texts if not isinstance(text, Path)), "it can be sent"
    for refused in refusals:
        assert str(refused).startswith(f"{name} must be ")
        assert refused.advice
        assert len(str(refused)) < 400
    return taken


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: str(row.name))
def test_every_setting_refuses_a_hostile_value_or_what_uses_it_says_what_is_wrong(
    row: Setting, tmp_path: Path
) -> None:
    for settings in accepted(row.name):
        usable = replace(
            settings,
            app_id=7,
            webhook_secrets=("s",),
            sandbox="docker",
            api_url=settings.api_url if row.name == "GITHUB_API_URL" else "http://127.0.0.1:1",
            openai_base_url=settings.openai_base_url or "http://127.0.0.1:1/v1",
            data=settings.data if row.name == "DAYHAND_DATA" else tmp_path,
            private_key=settings.private_key
            or ("" if row.name == "GITHUB_APP_PRIVATE_KEY_PATH" else app_key_pem()),
        )
        for check in USES.get(row.name, ()):
            for finding in check(usable):
                assert finding.observed


def test_every_setting_that_leads_out_of_the_process_is_used_with_hostile_values() -> None:
    kinds = ("path", "address", "a host", ".pem", "image", "runtime", "printable ASCII")
    leading = [row.name for row in ROWS.values() if any(kind in row.type.caption for kind in kinds)]
    inside = ["DAYHAND_TOOLCHAINS"]  # only ever compared and mounted: tests/sandbox has its own
    assert sorted(set(leading) - set(inside) - set(USES)) == []


COMMANDS = [
    ("web", {"DAYHAND_HOST": "a" * 64 + ".invalid"}, 2),
    ("up", {"DAYHAND_HOST": "no-such-host.invalid"}, 1),
    ("web", {"REDIS_URL": "redis://127.0.0.1:1?foo=bar"}, 2),
    ("work", {"DAYHAND_DATA": "/dev/null/x"}, 2),
    ("up", {"GITHUB_APP_ID": "Iv23lixyz"}, 2),
]


@pytest.mark.parametrize(("command", "environ", "code"), COMMANDS)
def test_a_command_ends_with_a_sentence_and_its_exit_code(
    command: str, environ: dict[str, str], code: int, tmp_path: Path
) -> None:
    env = {
        "PATH": "/usr/bin:/bin",
        "DAYHAND_DATA": str(tmp_path / "data"),
        "GITHUB_APP_ID": "7",
        "GITHUB_APP_PRIVATE_KEY": app_key_pem(),
        "GITHUB_WEBHOOK_SECRET": "s",
        "GITHUB_API_URL": "http://127.0.0.1:1",
        **environ,
    }
    done = subprocess.run(
        [sys.executable, "-m", "dayhand.cli", command],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "dayhand: " in done.stderr
    assert "\n  → " in done.stderr, "what to do"
    assert "canary" not in done.stderr
    assert done.returncode == code, done.stderr
