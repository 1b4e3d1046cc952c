"""A comment that no rule understands: the model decides what is wanted, before anything is drafted."""

from __future__ import annotations

from dayhand.intake.verbs.base import Decision, Instruction, VerbContext, open_task
from dayhand.task import TaskKind

NAME = ""
PATTERN = "(?!)"  # what ``intent`` does not understand


def act(instruction: Instruction, context: VerbContext) -> Decision:
    return open_task(instruction, TaskKind.UNCLEAR, context)
