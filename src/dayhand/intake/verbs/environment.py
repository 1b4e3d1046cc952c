"""`environment`: examine what can be installed and run here. Nothing is changed."""

from __future__ import annotations

from dayhand.intake.events import Commented
from dayhand.intake.verbs.base import Decision, VerbContext, task_request
from dayhand.task import TaskKind

NAME = "environment"
ALONE = True
ARGUMENT = r"(?!)"


def act(comment: Commented, text: str, *, delivery: str, context: VerbContext) -> Decision:
    request = task_request(
        comment.subject,
        TaskKind.ENVIRONMENT,
        text,
        asker=comment.sender,
        comment=comment.comment,
        source=comment.text,
    )
    return context.open_task(request, delivery)
