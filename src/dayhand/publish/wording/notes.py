"""What stands beside the verification table: red to green, what weakens the checks, and how far the change reaches."""

from __future__ import annotations

from dayhand.publish.markdown.escape import code
from dayhand.verification import (
    Concern,
    Finding,
    FormattingOnly,
    Scope,
    Verification,
)

MAX_CONCERNS = 15  # listed; the task's page has them all
MAX_FILES = 10
MAX_IDLE = 5
ACCEPTING = "Somebody with write access who finds that right writes `@bot accept` here."


def notes(verification: Verification, task_url: str) -> str:
    """Everything that stands under the table; "" for nothing."""
    parts = (
        red_to_green(verification, task_url),
        weakened(verification.concerns),
        reaching(verification.side_effects),
        ACCEPTING if verification.concerns or verification.side_effects else "",
        size(verification.scope),
        layout(verification.scope.formatting_only),
        unmentioned(verification.scope),
    )
    return "\n\n".join(part for part in parts if part)


def weakened(concerns: tuple[Concern, ...]) -> str:
    """The places where the change makes the checks say less than before."""
    return _look(
        concerns, "✋ **The change alters what checks it.** That may be right, but the checks cannot say so:"
    )


def reaching(reach: tuple[Concern, ...]) -> str:
    """The places where the change acts beyond the code that the checks judge."""
    return _look(reach, "✋ **The change reaches beyond its code**, where no check looks:")


def _look(concerns: tuple[Concern, ...], opening: str) -> str:
    if not concerns:
        return ""
    lines = [f"- {one.kind}: {code(_place(one))}: {code(one.detail)}" for one in concerns[:MAX_CONCERNS]]
    if len(concerns) > MAX_CONCERNS:
        lines.append(f"- and {len(concerns) - MAX_CONCERNS} more, on the task's page")
    return "\n".join([opening, "", *lines])


def _place(concern: Concern) -> str:
    return f"{concern.path}:{concern.line}" if concern.line else concern.path


def red_to_green(verification: Verification, task_url: str) -> str:
    """One line for each test command that the change's own tests ran under."""
    lines = [_turned(finding, task_url) for finding in verification.findings if finding.red_green]
    return "\n\n".join(line for line in lines if line)


def _turned(finding: Finding, task_url: str) -> str:
    shown = finding.red_green
    if shown is None:
        return ""
    linked = f"[{code(finding.command)}]({task_url}#L{shown.run.line})"
    if not shown.proven:
        return f"⚠️ **No red to green:** the change's tests pass without the change too ({linked}): they prove nothing."
    count = len(shown.tests)
    tests = {0: "the change's tests fail", 1: "1 test fails"}.get(count, f"{count} tests fail")
    verb = "passes" if count == 1 else "pass"
    words = f"**Red to green:** {tests} on the source as it was and {verb} with the change ({linked})."
    return f"{words} {_idle(shown.passing_before)}".strip()


def _idle(tests: tuple[str, ...]) -> str:
    """The new tests that say nothing of the change."""
    if not tests:
        return ""
    more = f" and {len(tests) - MAX_IDLE} more" if len(tests) > MAX_IDLE else ""
    named = ", ".join(code(name) for name in tests[:MAX_IDLE]) + more
    return f"{len(tests)} new {'test passes' if len(tests) == 1 else 'tests pass'} without it too: {named}."


def size(scope: Scope) -> str:
    """Where the change is larger than is allowed: how large it is, and what to do; else ""."""
    if not scope.too_large:
        return ""
    return (
        f"✋ **This stays a draft:** {too_large(scope)}. Write `@bot accept` here to take it as one, or ask for smaller "
        "steps. The limits are `[limits] lines` and `files` in `.dayhand.toml` on the default branch."
    )


def too_large(scope: Scope) -> str:
    """How much larger the change is than is allowed, as half a sentence."""
    over = []
    if 0 < scope.max_lines < scope.lines:
        over.append(f"{scope.lines:,} lines, over the {scope.max_lines:,} that are allowed here")
    if 0 < scope.max_files < scope.files:
        over.append(f"{scope.files:,} files, over the {scope.max_files:,} that are allowed here")
    return f"it changes {', and '.join(over)}"


def layout(noise: tuple[FormattingOnly, ...]) -> str:
    """The files in which something changes that no program reads."""
    if not noise:
        return ""
    named = [_noisy(one) for one in noise[:MAX_FILES]]
    return f"**Only layout** (whitespace, line breaks, quotes, order of imports) changes in {_listed(named, len(noise))}."


def _noisy(noise: FormattingOnly) -> str:
    if noise.ranges == noise.total:
        return f"all of {code(noise.path)}"
    return f"{noise.ranges} of {noise.total} places in {code(noise.path)}"


def unmentioned(scope: Scope) -> str:
    """The files that were changed and not spoken of."""
    if not scope.unmentioned:
        return ""
    if len(scope.unmentioned) >= scope.files:
        return f"**None of the {scope.files} changed files is spoken of** in the issue or the account."
    named = [code(path) for path in scope.unmentioned[:MAX_FILES]]
    return f"**Changed, but not spoken of** in the issue or the account: {_listed(named, len(scope.unmentioned))}."


def _listed(named: list[str], count: int) -> str:
    more = count - len(named)
    return ", ".join(named) + (f" and {more} more files" if more else "")
