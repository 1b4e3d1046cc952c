"""`help`: what this person may do here. No task, no cost."""

from __future__ import annotations

from dayhand.intake.verbs.base import Decision, Instruction, VerbContext

NAME = "help"
PATTERN = NAME
FOR_WRITERS = """\
You have write access here. Write to me in your own words, or with these commands:

| comment | what happens |
|---|---|
| `{handle} fix this` | a tested pull request for the issue; on a pull request, one more commit |
| `{handle} ask …` | an answer with the lines that prove it; nothing is changed |
| `{handle} plan`, then `{handle} approve`, or `{handle} approve, but …` | a plan with an estimate; the work starts once you approve it |
| `{handle} stop`, `{handle} status` | stops the task here, or says where it stands and what it cost |
| `{handle} retry`, `{handle} retry with …` | another attempt at the last request, on the same pull request |
| `max $2`, `10 min` in a request, `{handle} budget $2` | a limit for the task, or for another attempt |
| `{handle} allow registry.example.org` | set-up may reach this host, for this issue and its pull request |
| `{handle} environment` | what can be installed and run in this repository |
| `{handle} accept` | accepts a pull request of mine that waits for your decision |
| `{handle} help` | this list |"""
FOR_READERS = (
    "Only people with write access to this repository can start a task. "
    "Ask one of them to add the label or to write the comment."
)


def act(instruction: Instruction, context: VerbContext) -> Decision:
    comment = instruction.comment
    words = FOR_WRITERS if context.is_allowed(comment) else FOR_READERS
    context.answer(comment, words.format(handle=f"@{context.hub.slug()}"))
    return Decision(None, "help was given")
