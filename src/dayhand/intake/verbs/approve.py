"""`approve`: the work on the thread's plan starts, with the changes that the person writes behind the word."""

from __future__ import annotations

import re
from dataclasses import replace

from dayhand.intake import answers, refusals
from dayhand.intake.verbs.base import (
    Decision,
    Instruction,
    VerbContext,
    comment_beside,
    find_thread,
    task_request,
)
from dayhand.ledger.repository_notes import forget_plan, waiting_plan
from dayhand.task import TaskKind

NAME = "approve"
PATTERN = NAME
CHANGES = re.compile(r"(?:\s*[,.;:–—-]\s*(?:but\s+)?|\s+(?:but|with|and)\s+)(?P<changes>\w.*)", re.DOTALL)


def act(instruction: Instruction, context: VerbContext) -> Decision:
    comment = instruction.comment
    if not context.is_allowed(comment):
        context.refuse(comment.subject, comment.sender, refusals.MAY_NOT_APPROVE)
        return Decision(None, f"{comment.sender} may not approve a plan")
    thread = find_thread(context, comment.subject)
    plan = waiting_plan(context.ledger, thread.key)
    if not plan:
        context.answer(comment, answers.NO_PLAN)
        return Decision(None, "there is no plan to approve")
    changes = CHANGES.search(instruction.text)
    text = f"Carry out this plan, which {comment.sender} approved:\n\n{plan}"
    if changes:
        text = f"{text}\n\nWhat {comment.sender} wants otherwise: {changes['changes']}"
    text += comment_beside(instruction.text, comment.text)
    request = task_request(
        comment.subject,
        TaskKind.FOLLOW_UP if comment.subject.is_pull else TaskKind.FIX,
        instruction.text,
        asker=comment.sender,
        comment=comment.comment,
        source=comment.text,
    )
    approved = replace(request, ask=replace(request.ask, text=text, approved=True))
    decision = context.open_task(approved, instruction.delivery)
    forget_plan(context.ledger, thread.key)
    return decision
