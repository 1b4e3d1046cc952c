"""What the environment doctor says: the sentences of its check run, of its answer, and of a task that lacks something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dayhand.environment.base import Environment
from dayhand.errors import DayhandError
from dayhand.publish.markdown.escape import cap, cell, code
from dayhand.publish.markdown.sanitize import line, prose
from dayhand.publish.wording import pull_request
from dayhand.publish.wording.blocked_hosts import blocked
from dayhand.task import Examined, ExaminedCheck

CHECK_NAME = "dayhand / environment"
MAX_BYTES = 60_000
NOT_EXAMINED = "The environment could not be examined"
SET_UP_SNIPPET = '```toml\n[setup]\nrun = ["…"]\n```'
CHECKS_SNIPPET = '```toml\n[checks]\nlint = "…"\ntest = "…"\n```'


def headline(found: Examined) -> str:
    """The check run's title."""
    count, running = len(found.checks), sum(one.run is not None for one in found.checks)
    if not count:
        return "No check is declared that Dayhand knows"
    failing = sum(one.run is not None and not one.run.passed for one in found.checks)
    fails = f"; {_failing(failing, count)} as it is" if failing else ""
    broken = "" if all(step.passed for step in found.steps) else "; not all could be installed"
    if running == count:
        return f"{_counted(count)} here{fails}{broken}"
    return f"{running} of {count} declared checks can run here{fails}{broken}"


def report(found: Examined, task_url: str = "", offered: str = "") -> str:
    """Everything that was found, as Markdown; with ``task_url``, each result links to the log's line.

    ``offered``: the address of the pull request that proposes something better.
    """
    better = f"🔧 With another set-up more works: [I propose it in a pull request]({offered})."
    parts = [
        f"**{headline(found)}.** {_set_up_in(found)}",
        better if offered else "",
        _checks(found, task_url),
        _steps(found),
        _remedies(found, offered=bool(offered)),
        blocked(found.blocked),
    ]
    return cap("\n\n".join(part for part in parts if part) + "\n", MAX_BYTES)


def answer(asker: str, commit: str, check_url: str, *, said: str) -> str:
    """The comment for a person who asked; ``said`` is the report."""
    return f"@{asker} [The environment of {code(commit[:8])}]({check_url}):\n\n{said}"


def in_short(one: ExaminedCheck) -> str:
    """How one check went, in two words."""
    if one.run is None:
        return "⛔ cannot run"
    return f"{'✅ passes' if one.run.passed else '⚠️ fails'} ({one.run.seconds:.1f} s)"


def failed(asker: str, error: DayhandError, task_url: str, *, handle: str) -> str:
    """The comment where the examination itself broke."""
    again = f"<sub>[The log]({task_url}) · to try again, write `@{handle} environment`.</sub>"
    return f"@{asker} {why_not(error)}\n\n{again}"


def why_not(error: DayhandError) -> str:
    """Why there is no finding, and what to do; it says nothing about the repository."""
    advice = f"\n\n**What to do:** {prose(error.advice)}" if error.advice else ""
    return cap(f"I could not examine the environment: {prose(str(error))}{advice}", MAX_BYTES)


def check_summary(task_url: str) -> str:
    return (
        f"What Dayhand can install and run of this repository, before anybody needs it. [The log]({task_url})"
    )


def lacking(place: Environment) -> str:
    """What a task cannot run in its environment, said before the work begins; "" where nothing lacks."""
    checks = [(command, one.why) for command, one in place.missing.items()]
    return _lacking(checks, [step.title for step in place.steps if not step.passed], place.pins)


def lacked(found: Examined | None) -> str:
    """The same, as the last examination had it: before a task has looked for itself."""
    if found is None:
        return ""
    checks = [(one.command, one.missing) for one in found.checks if one.run is None]
    return _lacking(checks, [step.title for step in found.steps if not step.passed], found.pins)


def looking(task_url: str) -> str:
    """The comment of a question that is being looked into, where it lacks something."""
    return f"On it. [How far it is]({task_url})"


def _lacking(checks: Sequence[tuple[str, str]], steps: Sequence[str], pins: Sequence[str]) -> str:
    lines = [f"- {code(command)}: {line(why)}" for command, why in checks]
    lines += [f"- {line(step)}: this part of set-up failed" for step in steps]
    lines += [f"- {line(one)}" for one in pins]
    if not lines:
        return ""
    return cap(
        "⛔ **Not everything can run here**, so the result will say less than it could. I work all the same.\n\n"
        + "\n".join(lines),
        MAX_BYTES // 4,
    )


def _counted(count: int) -> str:
    opening = {1: "The one declared check", 2: "Both declared checks"}.get(
        count, f"All {count} declared checks"
    )
    return f"{opening} can run"


def _failing(failing: int, count: int) -> str:
    if count == 1:
        return "it fails"
    return f"{failing} of them {'fails' if failing == 1 else 'fail'}"


def _set_up_in(found: Examined) -> str:
    names = " and ".join(line(name) for name in found.toolchains) or "no toolchain that Dayhand knows"
    how = "found as it was set up before" if found.known else "set up"
    return f"Toolchain: {names}; {how} in {found.seconds:.1f} s."


def _checks(found: Examined, task_url: str) -> str:
    if not found.checks:
        return ""
    rows = [
        f"| {cell(_how(one, task_url))} | {one.kind} | {cell(code(one.command))} | {cell(line(one.source))} |"
        for one in found.checks
    ]
    return "\n".join(["| Here | Check | Command | Found in |", "|---|---|---|---|", *rows])


def _how(one: ExaminedCheck, task_url: str) -> str:
    if one.run is None:
        return "⛔ cannot run"  # why stands below: a phone shows a long cell badly
    words = "✅ passes" if one.run.passed else "⚠️ runs, and fails"
    linked = f"[{words}]({task_url}#L{one.run.line})" if task_url and one.run.line else words
    return f"{linked} ({one.run.seconds:.1f} s)"


def _steps(found: Examined) -> str:
    if not found.steps:
        return ""
    lines = [
        f"- {'✅' if step.passed else '❌'} {line(step.title)} ({step.seconds:.1f} s)"
        + (
            f"{', by a fall-back, for this failed: ' if step.passed else ': '}{line(step.reason)}"
            if step.reason
            else ""
        )
        for step in found.steps
    ]
    return "\n".join(["### Set-up", "", *lines])


def _remedies(found: Examined, *, offered: bool) -> str:
    lines = list(_each_remedy(found, offered=offered))
    return "\n\n".join(["### What would fix it", *lines]) if lines else ""


def _each_remedy(found: Examined, *, offered: bool) -> Iterator[str]:
    for one in found.checks:
        if one.run is None:
            yield (
                f"{code(one.command)} cannot run: {line(one.missing).rstrip('.')}. Let the repository's own development "
                "dependencies bring the tool, with a version that the registry has."
            )
    if not found.ready and not offered:
        opening = "Or say" if any(one.run is None for one in found.checks) else "Say"
        where = f"{opening} in `.dayhand.toml` on the default branch how it is set up:"
        yield f"{where}\n\n{SET_UP_SNIPPET}"
    for one in found.checks:
        if one.run is not None and not one.run.passed:
            last = line(pull_request.telling_line(one.run.output))
            said = f" ({last})" if last else ""
            yield (
                f"{code(one.command)} fails without any change{said}. A change is judged all the same: what failed "
                "before is not blamed on it."
            )
    if not found.checks:
        where = "Say in `.dayhand.toml` on the default branch what is to be run:"
        yield f"{where}\n\n{CHECKS_SNIPPET}"
    for sentence in found.pins:
        yield line(sentence)
