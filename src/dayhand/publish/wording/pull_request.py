"""The title and the body of a task's pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dayhand.instructions.read import governing
from dayhand.publish.base import ProposedChange
from dayhand.publish.markdown.escape import cap, code
from dayhand.publish.markdown.escape import title as one_line
from dayhand.publish.markdown.sanitize import line, prose
from dayhand.publish.wording.blocked_hosts import blocked
from dayhand.publish.wording.cost import SCRIPTED, bill, took_over
from dayhand.publish.wording.evidence import evidence
from dayhand.publish.wording.held_back import held_back
from dayhand.publish.wording.left_out import left_out_of_change
from dayhand.publish.wording.limits import limit_hit
from dayhand.publish.wording.verification import MARKS, headline, table
from dayhand.reading.instruction_file import InstructionFile
from dayhand.task import Solution, Task, TaskKind

MAX_LISTED = 15  # instruction files, and files that one governs; the task's page has all of them
MAX_BYTES = 65_000  # GitHub's limit is 65,536, and a hidden marker may follow


def title(task: Task, solution: Solution | None = None) -> str:
    """The model's title once there is one, else the issue's."""
    own = one_line(solution.title) if solution else ""
    return own or one_line(task.title) or f"Work on issue {task.number}"


def opening(task: Task, task_url: str) -> str:
    """The body of the draft, before there is any result."""
    return (
        f"Fixes #{task.number}\n\n"
        f"I am working on this for @{task.ask.asker}. Follow progress in the check run below "
        f"or on [the task's page]({task_url}).\n"
    )


def withdrawn(task: Task, reason: str) -> str:
    """The body of a draft that was closed without a result. It no longer closes the issue."""
    return f"{reason} I closed this draft; my comment on #{task.number} says more.\n"


def moved(task: Task, pull_url: str) -> str:
    """The body of a draft that was closed because somebody pushed to its branch. It no longer closes the issue."""
    return (
        f"My work on #{task.number} continues in [another pull request]({pull_url}), because somebody else pushed to this "
        "branch, which I do not overwrite. Their commits are still on it. Before you use them, remove its first commit: it is "
        "empty and tells CI to skip it.\n"
    )


def body(
    task: Task, proposed: ProposedChange, repository_url: str, *, task_url: str, continues: bool = False
) -> str:
    """The body of the finished pull request: the conclusion, the summary, the evidence and the cost.

    ``continues``: it is a report on one more commit. The model's summary follows the worker's own conclusion, under a heading that names its author.
    """
    solution, verification = proposed.solution, proposed.verification
    parts = [
        f"Fixes #{task.number}" if task.drafted_first and not continues else "",
        f"{MARKS[verification.conclusion.status]} **{headline(verification)}**",
        limit_hit(verification.limit_hit),
        _summary(task, solution),
        took_over(solution.switches),
        questions(solution.questions),
        f"### Verification by the worker\n\n{table(verification, task_url)}",
        held_back(proposed.change.held_back, head=proposed.head, branch=proposed.branch, task_url=task_url),
        left_out_of_change(proposed.change.left_out),
        blocked(proposed.blocked),
        evidence(verification, proposed.proofs, repository_url, task_url=task_url),
        instruction_files(proposed.instructions, proposed.change.paths),
        SCRIPTED if solution.usage.scripted else "",
        bill(solution.usage, proposed.minutes, task_url) if task.ask.kind is not TaskKind.ACCEPT else "",
    ]
    return cap("\n\n".join(part for part in parts if part) + "\n", MAX_BYTES)


def _summary(task: Task, solution: Solution) -> str:
    if task.ask.kind is TaskKind.ACCEPT:  # no model took part
        return ""
    return f"### Summary by the model\n\n{prose(solution.summary) or 'The model wrote no summary.'}"


def questions(asked: Iterable[str]) -> str:
    """What the model wants to know; "" if nothing."""
    listed = "\n".join(f"- {line(question)}" for question in asked)
    return f"### Questions for you\n\n{listed}" if listed else ""


def instruction_files(files: Sequence[InstructionFile], paths: Sequence[str]) -> str:
    """The instruction files, folded: which of the changed files each governed, and what the model did not get."""
    if not files:
        return ""
    governed: dict[str, list[str]] = {file.path: [] for file in files}
    for path in paths:
        for file in governing(files, path):
            governed[file.path].append(path)
    rows = [(file, governed[file.path]) for file in files if governed[file.path] or file.reason]
    lines = [f"| {code(file.path)} | {_governed(file, changed)} |" for file, changed in rows[:MAX_LISTED]]
    more = len(files) - len(lines)
    rest = f"\n\n{more} more, about other files, on the task's page." if more else ""
    read = sum(bool(file.kept) for file in files)
    table = "\n".join(["| file | in this change |", "|---|---|", *lines]) if lines else ""
    return f"<details><summary>Instruction files: {len(files)} found, {read} read</summary>\n\n{table}{rest}\n</details>"


def _governed(file: InstructionFile, changed: Sequence[str]) -> str:
    if not file.kept:
        return f"not read: {line(file.reason)}"
    listed = ", ".join(code(path) for path in changed[:MAX_LISTED]) or "governs none of the changed files"
    more = f" and {len(changed) - MAX_LISTED} more" if len(changed) > MAX_LISTED else ""
    cut = f" ({file.kept:,} of {file.size:,} bytes were read)" if file.kept < file.size else ""
    return f"{listed}{more}{cut}"
