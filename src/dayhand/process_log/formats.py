"""What a process tells its operator on standard error: lines to read, or JSON, with the ids of what it works on.

No secret is written: the values of the settings that are secrets are replaced wherever they stand, and so is
everything that looks like a credential.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO

from dayhand.process_log.fields import LOGGER, current_fields
from dayhand.untrusted_text import REDACTED, redact, strip_hidden

MIN_SECRET_CHARS = 6  # of a value that is replaced: a shorter one would stand in other words
PASSWORD = re.compile(r"(?<=://)[^\s/@]+(?=@)")  # in an address, with the user's name


def configure_log(style: str, secrets: Iterable[str]) -> None:
    """Write the logs of this process and of its forks: as ``text`` or ``json``, without these secrets."""
    values = {line.strip() for secret in secrets for line in (secret, *secret.splitlines())}
    hidden = sorted((value for value in values if len(value) >= MIN_SECRET_CHARS), key=len, reverse=True)
    handler = _StandardError()
    handler.setFormatter(JsonFormatter(hidden) if style == "json" else TextFormatter(hidden))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    LOGGER.setLevel(logging.INFO)


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what ``sys.stderr`` is at the time: a fork or a test may have replaced it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class TextFormatter(logging.Formatter):
    """``dayhand: what happened [task t1, installation 5]``."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        fields = [f"{name} {value}" for name, value in current_fields().items() if value not in message]
        more = f" [{', '.join(fields)}]" if fields else ""
        lines = [f"{record.name.partition('.')[0]}: {message}{more}", *self.error(record)]
        return self.hide("\n".join(lines)).replace("\n", "\n  ")  # a message cannot pretend to be several

    def error(self, record: logging.LogRecord) -> list[str]:
        """The traceback of the error that is logged, if there is one."""
        return [self.formatException(record.exc_info)] if record.exc_info else []

    def hide(self, text: str) -> str:
        """The text without secrets and hidden characters."""
        text = strip_hidden(text)  # first: hidden characters may part a secret
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return redact(PASSWORD.sub(REDACTED, text))


class JsonFormatter(TextFormatter):
    """One object a line: ``time``, ``level``, ``message``, the fields, and ``error`` for a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry = {
            "time": time,
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **current_fields(),
        }
        if not record.name.startswith(LOGGER.name):
            entry["logger"] = record.name
        if error := "".join(self.error(record)):
            entry["error"] = error
        return json.dumps({name: self.hide(value) for name, value in entry.items()}, ensure_ascii=False)
