"""What single tests say of the change: red to green, and their names."""

from __future__ import annotations

from collections.abc import Sequence

from dayhand.publish.markdown.escape import code
from dayhand.publish.wording.evidence import log_address
from dayhand.verification import Finding, Verification

MAX_TESTS = 5  # named in a sentence


def red_to_green(verification: Verification, task_url: str) -> str:
    """One line for each test command in which tests fail without the change, or prove nothing."""
    lines = [_red_to_green(finding, task_url) for finding in verification.findings if finding.red_green]
    return "\n\n".join(line for line in lines if line)


def listed(names: Sequence[str]) -> str:
    """The first names as code, and how many more there are."""
    more = f" and {len(names) - MAX_TESTS} more" if len(names) > MAX_TESTS else ""
    return ", ".join(code(name) for name in names[:MAX_TESTS]) + more


def _red_to_green(finding: Finding, task_url: str) -> str:
    result = finding.red_green
    if result is None:
        return ""
    run = f"[{code(finding.command)}]({log_address(task_url, result.run.line)})"
    if not result.proven:
        return f"⚠️ **No red to green:** the change's tests also pass without the change ({run}), so they prove nothing."
    count = len(result.tests)
    tests = {0: "the change's tests fail", 1: "1 test fails"}.get(count, f"{count} tests fail")
    passes = "passes" if count == 1 else "pass"
    text = f"**Red to green:** {tests} without the change and {passes} with it ({run})."
    return f"{text} {_passing_before(result.passing_before)}".strip()


def _passing_before(tests: Sequence[str]) -> str:
    """The new tests that prove nothing about the change."""
    if not tests:
        return ""
    subject = "1 new test also passes" if len(tests) == 1 else f"{len(tests)} new tests also pass"
    return f"{subject} without it: {listed(tests)}."
