"""The environment's examination: its check run, its answer, and the warning of a task whose checks cannot all run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dayhand.environment.base import Environment
from dayhand.errors import DayhandError
from dayhand.publish.markdown.escape import cap, cell, code
from dayhand.publish.markdown.sanitize import line, prose
from dayhand.publish.wording.blocked_hosts import blocked
from dayhand.publish.wording.evidence import last_line, log_address
from dayhand.task import Examined, ExaminedCheck, SetupStep

CHECK_NAME = "dayhand / environment"
MAX_BYTES = 60_000
NOT_EXAMINED = "The environment could not be examined"
ADD_THE_TOOL = (
    "Add the tool to the repository's development dependencies, in a version that the registry has."
)
SETUP_SNIPPET = '```toml\n[setup]\nrun = ["…"]\n```'
CHECKS_SNIPPET = '```toml\n[checks]\nlint = "…"\ntest = "…"\n```'


def headline(found: Examined) -> str:
    """The title of the check run."""
    count, running = len(found.checks), sum(check.can_run for check in found.checks)
    if not count:
        return "No declared checks found"
    failing = sum(_fails(check) for check in found.checks)
    fails = f"; {_failing(failing, count)}" if failing else ""
    broken = "" if all(step.passed for step in found.steps) else "; part of the set-up failed"
    subject = _all_checks(count) if running == count else f"{running} of {count} declared checks"
    return f"{subject} can run here{fails}{broken}"


def report(found: Examined, task_url: str = "", proposal_url: str = "") -> str:
    """All results, as Markdown. With ``task_url``, each result links to its line of the log.

    ``proposal_url``: the pull request that proposes a better set-up, if there is one.
    """
    better = f"🔧 A different set-up works better: [I propose it in a pull request]({proposal_url})."
    parts = [
        f"**{headline(found)}.** {_toolchain(found)}",
        better if proposal_url else "",
        _checks(found, task_url),
        _ci(found),
        _steps(found),
        _remedies(found, proposed=bool(proposal_url)),
        blocked(found.blocked),
    ]
    return cap("\n\n".join(part for part in parts if part) + "\n", MAX_BYTES)


def answer(asker: str, commit: str, check_url: str, *, text: str) -> str:
    """The comment for the person who asked; ``text`` is the report."""
    return f"@{asker} [The environment of {code(commit[:8])}]({check_url}):\n\n{text}"


def short_result(check: ExaminedCheck) -> str:
    """The result of one check in two words."""
    if check.run is None or not check.can_run:
        return "⛔ cannot run"
    return f"{'✅ passes' if check.run.passed else '⚠️ fails'} ({check.run.seconds:.1f} s)"


def failed(asker: str, error: DayhandError, task_url: str, *, handle: str) -> str:
    """The comment if the examination itself failed."""
    again = f"<sub>[The log]({task_url}) · To try again, comment `@{handle} environment`.</sub>"
    return f"@{asker} {failure_reason(error)}\n\n{again}"


def failure_reason(error: DayhandError) -> str:
    """Why there is no result, and what to do. It says nothing about the repository."""
    advice = f"\n\n**What to do:** {prose(error.advice)}" if error.advice else ""
    return cap(f"I could not examine the environment: {prose(str(error))}{advice}", MAX_BYTES)


def check_summary(task_url: str) -> str:
    return (
        f"What Dayhand can install and run in this repository, checked ahead of time. [The log]({task_url})"
    )


def unavailable(environment: Environment) -> str:
    """What a task cannot run in its environment, before its work begins; "" if everything can run."""
    checks = [(command, missing.why) for command, missing in environment.missing.items()]
    steps = [step.title for step in environment.steps if not step.passed]
    return _unavailable(checks, steps, environment.lacking)


def last_unavailable(found: Examined | None) -> str:
    """The same from the last examination, before the task has looked for itself."""
    if found is None:
        return ""
    checks = [(check.command, check.missing) for check in found.checks if not check.can_run]
    return _unavailable(checks, [step.title for step in found.steps if not step.passed], found.pins)


def _unavailable(checks: Sequence[tuple[str, str]], steps: Sequence[str], pins: Sequence[str]) -> str:
    lines = [f"- {code(command)}: {line(reason)}" for command, reason in checks]
    lines += [f"- {line(step)}: this set-up step failed" for step in steps]
    lines += [f"- {line(sentence)}" for sentence in pins]
    if not lines:
        return ""
    warning = (
        "⛔ **Some checks cannot run here**, so verification will be incomplete. I am continuing anyway."
    )
    return cap("\n".join([warning, "", *lines]), MAX_BYTES // 4)


def _all_checks(count: int) -> str:
    return {1: "The one declared check", 2: "Both declared checks"}.get(count, f"All {count} declared checks")


def _failing(failing: int, count: int) -> str:
    if count == 1:
        return "it currently fails"
    return f"{failing} currently {'fails' if failing == 1 else 'fail'}"


def _fails(check: ExaminedCheck) -> bool:
    return check.can_run and check.run is not None and not check.run.passed


def _toolchain(found: Examined) -> str:
    names = " and ".join(line(name) for name in found.toolchains) or "none recognized"
    how = "reused from an earlier set-up" if found.known else "set up"
    return f"Toolchain: {names}; {how} in {found.seconds:.1f} s."


def _checks(found: Examined, task_url: str) -> str:
    if not found.checks:
        return ""
    rows = [
        f"| {cell(_result(check, task_url))} | {check.kind} | {cell(code(check.command))} | {cell(line(check.source))} |"
        for check in found.checks
    ]
    if found.ci:
        count = "1 difference" if len(found.ci) == 1 else f"{len(found.ci)} differences"
        rows.append(f"| ℹ️ differs from CI | | {cell(count + ', listed below')} | .github/workflows |")
    return "\n".join(["| Here | Check | Command | Found in |", "|---|---|---|---|", *rows])


def _ci(found: Examined) -> str:
    """What runs here otherwise than in CI."""
    if not found.ci:
        return ""
    return "\n".join(["### Differs from CI", "", *(f"- {line(sentence)}" for sentence in found.ci)])


def _result(check: ExaminedCheck, task_url: str) -> str:
    if check.run is None:
        return "⛔ cannot run"  # the reason is below the table: a phone shows a long cell badly
    result = "⛔ cannot run"
    if check.can_run:
        result = "✅ passes" if check.run.passed else "⚠️ runs, but fails"
    linked = f"[{result}]({log_address(task_url, check.run.line)})" if task_url and check.run.line else result
    return f"{linked} ({check.run.seconds:.1f} s)"


def _steps(found: Examined) -> str:
    if not found.steps:
        return ""
    return "\n".join(["### Set-up", "", *map(_step, found.steps)])


def _step(step: SetupStep) -> str:
    reason = ""
    if step.reason:
        before = ", by a fallback, because this failed: " if step.passed else ": "
        reason = f"{before}{line(step.reason)}"
    return f"- {'✅' if step.passed else '❌'} {line(step.title)} ({step.seconds:.1f} s){reason}"


def _remedies(found: Examined, *, proposed: bool) -> str:
    lines = list(_each_remedy(found, proposed=proposed))
    return "\n\n".join(["### How to fix it", *lines]) if lines else ""


def _each_remedy(found: Examined, *, proposed: bool) -> Iterator[str]:
    for check in found.checks:
        if not check.can_run:
            cure = line(check.cure) or ADD_THE_TOOL
            yield f"{code(check.command)} cannot run: {line(check.missing).rstrip('.')}. {cure}"
    if not found.ready and not proposed:
        opening = "Or declare" if any(not check.can_run for check in found.checks) else "Declare"
        yield f"{opening} the set-up in `.dayhand.toml` on the default branch:\n\n{SETUP_SNIPPET}"
    for check in found.checks:
        if check.note:
            yield f"{code(check.command)}: {line(check.note)}"
        elif check.run is not None and _fails(check):
            last = line(last_line(check.run.output))
            output = f" ({last})" if last else ""
            yield (
                f"{code(check.command)} fails without any change{output}. Dayhand still verifies changes: it does not "
                "blame them for what failed before."
            )
    if not found.checks:
        yield f"Declare the checks in `.dayhand.toml` on the default branch:\n\n{CHECKS_SNIPPET}"
    for sentence in found.pins:
        yield line(sentence)
