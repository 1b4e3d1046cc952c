"""The settings of what operators see: logs, the audit log, notifications."""

from __future__ import annotations

from dataclasses import dataclass

from dayhand.settings import value_types as types
from dayhand.settings.row import setting

LOG_STYLES = ("text", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationSettings:
    """A part of ``Settings``."""

    log: str = setting(
        "DAYHAND_LOG",
        types.one_of(*LOG_STYLES),
        "text",
        help="how processes write [their logs](monitoring.md#logs) to standard error: lines to read, or one JSON object each",
    )
    audit_days: int = setting(
        "DAYHAND_AUDIT_DAYS",
        types.whole_number(0, 36_500),
        365,
        help="how long [the audit log](monitoring.md#the-audit-log) keeps its entries; `0`: for ever",
    )
    notify_url: str = setting(
        "DAYHAND_NOTIFY_URL",
        types.WEBHOOK_ADDRESS,
        "",
        secret=True,
        help="an incoming webhook of Slack, or one that takes the same, for [notifications](monitoring.md#notifications)",
    )
