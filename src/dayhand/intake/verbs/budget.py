"""`budget`: a limit for the task that runs here, or for another attempt at the last request."""

from __future__ import annotations

import re
from dataclasses import replace

from dayhand.intake import answers, refusals
from dayhand.intake.terms import AMOUNTS, Terms, read_amounts
from dayhand.intake.verbs.base import Decision, Instruction, VerbContext, find_thread, task_request
from dayhand.intake.verbs.retry import asked_limits, retry
from dayhand.task import TaskKind
from dayhand.usage import AskedLimits

NAME = "budget"
_BUDGET = r"(?:the |your |my |this )?(?:task's )?(?:budget|limit|cap|max(?:imum)?\.?)(?: (?:for|of) (?:this|that|the task|it))?"
_CHANGE = r"(?:raise|increase|bump|extend|lift|set|change)"
PATTERN = (
    rf"(?:{_CHANGE} )?(?:{_BUDGET}\W*(?:of |to |by )?)?{AMOUNTS}(?: (?:more|extra))?"
    rf"|another {AMOUNTS}|(?:cap|limit) (?:this|it) (?:at|to) {AMOUNTS}"
    rf"|(?:lower|reduce|cut|limit) {_BUDGET} to {AMOUNTS}"
    rf"|(?:add|give it|give yourself|you (?:get|have)) (?:another )?{AMOUNTS}(?: (?:more|extra))?(?: to {_BUDGET})?"
    rf"|(?:use|spend|take) (?:at most|up to|no more than|max(?:imum)?\.?) {AMOUNTS}(?: (?:on|for) (?:this|that|it))?"
)
ADDS = re.compile(r"\+|\b(?:add|more|extra|another|by)\b", re.IGNORECASE)


def act(instruction: Instruction, context: VerbContext) -> Decision:
    comment = instruction.comment
    thread = find_thread(context, comment.subject)
    task, known = thread.task, thread.task or thread.last
    before = asked_limits(context.ledger.record(known)) if known else AskedLimits()
    if not task:
        limits = changed(before, instruction.text)
        terms = Terms(*read_amounts(instruction.text))
        if str(limits):
            terms = Terms(limits.dollars, limits.minutes)
        return retry(
            instruction, context, terms=terms, none=answers.NO_REQUEST_FOR_BUDGET, runs=answers.STILL_RUNNING
        )
    if not context.is_allowed(comment):
        context.refuse(comment.subject, comment.sender, refusals.MAY_NOT_START)
        return Decision(None, f"{comment.sender} may not set a limit")
    limits = changed(before, instruction.text)
    if not str(limits):
        context.answer(comment, answers.NO_LIMIT_TO_RAISE)
        return Decision(task, "there is no limit to raise")
    request = task_request(
        comment.subject, TaskKind.QUESTION, instruction.text, asker=comment.sender, comment=comment.comment
    )
    ask = replace(request.ask, max_dollars=limits.dollars, max_minutes=limits.minutes)
    context.set_limits(task, replace(request, ask=ask))
    context.answer(comment, answers.BUDGET_IS_SET.format(limits))
    return Decision(task, "the limit of the task that runs is changed")


def changed(limits: AskedLimits, text: str) -> AskedLimits:
    """The limits as a comment sets them; with a plus, it adds to those that are set.

    >>> changed(AskedLimits(dollars=1.5), "budget +$2")
    AskedLimits(dollars=3.5, minutes=0.0)
    """
    dollars, minutes = read_amounts(text)
    if not ADDS.search(text):
        return AskedLimits(dollars or limits.dollars, minutes or limits.minutes)
    more_dollars = (dollars or 0.0) if limits.dollars else 0.0
    more_minutes = (minutes or 0.0) if limits.minutes else 0.0
    return AskedLimits(limits.dollars + more_dollars, limits.minutes + more_minutes)
