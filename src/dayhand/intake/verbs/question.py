"""Any other text: a question about the work, or feedback on it."""

from __future__ import annotations

from dayhand.intake.verbs.base import Decision, Instruction, VerbContext, open_task
from dayhand.task import TaskKind

NAME = "ask"
PATTERN = r"ask(?: me| us)?\b[\s:,]*\S.*"  # and what ``intent`` recognises as a question


def act(instruction: Instruction, context: VerbContext) -> Decision:
    return open_task(instruction, TaskKind.QUESTION, context)
