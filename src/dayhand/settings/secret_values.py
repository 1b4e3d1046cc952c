"""The secrets of the settings: logs are written without them."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import unquote, urlsplit

from dayhand.errors import SettingsError
from dayhand.process_log.formats import configure_log
from dayhand.settings.dashboard_token import FILE
from dayhand.settings.required import app_key
from dayhand.settings.table import ROWS, Settings
from dayhand.settings.value_types import PASSWORD_OPTION


def start_log(settings: Settings) -> None:
    """From now on this process and its forks write their logs as the settings say, without secrets."""
    configure_log(settings.log, secret_values(settings))


def secret_values(settings: Settings) -> tuple[str, ...]:
    """What no log may contain."""
    found: list[str] = []
    for value in (getattr(settings, name) for name, row in ROWS.items() if row.secret):
        found += [value] if isinstance(value, str) else value
    for address in (settings.redis_url, settings.openai_base_url):
        passwords = [
            urlsplit(address).password or "",
            *(value for _, value in PASSWORD_OPTION.findall(address)),
        ]
        found += [*passwords, *map(unquote, passwords)]
    with suppress(SettingsError):
        found.append(app_key(settings))
    with suppress(OSError, ValueError):
        found.append((settings.data / FILE).read_text(encoding="ascii").strip())
    return tuple(text for text in found if text)
