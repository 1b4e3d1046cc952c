"""One row of the settings table."""

from __future__ import annotations

from dataclasses import field
from typing import Any, TypeVar

from dayhand.errors import SettingsError
from dayhand.settings.sources import Text
from dayhand.settings.value_types import SettingType, WrongText, mask_password
from dayhand.startup.records import dataclass

T = TypeVar("T")
D = TypeVar("D")
SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: an environment variable."""

    name: str
    type: SettingType[Any]
    help: str  # what it decides, in Markdown
    default: str = ""  # how the page shows it, in Markdown; "": there is none
    former_name: str = ""  # which still works, with a notice
    secret: bool = False  # its value is never shown


def setting(
    name: str,
    type_: SettingType[T],
    default: D,
    *,
    help: str,  # noqa: A002 - the column's own name
    shown: str = "",
    former_name: str = "",
    secret: bool = False,
) -> T | D:
    """A field of ``Settings`` and its row; ``shown`` is for a default that is more than its value."""
    value = ",".join(default) if isinstance(default, tuple) else f"{default or ''}".removesuffix(".0")
    row = Setting(name, type_, help, shown or (f"`{value}`" if value else ""), former_name, secret)
    return field(default=default, metadata={"row": row})


def read_value(row: Setting, text: Text) -> Any:
    """The value of one setting. Raises ``SettingsError`` that names it, what is wrong with it, and what to do."""
    if text.former_line:
        raise SettingsError(
            f"{row.name} is set to two different values in {text.source}, on lines {text.former_line} and {text.line}.",
            advice="Remove one of them.",
        )
    try:
        return row.type.read(text.value)
    except WrongText as error:
        part = mask_password(str(error))
        shown = part if len(part) <= SHOWN_CHARS else f"{part[:SHOWN_CHARS]}…"
        raise SettingsError(
            f"{row.name} must be {row.type.caption}" + ("." if row.secret else f", not “{shown}”."),
            advice=f"Correct it in {text.source}, or remove it there"
            + (f": the default is {row.default.replace('`', '')}." if row.default else "."),
        ) from error
