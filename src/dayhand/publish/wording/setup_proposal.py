"""What the pull request says that proposes a ``.dayhand.toml``: each line's reason, and what was measured."""

from __future__ import annotations

from dayhand.environment.declared.dayhand_toml import NAME
from dayhand.environment.declared.improvement import Improvement
from dayhand.hub.repository import hidden
from dayhand.publish.markdown.escape import cap, cell, code
from dayhand.publish.markdown.sanitize import line
from dayhand.publish.wording import environment
from dayhand.task import Examined
from dayhand.untrusted_text import redact

TITLE = "Say how this repository is set up"
MAX_BYTES = 60_000
END = (
    "Nothing else was changed, and it decides nothing before a person merges it: I read the file from the default branch. "
    "Close this if you want none of it; the same is not proposed again."
)


def marker(found: Improvement) -> str:
    """Hidden in the text: by it a proposal is known again after a person closed it."""
    return hidden(f"set-up:{found.suggestion.name}")


def body(found: Improvement, task_url: str) -> str:
    """The whole text."""
    before, after = found.before, found.after
    reasons = [
        f"- `{setting.section}.{setting.key}`: {line(setting.why)}" for setting in found.suggestion.settings
    ]
    parts = [
        f"With this `{NAME}` more of the repository works where I work. I tried it in a sandbox, on {code(before.commit[:8])}:",
        "\n".join(
            [
                "| | as it is | with this |",
                "|---|---|---|",
                f"| checks | {cell(environment.headline(before))} | {cell(environment.headline(after))} |",
                f"| set-up | {_set_up(before)} | {_set_up(after)} |",
                *_checks(before, after),
            ]
        ),
        "### Why each line is there",
        "\n".join(reasons),
        END,
        f"<sub>[Everything that was run]({task_url})</sub>",
    ]
    whole = cap(redact("\n\n".join(parts)), MAX_BYTES)
    return f"{whole}\n\n{marker(found)}"


def _set_up(found: Examined) -> str:
    failed = sum(not step.passed for step in found.steps)
    count = len(found.steps)
    steps = f"{count} step{'' if count == 1 else 's'}" if count else "nothing to install"
    return f"{steps}{f', {failed} of them failed' if failed else ''} ({found.seconds:.1f} s)"


def _checks(before: Examined, after: Examined) -> list[str]:
    kinds = dict.fromkeys(one.kind for one in (*before.checks, *after.checks))
    return [f"| {kind} | {_kind(before, kind)} | {_kind(after, kind)} |" for kind in kinds]


def _kind(found: Examined, kind: str) -> str:
    return "<br>".join(
        f"{cell(code(one.command))} {environment.in_short(one)}" for one in found.checks if one.kind == kind
    )
