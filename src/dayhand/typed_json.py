"""JSON to dataclasses, strictly: every name and every type is checked, and nothing is guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from dayhand.startup.records import dataclass

T = TypeVar("T")
# Old names, by the class that had them: of a dataclass's fields, or of an enumeration's values.
Aliases: TypeAlias = Mapping[type, Mapping[str, str]]
NO_ALIASES: Aliases = MappingProxyType({})


class ShapeError(ValueError):
    """JSON that does not have the expected shape; the message names the field."""


def parse(kind: type[T], text: str | bytes, aliases: Aliases = NO_ALIASES) -> T:
    """Read JSON text as ``kind``. Raises ``ShapeError``."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ShapeError(f"it is not JSON: {error}") from error
    return decode(kind, data, aliases)


def decode(kind: type[T], data: object, aliases: Aliases = NO_ALIASES) -> T:
    """Build ``kind`` from JSON data: a dataclass, a tuple, a mapping, or a plain value. Raises ``ShapeError``.

    Lists become tuples, and an integer becomes a float where a float is expected. ``aliases`` reads older data.
    """
    decoded: T = _Decoder(aliases).value(kind, data, kind.__name__)
    return decoded


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


@cache
def _required(kind: type) -> frozenset[str]:
    return frozenset(
        field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING
    )


@dataclass(frozen=True, slots=True)
class _Decoder:
    """Decodes values; ``where`` names the field in errors."""

    aliases: Aliases

    def value(self, hint: Any, value: Any, where: str) -> Any:
        origin = get_origin(hint)
        if hint is Any:
            return value
        if origin in (UnionType, Union):
            return self._optional(hint, value, where)
        if origin is tuple:
            return self._tuple(get_args(hint), value, where)
        if origin is not None and issubclass(origin, Mapping):
            return self._mapping(get_args(hint), value, where)
        if is_dataclass(hint):
            return self._dataclass(hint, value, where)
        if issubclass(hint, StrEnum):
            name = _plain(str, value, where)
            try:
                return hint(self.aliases.get(hint, {}).get(name, name))
            except ValueError as error:
                raise ShapeError(f"{where}: {error}") from error
        return _plain(hint, value, where)

    def _dataclass(self, kind: Any, value: Any, where: str) -> Any:
        data = _plain(dict, value, where)
        renamed = self.aliases.get(kind, {})
        data = {renamed.get(name, name): item for name, item in data.items()}
        hints = _hints(kind)
        if unknown := data.keys() - hints.keys():
            raise ShapeError(f"{kind.__name__} has the unknown field {', '.join(sorted(unknown))}")
        if missing := _required(kind) - data.keys():
            raise ShapeError(f"{kind.__name__} is missing the field {', '.join(sorted(missing))}")
        values = {
            name: self.value(hints[name], item, f"{kind.__name__}.{name}") for name, item in data.items()
        }
        return kind(**values)

    def _optional(self, hint: Any, value: Any, where: str) -> Any:
        """Only "something or None" is supported: data does not say which of several classes it is."""
        (some,) = (part for part in get_args(hint) if part is not type(None))
        return None if value is None else self.value(some, value, where)

    def _tuple(self, parts: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
        items = _plain(list, list(value) if isinstance(value, tuple) else value, where)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple(self.value(parts[0], item, where) for item in items)
        if len(parts) != len(items):
            raise ShapeError(f"{where} has {len(items)} items instead of {len(parts)}")
        return tuple(self.value(part, item, where) for part, item in zip(parts, items, strict=True))

    def _mapping(self, parts: tuple[Any, ...], value: Any, where: str) -> dict[str, Any]:
        return {name: self.value(parts[1], item, where) for name, item in _plain(dict, value, where).items()}


def _plain(kind: type[T], value: Any, where: str) -> T:
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ShapeError(f"{where} is {value!r:.100}")
    return value
