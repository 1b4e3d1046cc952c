"""How far a change reaches: its size beside what is allowed, where it only alters layout, and what nobody spoke of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dayhand.environment.ecosystems.base import Files
from dayhand.file_kinds import is_lock
from dayhand.task import Change, Solution, Task
from dayhand.verification import Scope
from dayhand.verify.scope.formatting_only import find_layout, places_of
from dayhand.verify.scope.unmentioned import find_unmentioned


def measure(lines: Mapping[str, int], allowed: Scope) -> Scope:
    """The size of a change from its lines by path. What tools write into lock files is nobody's to read, and not counted."""
    counted = {path: count for path, count in lines.items() if not is_lock(path)}
    return replace(allowed, lines=sum(counted.values()), files=len(counted))


def survey(scope: Scope, change: Change, words: str, *, before: Files, after: Files) -> Scope:
    """The same with what is to be named: layout, and files that ``words`` do not lead to."""
    places = places_of(change.patch)
    return replace(
        scope,
        formatting_only=find_layout(before, after, places),
        unmentioned=find_unmentioned(words, after, places, paths=change.paths),
    )


def words_of(task: Task, solution: Solution) -> str:
    """Everything that was said of the change: by the people who asked, and in the account."""
    cited = (citation.path for citation in solution.citations)
    return "\n".join([task.title, task.body, task.ask.text, solution.title, solution.summary, *cited])
