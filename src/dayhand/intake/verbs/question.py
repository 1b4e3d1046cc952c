"""Any other text: a question about the work, or feedback on it."""

from __future__ import annotations

from dayhand.intake.events import Commented
from dayhand.intake.verbs.base import Decision, VerbContext, task_request
from dayhand.task import TaskKind

NAME = ""
ALONE = False
ARGUMENT = r"(?!)"


def act(comment: Commented, text: str, *, delivery: str, context: VerbContext) -> Decision:
    request = task_request(
        comment.subject,
        TaskKind.FOLLOW_UP,
        text,
        asker=comment.sender,
        comment=comment.comment,
        source=comment.text,
    )
    return context.open_task(request, delivery)
