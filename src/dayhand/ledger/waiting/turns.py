"""What decides when a waiting task is next."""

from __future__ import annotations

from enum import IntEnum

from dayhand.task import Task, TaskKind


class Class(IntEnum):
    """The order of the classes; a task that was claimed before is in ``BEGUN`` from then on."""

    BEGUN = 0  # it continues, or a person asked to stop it
    FOLLOW_UP = 1
    FIRST = 2
    UNREQUESTED = 3  # an examination that no person asked for


def encode_turn(task: Task) -> str:
    """What decides when a task is next: its class, age, installation, repository and person."""
    ask = task.ask
    if not task.number and ask.kind is TaskKind.ENVIRONMENT:
        rank = Class.UNREQUESTED
    elif ask.on_pull or ask.kind in (TaskKind.FOLLOW_UP, TaskKind.ACCEPT):
        rank = Class.FOLLOW_UP
    else:
        rank = Class.FIRST
    repository, person = (text.lower().replace("\t", " ") for text in (task.repository, ask.asker))
    return f"{rank:d}\t{task.created_at!r}\t{task.installation}\t{repository}\t{person}"
