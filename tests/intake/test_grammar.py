"""What a comment asks for, read as GitHub reads it."""

from __future__ import annotations

import pytest

from dayhand.intake.grammar import Accept, Command, Unclear, read
from dayhand.task import TaskKind

HANDLES = ("bot", "dayhand")


@pytest.mark.parametrize(
    ("comment", "kind", "words"),
    [
        ("@bot fix this", TaskKind.FIX, "fix this"),
        ("@Bot Fix it, please", TaskKind.FIX, "Fix it, please"),
        ("Hello @dayhand, fix the tests", TaskKind.FIX, "fix the tests"),
        ("@bot: fix", TaskKind.FIX, "fix"),
        ("**@bot** fix this", TaskKind.FIX, "fix this"),
        ("> is it so?\n\n@bot fix this", TaskKind.FIX, "fix this"),
        ("@bot\nfix this", TaskKind.FIX, "fix this"),
        ("@bot fix `total()` in\n\nthe shop", TaskKind.FIX, "fix `total()` in\n\nthe shop"),
        (
            "@bot are you sure that a rank field exists?",
            TaskKind.FOLLOW_UP,
            "are you sure that a rank field exists?",
        ),
        ("@bot environment", TaskKind.ENVIRONMENT, "environment"),
        ("Well, @bot: Environment?", TaskKind.ENVIRONMENT, "Environment?"),
        ("@bot environment variables are not read", TaskKind.FOLLOW_UP, "environment variables are not read"),
        ("@bot accept only numbers in the form", TaskKind.FOLLOW_UP, "accept only numbers in the form"),
        ("@bot why does fixing it take so long?", TaskKind.FOLLOW_UP, "why does fixing it take so long?"),
    ],
)
def test_a_mention_is_a_command(comment: str, kind: TaskKind, words: str) -> None:
    assert read(comment, HANDLES) == Command(kind, words)


@pytest.mark.parametrize("comment", ["@bot accept", "@bot Accept.", "I looked: @dayhand, accept!"])
def test_the_word_alone_accepts(comment: str) -> None:
    assert read(comment, HANDLES) == Accept()


@pytest.mark.parametrize(
    "comment",
    [
        "no one is spoken to",
        "> @bot fix this",
        "> said before\n> @bot fix this",
        "`@bot fix this` is what you write",
        "```\n@bot fix this\n```",
        "    @bot fix this",
        "[@bot fix this](https://example.org)",
        "<!-- @bot fix this -->",
        "![@bot fix this](x.png)",
        "mail me: me@bot fix",
        "foo@bot.example fix this",
        "@botany fix this",
        "@bot-two fix this",
        "@bot/team fix this",
        "/@bot fix",
        "",
    ],
)
def test_what_is_quoted_coded_linked_or_somebody_elses_is_none(comment: str) -> None:
    assert read(comment, HANDLES) is None


def test_an_empty_mention_is_answered_with_what_to_write() -> None:
    understood = read("@bot", HANDLES)
    assert isinstance(understood, Unclear)
    assert "“@bot fix this”" in understood.hint


def test_a_misspelt_environment_is_asked_about() -> None:
    assert read("@bot enviroment", HANDLES) == Unclear("Did you mean “@bot environment”?")


@pytest.mark.parametrize("comment", ["@bot fxi this", "@bot fi this", "@dayhand fixx"])
def test_a_misspelt_verb_is_answered_with_the_nearest(comment: str) -> None:
    understood = read(comment, HANDLES)
    assert isinstance(understood, Unclear)
    assert understood.hint.startswith("Did you mean “@")
    assert "fix" in understood.hint
