"""One row of the settings table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from dayhand.settings.value_types import SettingType

T = TypeVar("T")
D = TypeVar("D")


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
