"""What the model learns about its environment: the checks that will run on its change, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from dayhand.environment.base import Environment
from dayhand.environment.services.base import Started
from dayhand.instructions.read import Instructions

MAX_ENTRIES = 60  # of the top folder


def brief(
    environment: Environment,
    instructions: Instructions,
    *,
    paths: Sequence[str] = (),
    since: str = "",
    policy: str = "",
) -> str:
    """Name the checks that will run, those that cannot, what is not pushed, and the repository's own instructions.

    ``paths`` are the repository's files. ``since`` is the commit at which a branch with work on it left the default branch; "" without such a branch.
    """
    parts = (
        _work_so_far(since),
        _top_folder(paths),
        _languages(environment),
        _checks(environment),
        _services(environment),
        _missing(environment),
        _failed_steps(environment),
        policy,
        _instructions(instructions),
    )
    return "\n\n".join(part for part in parts if part)


def _work_so_far(since: str) -> str:
    if not since:
        return ""
    return f"This is the branch of a pull request. `git diff {since}` shows what it changes so far."


def _top_folder(paths: Sequence[str]) -> str:
    """The entries of the top folder, each folder with the number of its files."""
    entries = Counter(path.partition("/")[0] + ("/" if "/" in path else "") for path in paths)
    if not entries:
        return ""
    valid = ((name.encode("utf-8", "replace").decode(), count) for name, count in sorted(entries.items()))
    named = [f"{name} ({count})" if name.endswith("/") else name for name, count in valid]
    more = f" and {len(named) - MAX_ENTRIES} more" if len(named) > MAX_ENTRIES else ""
    return f"The top folder, with the number of files in each folder: {', '.join(named[:MAX_ENTRIES])}{more}."


def _languages(environment: Environment) -> str:
    return f"Installed: {', '.join(environment.languages)}." if environment.languages else ""


def _failed_steps(environment: Environment) -> str:
    """What set-up could not do, and the pinned versions that are not here."""
    failed = [f"- {step.title}: `{step.command}` failed" for step in environment.steps if not step.passed]
    lines = [*failed, *(f"- {pin}" for pin in environment.pins)]
    return "\n".join(["Set-up was incomplete:", *lines]) if lines else ""


def _checks(environment: Environment) -> str:
    ready = [check for check in environment.checks if check.command not in environment.missing]
    if not ready:
        return "The repository declares no check that runs here. Verify your change as well as you can."
    listed = "\n".join(f"- {check.kind}: `{check.command}` (from {check.source})" for check in ready)
    return f"These checks will run on your change afterwards, outside your control. Run them yourself first:\n{listed}"


def _services(environment: Environment) -> str:
    slow, lines = environment.slow_services, []
    if quick := [each for each in environment.services if each not in slow]:
        lines.append(
            f"These services run, with empty data, while each of your commands runs: {_addresses(quick)}."
        )
    if slow:
        lines.append(
            f"These take seconds to start, so only the checks have them: {_addresses(slow)}. "
            f"To run a command beside them: `{' '.join(environment.launcher)} COMMAND`."
        )
    return "\n".join(lines)


def _addresses(services: Iterable[Started]) -> str:
    return ", ".join(f"{each.declaration.kind} on {each.declaration.host}:{each.port}" for each in services)


def _missing(environment: Environment) -> str:
    if not (environment.missing or environment.missing_services):
        return ""
    lines = [f"- `{command}`: {missing.why}" for command, missing in environment.missing.items()]
    lines += [f"- tests that need {service.tool}: {service.why}" for service in environment.missing_services]
    listed = "\n".join(lines)
    return f"These cannot run here, so do not try to repair them:\n{listed}"


def _instructions(instructions: Instructions) -> str:
    if not instructions.text:
        return ""
    return (
        "The repository's own instructions, from the branch that the change goes to. Where two differ, the one nearest to "
        f"the file that you change counts.\n\n{instructions.text}"
    )
