"""`status`: where the work stands, and what it cost so far. No task, no cost."""

from __future__ import annotations

from dayhand.intake import answers, refusals
from dayhand.intake.verbs.base import Decision, Instruction, VerbContext, find_thread

NAME = "status"
PATTERN = NAME


def act(instruction: Instruction, context: VerbContext) -> Decision:
    comment = instruction.comment
    if not context.is_allowed(comment):
        context.refuse(comment.subject, comment.sender, refusals.MAY_NOT_START)
        return Decision(None, f"{comment.sender} may not write to {comment.subject.repository}")
    thread = find_thread(context, comment.subject)
    context.answer(
        comment, answers.status(context.ledger, thread), links=answers.links(context.ledger, thread)
    )
    return Decision(None, "the status was given")
