"""Thanks, and talk about the bot: a reaction or nothing, never a task."""

from __future__ import annotations

from dayhand.intake.intent import is_kind
from dayhand.intake.verbs.base import Decision, Instruction, VerbContext

NAME = ""
PATTERN = "(?!)"  # recognised by ``intent``


def act(instruction: Instruction, context: VerbContext) -> Decision:
    comment = instruction.comment
    if is_kind(instruction.text or comment.text) and context.is_allowed(comment):
        context.react(comment, "heart")
    return Decision(None, "the comment asks for nothing")
