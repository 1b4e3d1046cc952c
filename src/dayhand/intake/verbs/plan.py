"""`plan`: what would be changed, with the risk and an estimate; nothing is changed before a person approves."""

from __future__ import annotations

from dayhand.intake.verbs.base import Decision, Instruction, VerbContext, open_task
from dayhand.task import TaskKind

NAME = "plan"
PATTERN = NAME


def act(instruction: Instruction, context: VerbContext) -> Decision:
    return open_task(instruction, TaskKind.PLAN, context)
