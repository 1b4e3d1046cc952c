"""The table of settings: every value is checked when it is read, and a wrong one is refused with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.commands.up import renamed_settings
from dayhand.errors import SettingsError
from dayhand.settings.required import app_key
from dayhand.settings.sources import default_data
from dayhand.settings.table import FORMER, PUBLIC_API, ROWS, read_settings


def test_nothing_set_gives_working_defaults(tmp_path: Path) -> None:
    settings = read_settings({"DAYHAND_DATA": str(tmp_path)}, dotenv=None)
    assert settings.api_url == PUBLIC_API
    assert settings.label == "codex"
    assert settings.handles == ("bot",)
    assert settings.redis_url == ""
    assert not settings.real_model


def test_an_empty_xdg_data_home_counts_as_not_set() -> None:
    assert default_data({"XDG_DATA_HOME": ""}) in ("/var/lib/dayhand", "~/.local/share/dayhand")


def test_an_unknown_name_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"DAYHAND_LABLE": "x"}, dotenv=None)
    assert "DAYHAND_LABLE" in str(refused.value)
    assert refused.value.advice == "Did you mean DAYHAND_LABEL?"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"DAYHAND_PORT": "http"}, "DAYHAND_PORT must be a whole number"),
        ({"DAYHAND_MAX_DOLLARS": "-1"}, "DAYHAND_MAX_DOLLARS must be a number such as 5 or 1.50, not “-1”"),
        ({"DAYHAND_MAX_MINUTES": "1e9"}, "DAYHAND_MAX_MINUTES must be a number"),
        ({"DAYHAND_MAX_TOKENS": "1.5"}, "DAYHAND_MAX_TOKENS must be a whole number"),
        ({"DAYHAND_MAX_TURNS": "0"}, "DAYHAND_MAX_TURNS must be a whole number of at least 1, not “0”"),
        ({"DAYHAND_SANDBOX": "none"}, "DAYHAND_SANDBOX must be one of auto, bubblewrap, docker"),
    ],
)
def test_a_wrong_value_is_refused_by_name(environ: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        read_settings(environ, dotenv=None)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text('# ours\nexport DAYHAND_LABEL="robot"\nGITHUB_APP_ID=7\nGITHUB_APP_PRIVATE_KEY=a\\nb\n')
    settings = read_settings({"DAYHAND_LABEL": "hand"}, dotenv=dotenv)
    assert settings.label == "hand"
    assert settings.app_id == 7
    assert app_key(settings) == "a\nb"


def test_several_webhook_secrets_are_taken_while_one_is_rotated() -> None:
    secrets = read_settings({"GITHUB_WEBHOOK_SECRET": "new, old"}, dotenv=None).webhook_secrets
    assert secrets == ("new, old", "new", "old")  # the first in case that it is one secret with a comma


def test_a_webhook_secret_of_commas_only_is_none() -> None:
    assert read_settings({"GITHUB_WEBHOOK_SECRET": " , "}, dotenv=None).webhook_secrets == ()


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    environ = {
        "OPENAI_API_KEY": "sk-canary",
        "GITHUB_WEBHOOK_SECRET": "canary",
        "GITHUB_APP_PRIVATE_KEY": "canary",
    }
    assert "canary" not in repr(read_settings(environ, dotenv=None))


@pytest.mark.parametrize(
    ("text", "first", "others"),
    [
        ("", "gpt-6.1-sol", ()),
        ("own", "own", ()),
        ("a, b ,c", "a", ("b", "c")),
        ("a,b,a,", "a", ("b",)),
    ],
)
def test_models_are_set_in_their_order(text: str, first: str, others: tuple[str, ...]) -> None:
    settings = read_settings({"DAYHAND_MODEL": text}, dotenv=None)
    assert settings.models == (first, *others)


def test_the_limits_of_a_task_may_be_fractions_and_none() -> None:
    told = {"DAYHAND_MAX_DOLLARS": "1.50", "DAYHAND_MAX_MINUTES": "0", "DAYHAND_MAX_TURNS": "200"}
    settings = read_settings(told, dotenv=None)
    assert (settings.max_dollars, settings.max_minutes, settings.max_turns) == (1.5, 0, 200)
    assert settings.max_tokens > 0, "what is not set has a default that binds"


def test_the_price_file_is_a_path_from_where_one_stands(tmp_path: Path) -> None:
    assert read_settings({"DAYHAND_PRICES": ""}, dotenv=None).prices is None
    assert (
        read_settings({"DAYHAND_PRICES": f"{tmp_path}/own.toml"}, dotenv=None).prices == tmp_path / "own.toml"
    )


def test_the_cache_and_the_operators_registries_are_read(tmp_path: Path) -> None:
    settings = read_settings({"DAYHAND_DATA": str(tmp_path)}, dotenv=None)
    assert settings.cache_bytes > 0
    assert settings.registries == ()
    told = {
        "DAYHAND_CACHE_BYTES": "5",
        "DAYHAND_REGISTRIES": "*.files.example.org, python=https://i.example.org/simple",
    }
    settings = read_settings({"DAYHAND_DATA": str(tmp_path), **told}, dotenv=None)
    assert settings.cache_bytes == 5
    assert settings.registries == ("*.files.example.org", "python=https://i.example.org/simple")


@pytest.mark.parametrize(
    "word",
    ["https://i.example.org", "python=http://i.example.org", "npm=https://i.example.org:8443/", "*", "a b"],
)
def test_a_wrong_registry_is_refused(word: str) -> None:
    with pytest.raises(SettingsError, match=r"DAYHAND_REGISTRIES must be hosts .*, not “"):
        read_settings({"DAYHAND_REGISTRIES": word}, dotenv=None)


@pytest.mark.parametrize(
    "folder",
    [
        *(
            "/",
            "/opt",
            "/home",
            "/home/ada",
            "/root",
            "/usr/local",
            "/etc/x",
            "/var/lib/dayhand",
            "/tmp/x",
            "/opt/env/x",
        ),
        *("nvm", "~/.nvm", "/opt/../etc", "/opt/a/", "/opt//a", "/opt/./a", "/opt/a\x07"),
    ],
)
def test_a_folder_that_holds_more_than_toolchains_is_refused(folder: str) -> None:
    with pytest.raises(SettingsError, match=r"DAYHAND_TOOLCHAINS must be absolute paths .*, not “"):
        read_settings({"DAYHAND_TOOLCHAINS": folder}, dotenv=None)


def test_folders_of_toolchains_are_read() -> None:
    texts = {"DAYHAND_TOOLCHAINS": "/opt/pyenv, /home/ci/.nvm,/root/.rustup"}
    assert read_settings(texts, dotenv=None).toolchains == ("/opt/pyenv", "/home/ci/.nvm", "/root/.rustup")


def test_a_registrys_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"DAYHAND_REGISTRIES": "python=https://me:secret@i.example.org/"}, dotenv=None)
    assert "secret" not in f"{refused.value} {refused.value.advice}"


WRONG = [
    ("GITHUB_APP_ID", "seven"),
    ("GITHUB_APP_ID", "0"),
    ("GITHUB_APP_ID", "9" * 5000),
    ("GITHUB_APP_PRIVATE_KEY_PATH", "~no-such-user-here/key.pem"),
    ("GITHUB_WEBHOOK_SECRET", "a\x07b"),
    ("GITHUB_API_URL", "api.github.com"),
    ("GITHUB_API_URL", "https://"),
    ("GITHUB_API_URL", "https://ghe.example:99999/api/v3"),
    ("GITHUB_API_URL", "https://me:secret@ghe.example/api/v3"),
    ("GITHUB_API_URL", "https://[::1/api/v3"),
    ("OPENAI_API_KEY", "sk-…"),
    ("OPENAI_API_KEY", "sk 1"),
    ("OPENAI_BASE_URL", "localhost:8000/v1"),
    ("OPENAI_BASE_URL", "http://local host/v1"),
    ("DAYHAND_MODEL", "gpt 6"),
    ("DAYHAND_WINDOW", "-1"),
    ("DAYHAND_WINDOW", "1e6"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "http://localhost:6379"),
    ("REDIS_URL", "redis://localhost:99999"),
    ("REDIS_URL", "redis://localhost/zero"),
    ("REDIS_URL", "redis://localhost?db=x"),
    ("REDIS_URL", "unix://"),
    ("DAYHAND_SANDBOX", "none"),
    ("DOCKER_HOST", "unix:///a b"),
    ("DAYHAND_SANDBOX_IMAGE", "Dayhand Sandbox"),
    ("DAYHAND_SANDBOX_RUNTIME", "--privileged"),
    ("DAYHAND_HOST", "http://127.0.0.1"),
    ("DAYHAND_HOST", "-1"),
    ("DAYHAND_PORT", "0"),
    ("DAYHAND_PORT", "65536"),
    ("DAYHAND_PORT", "²"),
    ("DAYHAND_URL", "dayhand.example.org"),
    ("DAYHAND_URL", "https://dayhand.example.org   # where GitHub reaches you"),
    ("DAYHAND_URL", "https://dayhand.example.org/?a=b"),
    ("DAYHAND_DASHBOARD_TOKEN", "x" * 31),
    ("DAYHAND_DASHBOARD_TOKEN", "p&ss" * 10),
    ("DAYHAND_METRICS_TOKEN", "short"),
    ("DAYHAND_LABEL", "co\u200bdex"),
    ("DAYHAND_LABEL", "x" * 51),
    ("DAYHAND_HANDLES", "@bot"),
    ("DAYHAND_HANDLES", "bot,my bot"),
    ("DAYHAND_HANDLES", "bot_2"),
    ("DAYHAND_HANDLES", "-bot"),
    ("DAYHAND_MAX_RUNNING_PER_INSTALLATION", "-1"),
    ("DAYHAND_STOP_SECONDS", "-1"),
    ("DAYHAND_MIN_FREE_MB", "1.5"),
    ("DAYHAND_KEPT_BYTES", "1 GB"),
    ("DAYHAND_LOG", "JSON"),
    ("DAYHAND_NOTIFY_URL", "http://chat.example.org/hook"),
    ("DAYHAND_NOTIFY_URL", "http://127.0.0.1.example.org/hook"),
    ("DAYHAND_NOTIFY_URL", "https://me:secret@chat.example.org/hook"),
    ("DAYHAND_NOTIFY_URL", "hooks.slack.com/services/1"),
    ("DAYHAND_AUDIT_DAYS", "1 year"),
    ("DAYHAND_POLL", "-1"),
    ("DAYHAND_POLL", "2.5"),
    ("DAYHAND_CONCURRENCY", "0"),
    ("DAYHAND_CONCURRENCY", "1001"),
    ("DAYHAND_CACHE_BYTES", "20 GB"),
    ("DAYHAND_MAX_LINES", "-800"),
    ("DAYHAND_MAX_FILES", "many"),
    ("DAYHAND_MAX_DOLLARS", "$5"),
    ("DAYHAND_MAX_DOLLARS", "nan"),
    ("DAYHAND_MAX_DAILY_DOLLARS", "person=5, team=2"),
    ("DAYHAND_MAX_DAILY_USAGE", "person=5"),
    ("DAYHAND_MAX_DAILY_USAGE", "person=0 tasks"),
    ("DAYHAND_MAX_MINUTES", "-1"),
    ("DAYHAND_MAX_TOKENS", "10_000"),
    ("DAYHAND_MAX_TURNS", "0"),
    ("DAYHAND_EFFORT", "very"),
    ("DAYHAND_VERBOSITY", "max"),
    ("DAYHAND_PROGRESS_SECONDS", "0.5"),
    ("DAYHAND_FORGET_DAYS", "0"),
    ("DAYHAND_REGISTRIES", "https://i.example.org"),
    ("DAYHAND_TOOLCHAINS", "/usr"),
    ("DAYHAND_PRICES", "~no-such-user-here/prices.toml"),
    ("DAYHAND_DATA", "a\0b"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_of_each_setting_says_what_it_must_be_and_what_to_do(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({name: value}, dotenv=None)
    row = next(row for row in ROWS.values() if row.name == name)
    assert str(refused.value).startswith(f"{name} must be {row.type.caption}")
    assert refused.value.advice.startswith("Correct it in the environment, or remove it there")
    assert "secret" not in str(refused.value).replace("several secrets", "")


def test_every_setting_has_a_wrong_value_among_them() -> None:
    any_text = {
        "GITHUB_APP_PRIVATE_KEY"
    }  # whether it is a key is only seen by reading it: see test_required.py
    assert {name for name, _ in WRONG} == {row.name for row in ROWS.values()} - any_text


def test_a_wrong_value_in_the_file_is_looked_for_there(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("DAYHAND_PORT=80800\n")
    with pytest.raises(SettingsError) as refused:
        read_settings({}, dotenv=dotenv)
    assert str(refused.value) == "DAYHAND_PORT must be a whole number from 1 to 65535, not “80800”."
    assert refused.value.advice == f"Correct it in {dotenv}, or remove it there: the default is 8080."


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "GITHUB_WEBHOOK_SECRET", "REDIS_URL", "DAYHAND_DASHBOARD_TOKEN"]
)
def test_a_wrong_secret_is_not_repeated(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({name: "http://canary\x07 canary"}, dotenv=None)
    assert "canary" not in f"{refused.value} {refused.value.advice}"


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("GITHUB_API_URL", "https://ghe.example/api/v3/", "api_url", "https://ghe.example/api/v3"),
        ("OPENAI_BASE_URL", "http://[::1]:8000/v1", "openai_base_url", "http://[::1]:8000/v1"),
        (
            "OPENAI_BASE_URL",
            "http://me:pass@gateway/v1?a=b",
            "openai_base_url",
            "http://me:pass@gateway/v1?a=b",
        ),
        (
            "REDIS_URL",
            "rediss://:pass@redis.example:6380/2",
            "redis_url",
            "rediss://:pass@redis.example:6380/2",
        ),
        ("REDIS_URL", "unix:///run/redis.sock", "redis_url", "unix:///run/redis.sock"),
        (
            "REDIS_URL",
            "redis+sentinel://:pass@one:26379,two:26379/main/2",
            "redis_url",
            "redis+sentinel://:pass@one:26379,two:26379/main/2",
        ),
        (
            "DAYHAND_MODEL",
            "Qwen/Qwen3-Coder:30b, accounts/x@1",
            "models",
            ("Qwen/Qwen3-Coder:30b", "accounts/x@1"),
        ),
        (
            "DAYHAND_SANDBOX_IMAGE",
            "host:5000/a/b:1.2@sha256:0a",
            "sandbox_image",
            "host:5000/a/b:1.2@sha256:0a",
        ),
        ("DAYHAND_LABEL", "🤖 good first task", "label", "🤖 good first task"),
        ("DAYHAND_HANDLES", "bot, Day-Hand2", "handles", ("bot", "Day-Hand2")),
        ("DAYHAND_HOST", "0.0.0.0", "bind_address", "0.0.0.0:8080"),
        ("DAYHAND_HOST", "::1", "bind_address", "[::1]:8080"),
        ("DAYHAND_HOST", "::1", "url", "http://[::1]:8080"),
        ("DAYHAND_PORT", "65535", "url", "http://127.0.0.1:65535"),
    ],
)
def test_a_right_value_is_taken(name: str, value: str, field: str, expected: object) -> None:
    assert getattr(read_settings({name: value}, dotenv=None), field) == expected


@pytest.mark.parametrize("name", [row.name for row in ROWS.values()])
def test_a_variable_that_is_set_to_nothing_counts_as_not_set(name: str) -> None:
    assert read_settings({name: "  "}, dotenv=None) == read_settings({}, dotenv=None)


@pytest.mark.parametrize(("former", "current"), FORMER.items())
def test_a_former_name_still_works_with_a_notice_that_names_the_current_one(
    former: str, current: str
) -> None:
    notices: list[str] = []
    settings = read_settings({former: "7"}, dotenv=None, notify=notices.append)
    assert settings == read_settings({current: "7"}, dotenv=None)
    assert notices == [f"{former} is now {current}. Former names still work; rename them in the environment."]
    assert renamed_settings({former: "7"}, dotenv=None) == {current: "7"}


def test_the_former_names_are_those_that_were_once_documented() -> None:
    assert list(FORMER) == [
        f"DAYHAND_MOST_{each}" for each in ("LINES", "FILES", "DOLLARS", "MINUTES", "TOKENS", "TURNS")
    ]


def test_several_former_names_give_one_notice(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("DAYHAND_MOST_TURNS=7\n")
    notices: list[str] = []
    settings = read_settings({"DAYHAND_MOST_LINES": "9"}, dotenv=dotenv, notify=notices.append)
    assert (settings.max_turns, settings.max_lines) == (7, 9)
    (notice,) = notices
    assert (
        "DAYHAND_MOST_LINES is now DAYHAND_MAX_LINES, DAYHAND_MOST_TURNS is now DAYHAND_MAX_TURNS." in notice
    )
    assert f"rename them in {dotenv} and the environment" in notice


def test_a_former_and_a_current_name_may_agree_but_not_differ() -> None:
    notices: list[str] = []
    both = {"DAYHAND_MOST_TURNS": "7", "DAYHAND_MAX_TURNS": "7"}
    assert read_settings(both, dotenv=None, notify=notices.append).max_turns == 7
    assert notices == [], "who has the current name has done what the notice asks for"
    with pytest.raises(SettingsError) as refused:
        read_settings({**both, "DAYHAND_MAX_TURNS": "8"}, dotenv=None)
    assert str(refused.value) == (
        "DAYHAND_MOST_TURNS and DAYHAND_MAX_TURNS are the same setting, but have different values."
    )
    assert refused.value.advice == "Remove DAYHAND_MOST_TURNS from the environment: it is the former name."


def test_a_misspelt_former_name_is_told_the_current_one() -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"DAYHAND_MOST_LINE": "7"}, dotenv=None)
    assert refused.value.advice == "Did you mean DAYHAND_MAX_LINES?"


def test_a_name_that_is_near_no_setting_is_told_all_of_them() -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"DAYHAND_FOO": "7"}, dotenv=None)
    assert refused.value.advice.startswith("Remove it from the environment. Known: DAYHAND_AUDIT_DAYS, ")


def test_two_values_of_one_setting_in_a_file_are_refused_and_its_lines_are_named(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("OTHER=1\nOTHER=2\nDAYHAND_PORT=81\n\nDAYHAND_PORT=82\n")
    with pytest.raises(SettingsError) as refused:
        read_settings({}, dotenv)
    assert str(refused.value) == f"DAYHAND_PORT is set to two different values in {dotenv}, on lines 3 and 5."
    dotenv.write_text("DAYHAND_PORT=81\nDAYHAND_PORT=81\n")
    assert read_settings({}, dotenv).port == 81
    assert read_settings({"DAYHAND_PORT": "83"}, dotenv).port == 83


@pytest.mark.parametrize("name", ["dayhand_port", "Dayhand_Port", "DAYHAND-PORT", "\u200bDAYHAND_PORT"])
def test_a_name_in_other_letters_is_not_ignored(name: str) -> None:
    with pytest.raises(SettingsError, match="is not a setting of Dayhand") as refused:
        read_settings({name: "81"}, dotenv=None)
    assert refused.value.advice == "Did you mean DAYHAND_PORT?"
