"""``dayhand audit``: show the audit log."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime

from dayhand.errors import DayhandError, ExitCode
from dayhand.ledger.redis_server import at_hand, connect
from dayhand.ledger.telemetry.audit import AuditEntry, read_audit
from dayhand.settings.required import require_data
from dayhand.settings.table import Settings
from dayhand.untrusted_text import clean

UNITS = {"m": 60, "h": 3600, "d": 24 * 3600}


def show_audit(settings: Settings, since: str, *, as_json: bool) -> int:
    """Print the entries since a time, the oldest first. Raises ``DayhandError``."""
    begin = parse_since(since)
    if not settings.redis_url:
        require_data(settings)
    with at_hand(settings.redis_url, settings.data) as redis_url, connect(redis_url) as redis:
        for entry in read_audit(redis, begin):
            print(_as_json(entry) if as_json else _as_line(entry))
    return ExitCode.OK


def parse_since(text: str, now: float | None = None) -> float:
    """Seconds since the epoch. Raises ``DayhandError``.

    >>> parse_since("2h", now=10_000.0), parse_since("1970-01-02"), parse_since("")
    (2800.0, 86400.0, 0.0)
    """
    if not text:
        return 0.0
    if match := re.fullmatch(r"([0-9]{1,6})([mhd])", text):
        return (time.time() if now is None else now) - int(match[1]) * UNITS[match[2]]
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise DayhandError(
            f"“{text[:40]}” is neither an age nor a date.", advice="Write 30m, 12h, 7d or 2026-11-28."
        ) from error


def _time(entry: AuditEntry) -> str:
    return datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds")


def _as_json(entry: AuditEntry) -> str:
    return json.dumps(
        {"id": entry.id, "time": _time(entry), "action": entry.action, **entry.fields}, ensure_ascii=False
    )


def _as_line(entry: AuditEntry) -> str:
    fields = " ".join(f"{name}={value}" for name, value in entry.fields.items())
    return clean(f"{_time(entry)} {entry.action}: {fields}").replace("\n", " ")
