"""The operator's settings: read once, refused clearly."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.errors import SettingsError
from dayhand.settings import PUBLIC_API, default_data, read_settings, require_app


def test_nothing_set_gives_working_defaults(tmp_path: Path) -> None:
    settings = read_settings({"DAYHAND_DATA": str(tmp_path)}, dotenv=None)
    assert settings.api_url == PUBLIC_API
    assert settings.label == "codex"
    assert settings.handles == ("bot",)
    assert settings.redis_url == ""
    assert not settings.real_model


def test_an_empty_data_home_is_none() -> None:
    """Root has a place of its own, whatever its environment says."""
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
        ({"DAYHAND_MAX_TURNS": "0"}, "DAYHAND_MAX_TURNS must be at least 1"),
        ({"DAYHAND_SANDBOX": "none"}, "DAYHAND_SANDBOX must be one of auto, bubblewrap, docker"),
        ({"GITHUB_APP_PRIVATE_KEY_PATH": "/no/such.pem"}, "cannot be read"),
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
    assert settings.private_key == "a\nb"


def test_a_line_that_is_no_setting_is_named(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("GITHUB_APP_ID=7\nwhat is this\n")
    with pytest.raises(SettingsError, match="line 2"):
        read_settings({}, dotenv=dotenv)


def test_several_webhook_secrets_are_taken_while_one_is_rotated() -> None:
    assert read_settings({"GITHUB_WEBHOOK_SECRET": "new, old"}, dotenv=None).webhook_secrets == ("new", "old")


def test_what_the_app_needs_is_named_when_it_is_missing() -> None:
    settings = read_settings({"GITHUB_APP_ID": "7"}, dotenv=None)
    with pytest.raises(SettingsError, match=r"GITHUB_APP_PRIVATE_KEY.*GITHUB_WEBHOOK_SECRET"):
        require_app(settings)


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
    assert (settings.model, settings.fallback_models) == (first, others)


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
def test_what_is_no_registry_is_refused(word: str) -> None:
    with pytest.raises(SettingsError, match="is no registry that set-up can be given"):
        read_settings({"DAYHAND_REGISTRIES": word}, dotenv=None)


def test_a_registrys_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"DAYHAND_REGISTRIES": "python=https://me:secret@i.example.org/"}, dotenv=None)
    assert "secret" not in f"{refused.value} {refused.value.advice}"
