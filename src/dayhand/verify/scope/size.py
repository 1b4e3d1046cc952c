"""The scope of a change: its size and its limits, and the files whose changes a reviewer may not expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dayhand.environment.ecosystems.base import Files
from dayhand.file_kinds import is_lock
from dayhand.task import Change, Solution, Task
from dayhand.verification import Scope
from dayhand.verify.scope.formatting_only import changed_ranges, find_formatting_only
from dayhand.verify.scope.unmentioned import find_unmentioned


def measure(lines: Mapping[str, int], own_limits: Mapping[str, int], limits: Scope) -> Scope:
    """The size of a change, from its number of lines by path. Lock files do not count, because tools write them.

    The repository's own limits of ``lines`` and ``files`` come before the operator's.
    """
    counted = {path: count for path, count in lines.items() if not is_lock(path)}
    return Scope(
        lines=sum(counted.values()),
        files=len(counted),
        max_lines=own_limits.get("lines", limits.max_lines),
        max_files=own_limits.get("files", limits.max_files),
    )


def add_unexpected(scope: Scope, change: Change, text: str, *, before: Files, after: Files) -> Scope:
    """The same scope with the files in which only formatting changes, and those that ``text`` does not mention."""
    ranges = changed_ranges(change.patch)
    return replace(
        scope,
        formatting_only=find_formatting_only(before, after, ranges),
        unmentioned=find_unmentioned(text, after, ranges, paths=change.paths),
    )


def request_and_summary(task: Task, solution: Solution) -> str:
    """Everything that was written about the change: by the people who asked for it, and by the model."""
    cited = (citation.path for citation in solution.citations)
    return "\n".join([task.title, task.body, task.ask.text, solution.title, solution.summary, *cited])
