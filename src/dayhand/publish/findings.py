"""Sentences about what the worker found out beside the table: red to green, and what weakens the checks."""

from __future__ import annotations

from dayhand.publish.markdown import code
from dayhand.task import Concern, Finding, Verification

MOST = 15


def beside(verification: Verification, task_url: str) -> str:
    """Everything that stands under the table; "" for nothing."""
    parts = (red_to_green(verification, task_url), weakened(verification.concerns))
    return "\n\n".join(part for part in parts if part)


def weakened(concerns: tuple[Concern, ...]) -> str:
    """The places where the change makes the checks say less than before."""
    if not concerns:
        return ""
    lines = [f"- {one.kind}: {code(_place(one))}: {code(one.what)}" for one in concerns[:MOST]]
    if len(concerns) > MOST:
        lines.append(f"- and {len(concerns) - MOST} more, on the task's page")
    opening = "✋ **The change alters what checks it.** That may be right, but the checks cannot say so:"
    closing = "Somebody with write access who finds that right writes `@bot accept` here."
    return "\n".join([opening, "", *lines, "", closing])


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
    return f"**Red to green:** {tests} on the source as it was and {verb} with the change ({linked})."
