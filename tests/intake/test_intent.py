"""What people want, told from whole sentences: the table of ``comments.py``, read by the rules."""

from __future__ import annotations

import pytest

from dayhand.intake import intent
from dayhand.intake.grammar import Command, Misspelt, read
from dayhand.intake.verbs import (
    accept,
    allow,
    approve,
    budget,
    environment,
    fix,
    help,  # noqa: A004
    plan,
    question,
    quiet,
    retry,
    status,
    stop,
    unclear,
)
from dayhand.intake.verbs.base import Verb
from tests.intake import comments

HANDLES = ("bot", "dayhand")
ROWS = (
    *((fix, comment) for comment in comments.CHANGE),
    *((question, comment) for comment in comments.QUESTION),
    *((quiet, comment) for comment in (*comments.COURTESY, *comments.TALK)),
    *((help, comment) for comment in comments.HELP),
    *((stop, comment) for comment in comments.STOP),
    *((status, comment) for comment in comments.STATUS),
    *((retry, comment) for comment in comments.RETRY),
    *((budget, comment) for comment in comments.BUDGET),
    *((accept, comment) for comment in comments.ACCEPT),
    *((plan, comment) for comment in comments.PLAN),
    *((approve, comment) for comment in comments.APPROVE),
    *((allow, comment) for comment in comments.ALLOW),
    *((environment, comment) for comment in comments.ENVIRONMENT),
    *((unclear, comment) for comment in comments.UNKNOWN),
)


@pytest.mark.parametrize(("verb", "comment"), ROWS, ids=[comment for _, comment in ROWS])
def test_a_comment_is_understood_from_its_sentences(verb: Verb, comment: str) -> None:
    commands = read(comment, HANDLES)
    assert isinstance(commands, tuple), commands
    assert [command.verb for command in commands] == [verb]


@pytest.mark.parametrize(("comment", "names"), comments.SEVERAL.items())
def test_a_comment_can_hold_several_commands(comment: str, names: tuple[str, ...]) -> None:
    commands = read(comment, HANDLES)
    assert isinstance(commands, tuple), commands
    assert tuple(map(name, commands)) == names


@pytest.mark.parametrize("comment", comments.CLASHES)
def test_a_comment_that_contradicts_itself_is_not_a_command(comment: str) -> None:
    found = read(comment, HANDLES)
    assert isinstance(found, Misspelt)
    assert found.hint.startswith("This comment asks for both “")
    assert found.hint.endswith("”: write which of the two you want.")


def test_a_prohibition_beside_a_request_belongs_to_it() -> None:
    (command,) = read("@bot fix the parser. @bot don't touch the tests.", HANDLES)  # type: ignore[misc]
    assert command == Command(fix, "fix the parser.\n\ndon't touch the tests.")


@pytest.mark.parametrize(
    ("text", "assent"),
    [*((text, True) for text in comments.ASSENTS), *((text, False) for text in comments.NO_ASSENTS)],
)
def test_an_assent_says_yes_and_nothing_else(text: str, assent: bool) -> None:
    assert intent.assents(text) is assent


def name(command: Command) -> str:
    return "change" if command.verb is fix else command.verb.NAME


def test_rules_decide_most_of_the_table() -> None:
    decided = [comment for verb, comment in ROWS if verb is not unclear]
    assert len(ROWS) >= 150
    assert len(decided) >= 0.85 * len(ROWS)
