"""What single tests say of the change: red to green, changed expectations, and tests that no longer run."""

from __future__ import annotations

from collections.abc import Sequence

from dayhand.publish.markdown.escape import code, fenced
from dayhand.verification import Expectation, Finding, Verification

MAX_TESTS = 5  # named in a sentence
MAX_EXPECTATIONS = 10  # shown; the task's page has all of them


def red_to_green(verification: Verification, task_url: str) -> str:
    """One line for each test command in which tests fail without the change, or prove nothing."""
    lines = [_red_to_green(finding, task_url) for finding in verification.findings if finding.red_green]
    return "\n\n".join(line for line in lines if line)


def changed_expectations(expectations: Sequence[Expectation]) -> str:
    """The tests that expect something else than before, each with its old and its new wording."""
    if not expectations:
        return ""
    count = len(expectations)
    opening = (
        "⚠️ **1 changed expectation.** This test fails with the change as it was before, and passes as it is now. "
        "Confirm in review that the new expectation is right:"
        if count == 1
        else f"⚠️ **{count} changed expectations.** These tests fail with the change as they were before, and pass as they "
        "are now. Confirm in review that the new expectations are right:"
    )
    shown = [_expectation(one) for one in expectations[:MAX_EXPECTATIONS]]
    more = [f"and {count - MAX_EXPECTATIONS} more, on the task's page"] if count > MAX_EXPECTATIONS else []
    return "\n\n".join([opening, *shown, *more])


def no_longer_run(verification: Verification) -> str:
    """The tests that passed on the base and do not run with the change."""
    names = tuple(dict.fromkeys(name for finding in verification.findings for name in finding.fewer))
    if not names:
        return ""
    subject = (
        "1 test that passed before no longer runs"
        if len(names) == 1
        else (f"{len(names)} tests that passed before no longer run")
    )
    return f"**{subject}:** {listed(names)}."


def listed(names: Sequence[str]) -> str:
    """The first names as code, and how many more there are."""
    more = f" and {len(names) - MAX_TESTS} more" if len(names) > MAX_TESTS else ""
    return ", ".join(code(name) for name in names[:MAX_TESTS]) + more


def _expectation(one: Expectation) -> str:
    place = f" in {code(one.path)}" if one.path else ""
    name = f"- {code(one.test)}{place}"
    return f"{name}\n\n{fenced(one.wordings, language='diff')}" if one.wordings else name


def _red_to_green(finding: Finding, task_url: str) -> str:
    result = finding.red_green
    if result is None:
        return ""
    run = f"[{code(finding.command)}]({task_url}#L{result.run.line})"
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
