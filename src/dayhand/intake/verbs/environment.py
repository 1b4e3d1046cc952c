"""`environment`: examine what can be installed and run here. Nothing is changed."""

from __future__ import annotations

from dayhand.intake.verbs.base import Decision, Instruction, VerbContext, open_task
from dayhand.task import TaskKind

NAME = "environment"
PATTERN = rf"(?:(?:check|examine|inspect|test) )?(?:the |this |your )?{NAME}"


def act(instruction: Instruction, context: VerbContext) -> Decision:
    return open_task(instruction, TaskKind.ENVIRONMENT, context)
