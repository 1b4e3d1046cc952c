"""`fix`: change the code. On a pull request it continues the work there."""

from __future__ import annotations

from dayhand.intake.verbs.base import Decision, Instruction, VerbContext, open_task
from dayhand.task import TaskKind

NAME = "fix"
PATTERN = "(?!)"  # a change is recognised by ``intent``


def act(instruction: Instruction, context: VerbContext) -> Decision:
    return open_task(
        instruction, TaskKind.FOLLOW_UP if instruction.comment.subject.is_pull else TaskKind.FIX, context
    )
