"""What people say on GitHub, and what they see there at once, before any worker has begun."""

from __future__ import annotations

from dayhand.task import TaskKind
from tests.journey.harness import Harness


def test_words_that_ask_for_nothing_start_nothing(harness: Harness) -> None:
    repo = harness.repository("shop")
    for comment, reactions in (
        ("Thanks @bot!", ["heart"]),
        ("@bot lgtm 👍", ["heart"]),
        ("please do not let @bot fix this", []),
        ("I asked @bot to fix this yesterday. Please review.", []),
        ("cc @bot", []),
        ("> @bot fix this\n\nNo, I will do it.", []),
    ):
        issue = harness.issue(repo)
        harness.comment(repo, issue, comment)
        assert harness.waiting() == [], comment
        assert harness.bot_comments(issue) == [], comment
        assert [reaction.content for reaction in issue.comments[0].reactions] == reactions, comment


def test_a_misspelt_word_is_answered_at_each_comment(harness: Harness) -> None:
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot fxi this")
    harness.comment(repo, issue, "@bot enviroment")
    first, second = (text.replace("\u200b", "") for text in harness.bot_comments(issue))
    assert "Did you mean “@bot fix this”?" in first
    assert "Did you mean “@bot environment”?" in second
    assert harness.waiting() == []


def test_a_typo_that_is_corrected_counts_and_another_edit_does_not(harness: Harness) -> None:
    repo = harness.repository("shop")
    issue, actions = harness.issue(repo), harness.hub.actions
    comment = actions.comment(repo, issue, harness.ada, body="@bot fxi this")
    actions.edit_comment(repo, issue, comment, body="@bot fix this", by=harness.ada)
    harness.hub.wait_idle()
    (task_id,) = harness.waiting()
    assert harness.ledger.task(task_id).ask.kind is TaskKind.FIX
    harness.work()
    actions.edit_comment(repo, issue, comment, body="@bot fix this\n\n> quoted later", by=harness.ada)
    actions.edit_comment(repo, issue, comment, body="@bot fix that", by=harness.bob)
    harness.hub.wait_idle()
    assert harness.waiting() == []


def test_a_mention_in_a_new_issue_counts_as_a_comment(harness: Harness) -> None:
    repo, actions = harness.repository("shop"), harness.hub.actions
    actions.open_issue(
        repo, harness.ada, "Totals are one too high", body="An empty cart costs 1.\n\n@bot fix it"
    )
    harness.hub.wait_idle()
    (task_id,) = harness.waiting()
    assert harness.ledger.task(task_id).ask.kind is TaskKind.FIX
    refused = actions.open_issue(repo, harness.bob, "Totals are one too high", body="@bot please fix this")
    harness.hub.wait_idle()
    assert harness.waiting() == [task_id]
    assert "Only people with write access" in harness.bot_comments(refused)[0]


def test_help_says_what_this_person_may_do(harness: Harness) -> None:
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot help")
    harness.comment(repo, issue, "@bot what can you do?", by=harness.bob)
    for_ada, for_bob = harness.bot_comments(issue)
    assert for_ada.startswith("@ada You have write access here.")
    assert "| `@dayhand fix this` | a tested pull request for the issue" in for_ada
    assert for_bob.startswith("@bob Only people with write access to this repository can start a task.")
    assert harness.waiting() == []
