"""What a comment asks for, read as GitHub reads it."""

from __future__ import annotations

import pytest

from dayhand.intake.grammar import Command, Misspelt, read
from dayhand.intake.verbs import accept, environment, fix, question, unclear
from dayhand.intake.verbs.base import Verb

HANDLES = ("bot", "dayhand")


@pytest.mark.parametrize(
    ("comment", "verb", "text"),
    [
        ("@bot fix this", fix, "fix this"),
        ("@Bot Fix it, please", fix, "Fix it, please"),
        ("Hello @dayhand, fix the tests", fix, "fix the tests"),
        ("@bot: fix", fix, "fix"),
        ("**@bot** fix this", fix, "fix this"),
        ("> is it so?\n\n@bot fix this", fix, "fix this"),
        ("@bot\nfix this", fix, "fix this"),
        ("@bot fix `total()` in\n\nthe shop", fix, "fix `total()` in\n\nthe shop"),
        (
            "@bot are you sure that a rank field exists?",
            question,
            "are you sure that a rank field exists?",
        ),
        ("@bot environment", environment, "environment"),
        ("Well, @bot: Environment?", environment, "Environment?"),
        ("@bot environment variables are not read", unclear, "environment variables are not read"),
        ("@bot accept 1a2b3c4d", accept, "accept 1a2b3c4d"),
        ("@bot accept `1a2b3c4d`.", accept, "accept `1a2b3c4d`."),
        ("@bot accept 1a2b3c4d only", unclear, "accept 1a2b3c4d only"),
        ("@bot environment 1a2b3c4d", unclear, "environment 1a2b3c4d"),
        ("@bot accept only numbers in the form", fix, "accept only numbers in the form"),
        ("@bot why does fixing it take so long?", question, "why does fixing it take so long?"),
    ],
)
def test_a_mention_is_a_command(comment: str, verb: Verb, text: str) -> None:
    assert read(comment, HANDLES) == (Command(verb, text),)


@pytest.mark.parametrize("comment", ["@bot accept", "@bot Accept.", "I looked: @dayhand, accept!"])
def test_the_word_alone_accepts(comment: str) -> None:
    assert read(comment, HANDLES) == (Command(accept, comment.partition("bot ")[2] or "accept!"),)


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
        "<span hidden>@bot fix this</span>",
        "<div hidden>\n\n@bot fix this\n\n</div>",
        "[^1]: @bot fix this",
        "$\\phantom{@bot fix this}$",
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
    assert read(comment, HANDLES) == ()


def test_an_empty_mention_is_answered_with_what_to_write() -> None:
    understood = read("@bot", HANDLES)
    assert isinstance(understood, Misspelt)
    assert "“@bot fix this”" in understood.hint


def test_a_misspelt_environment_is_asked_about() -> None:
    assert read("@bot enviroment", HANDLES) == Misspelt("Did you mean “@bot environment”?")


@pytest.mark.parametrize("comment", ["@bot fxi this", "@bot fi this", "@dayhand fixx"])
def test_a_misspelt_verb_is_answered_with_the_nearest(comment: str) -> None:
    understood = read(comment, HANDLES)
    assert isinstance(understood, Misspelt)
    assert understood.hint.startswith("Did you mean “@")
    assert "fix" in understood.hint
