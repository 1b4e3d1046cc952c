"""`fix`: change the code. On a pull request it continues the work there."""

from __future__ import annotations

from dayhand.intake.events import Commented
from dayhand.intake.verbs.base import Decision, VerbContext, task_request
from dayhand.task import TaskKind

NAME = "fix"
ALONE = False
ARGUMENT = r"(?!)"


def act(comment: Commented, text: str, *, delivery: str, context: VerbContext) -> Decision:
    kind = TaskKind.FOLLOW_UP if comment.subject.is_pull else TaskKind.FIX
    request = task_request(
        comment.subject, kind, text, asker=comment.sender, comment=comment.comment, source=comment.text
    )
    return context.open_task(request, delivery)
