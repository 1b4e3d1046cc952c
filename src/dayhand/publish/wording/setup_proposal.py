"""The pull request that proposes a ``.dayhand.toml``: the reason for each line, and both measurements."""

from __future__ import annotations

from dayhand.environment.declared.dayhand_toml import NAME
from dayhand.environment.declared.improvement import Improvement
from dayhand.hub.comments import hidden_marker
from dayhand.publish.markdown.escape import cap, cell, code
from dayhand.publish.markdown.sanitize import line
from dayhand.publish.wording import environment
from dayhand.task import Examined
from dayhand.untrusted_text import redact

TITLE = "Declare how to set up this repository"
MAX_BYTES = 60_000
END = (
    "Nothing else changes, and nothing takes effect until a person merges this: Dayhand reads the file from the default "
    "branch. If you do not want it, close this pull request; the same settings are not proposed again."
)


def marker(found: Improvement) -> str:
    """Hidden in the body, to recognize the proposal after a person closed it."""
    return hidden_marker(f"set-up:{found.suggestion.name}")


def body(found: Improvement, task_url: str) -> str:
    """The whole body, with its marker."""
    before, after = found.before, found.after
    reasons = [
        f"- `{setting.section}.{setting.key}`: {line(setting.why)}" for setting in found.suggestion.settings
    ]
    rows = [
        "| | now | with this |",
        "|---|---|---|",
        f"| checks | {cell(environment.headline(before))} | {cell(environment.headline(after))} |",
        f"| set-up | {_setup(before)} | {_setup(after)} |",
        *_checks(before, after),
    ]
    parts = [
        f"With this `{NAME}`, more of the repository works in Dayhand's sandbox. I tried it on {code(before.commit[:8])}:",
        "\n".join(rows),
        "### Why each line is there",
        "\n".join(reasons),
        END,
        f"<sub>[Everything that was run]({task_url})</sub>",
    ]
    text = cap(redact("\n\n".join(parts)), MAX_BYTES)
    return f"{text}\n\n{marker(found)}"


def _setup(found: Examined) -> str:
    failed = sum(not step.passed for step in found.steps)
    count = len(found.steps)
    steps = f"{count} step{'' if count == 1 else 's'}" if count else "nothing to install"
    return f"{steps}{f', {failed} failed' if failed else ''} ({found.seconds:.1f} s)"


def _checks(before: Examined, after: Examined) -> list[str]:
    kinds = dict.fromkeys(check.kind for check in (*before.checks, *after.checks))
    return [f"| {kind} | {_kind(before, kind)} | {_kind(after, kind)} |" for kind in kinds]


def _kind(found: Examined, kind: str) -> str:
    return "<br>".join(
        f"{cell(code(check.command))} {environment.short_result(check)}"
        for check in found.checks
        if check.kind == kind
    )
