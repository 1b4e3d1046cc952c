"""`stop`: end the task of this thread wherever it is; its work so far is kept on its branch."""

from __future__ import annotations

from dayhand.intake import answers, refusals
from dayhand.intake.verbs.base import Decision, Instruction, VerbContext, find_thread
from dayhand.ledger.ledger import StopResult
from dayhand.ledger.repository_notes import record_withdrawal

NAME = "stop"
PATTERN = NAME


def act(instruction: Instruction, context: VerbContext) -> Decision:
    comment = instruction.comment
    if not context.is_allowed(comment):
        context.refuse(comment.subject, comment.sender, refusals.MAY_NOT_STOP)
        return Decision(None, f"{comment.sender} may not stop it")
    subject = comment.subject  # what was asked before is not begun later: this may be handled first
    record_withdrawal(context.ledger, subject.repository_id, subject.number, at=subject.updated_at)
    task = find_thread(context, comment.subject).task
    result = context.ledger.ask_to_stop(task, comment.sender) if task else None
    if result is StopResult.ASKED:
        context.react(comment, "+1")  # the task's own comment says where its work is
    else:
        context.answer(comment, answers.STOPPED[result])
    return Decision(None, f"stop: {result or 'nothing runs'}")
