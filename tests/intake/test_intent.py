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
VERBS: dict[str, Verb] = {
    "change": fix,
    "question": question,
    "courtesy": quiet,
    "talk": quiet,
    "help": help,
    "stop": stop,
    "status": status,
    "retry": retry,
    "budget": budget,
    "accept": accept,
    "plan": plan,
    "approve": approve,
    "allow": allow,
    "environment": environment,
    "unclear": unclear,
}


@pytest.mark.parametrize("wanted", VERBS)
def test_a_comment_is_understood_from_its_sentences(wanted: str) -> None:
    understood = {comment: names(comment) for comment in comments.INTENTS[wanted]}
    assert understood == dict.fromkeys(understood, (verb_name(VERBS[wanted]),))


@pytest.mark.parametrize("noun", comments.NOUNS)
def test_a_word_of_one_language_is_not_a_negation_of_another(noun: str) -> None:
    requests = (
        f"@bot please fix the {noun}",
        f"@bot add a {noun} to the parser",
        f"@bot the {noun} is wrong, please fix it",
    )
    assert [names(comment) for comment in requests] == [("change",)] * len(requests)


@pytest.mark.parametrize(("comment", "expected"), comments.SEVERAL.items())
def test_a_comment_can_hold_several_commands(comment: str, expected: tuple[str, ...]) -> None:
    assert names(comment) == expected


@pytest.mark.parametrize("comment", comments.NOT_SPOKEN_TO)
def test_a_quoted_command_is_none(comment: str) -> None:
    assert read(comment, HANDLES) == ()


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


def names(comment: str) -> tuple[str, ...]:
    """The verbs of a comment; the reply's text if it is not understood."""
    commands = read(comment, HANDLES)
    return tuple(verb_name(one.verb) for one in commands) if isinstance(commands, tuple) else (commands.hint,)


def verb_name(verb: Verb) -> str:
    unnamed: dict[Verb, str] = {fix: "change", quiet: "nothing", unclear: "unclear"}
    return unnamed.get(verb, verb.NAME)


def test_rules_decide_most_of_the_table() -> None:
    sizes = {wanted: len(texts) for wanted, texts in comments.INTENTS.items()}
    assert sum(sizes.values()) >= 150
    assert sum(sizes.values()) - sizes["unclear"] >= 0.85 * sum(sizes.values())
