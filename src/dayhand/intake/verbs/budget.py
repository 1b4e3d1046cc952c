"""`budget`: a limit for what is done next here: the last request is tried again under it."""

from __future__ import annotations

from dayhand.intake import answers
from dayhand.intake.terms import AMOUNTS, Terms, read_amounts
from dayhand.intake.verbs.base import Decision, Instruction, VerbContext
from dayhand.intake.verbs.retry import retry

NAME = "budget"
PATTERN = rf"(?:(?:budget|max(?:imum)?\.?|limit)\W*(?:of |to )?)?{AMOUNTS}"


def act(instruction: Instruction, context: VerbContext) -> Decision:
    terms = Terms(*read_amounts(instruction.text))
    return retry(
        instruction, context, terms=terms, none=answers.NO_REQUEST_FOR_BUDGET, runs=answers.BUDGET_IS_SET
    )
