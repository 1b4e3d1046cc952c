"""The ids that everything carries that a process logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

LOGGER = logging.getLogger("dayhand")
NO_FIELDS: Mapping[str, str] = {}
_fields: ContextVar[Mapping[str, str]] = ContextVar("fields", default=NO_FIELDS)


@contextmanager
def log_fields(**fields: object) -> Iterator[None]:
    """Within the block, everything that this thread logs carries these fields: ``task``, ``delivery``, ``installation``."""
    known = {name: str(value) for name, value in fields.items() if value}
    token = _fields.set({**_fields.get(), **known})
    try:
        yield
    finally:
        _fields.reset(token)


def current_fields() -> Mapping[str, str]:
    """Those of this thread now."""
    return _fields.get()
