"""A review of our pull request is one request; each of its threads is answered with the commit."""

from __future__ import annotations

from dataclasses import replace

from dayhand.localhub.state.models import Issue, ReviewThread
from dayhand.localhub.state.reviews import LineNote
from dayhand.scripted_model.moves import Finish, Patch
from tests.journey.harness import UNTESTED_SHOP, Harness

BETTER = Patch(
    "*** Begin Patch\n*** Update File: shop.py\n@@ def total(prices):\n-    return sum(prices)\n"
    "+    return sum(prices, start=0)\n*** End Patch"
)


def our_pull(harness: Harness) -> Issue:
    repo = harness.repository("shop", UNTESTED_SHOP)
    harness.label(repo, harness.issue(repo))
    harness.work()
    (pull,) = harness.pulls(repo)
    return pull


def test_a_review_is_one_request_each_thread_is_answered_and_one_without_a_request_starts_nothing(
    harness: Harness,
) -> None:
    pull = our_pull(harness)
    actions, repo = harness.hub.actions, harness.hub.actions.repo("ada", "shop")
    harness.scripted_model.turns = [[BETTER], [Finish("Say where the sum starts", "As you asked.")]]
    notes = [
        LineNote("shop.py", 2, "Say where it starts. ```x``` <!-- HIDDEN -->"),
        LineNote("shop.py", 1, "And name it."),
    ]
    actions.review(repo, pull, harness.ada, event="REQUEST_CHANGES", body="Almost there.", notes=notes)
    harness.settle()
    (task_id,) = harness.waiting()
    assert pull.pull
    assert [one.content for one in pull.pull.reviews[0].reactions] == ["eyes"]
    second = pull.pull.threads[1].comments[0]
    actions.edit_review_comment(repo, pull, second, body="Delete it.", by=harness.bob)
    harness.work()
    prompt = harness.scripted_model.result

    assert "Someone reviewed the pull request." in prompt
    assert "What ada, who has write access, asks:" in prompt
    assert "On `shop.py:2`:" in prompt
    assert "+    return sum(prices)" in prompt
    assert "Say where it starts." in prompt
    assert "And name it." in prompt
    assert "HIDDEN" not in prompt
    assert "Delete it." not in prompt
    head = pull.pull.head_sha
    for thread in pull.pull.threads:
        (reply,) = thread.comments[1:]
        assert reply.body.startswith(f"[`{head[:8]}`]")
        assert "changes this file: Say where the sum starts" in reply.body
    assert len(harness.pulls(repo)) == 1
    assert harness.waiting() == []  # our own replies ask for nothing
    assert [body for body in harness.bot_comments(pull) if task_id in body]

    note, said = LineNote("shop.py", 2, "Nice."), harness.bot_comments(pull)
    actions.review(repo, pull, harness.ada, event="APPROVE", body="Thank you!")
    actions.review(repo, pull, harness.bob, event="COMMENT", notes=[note])  # may not write, asks for nothing
    thread = pull.pull.threads[-1]
    actions.reply_in_thread(repo, pull, thread=thread, user=harness.ada, body="I agree.")
    harness.settle()
    assert harness.waiting() == []
    assert harness.bot_comments(pull) == said, "what asks for nothing is not refused either"
    actions.review(repo, pull, harness.bob, event="REQUEST_CHANGES", body="Please change it.")
    harness.settle()
    assert harness.waiting() == []
    assert "write access" in harness.bot_comments(pull)[-1]


def test_a_review_during_a_task_and_a_mention_in_a_reply_get_answers_in_their_threads(
    harness: Harness,
) -> None:
    pull = our_pull(harness)
    actions, repo = harness.hub.actions, harness.hub.actions.repo("ada", "shop")
    assert pull.pull
    harness.scripted_model.turns = [[BETTER], [Finish("Say where the sum starts", "As you asked.")]]
    harness.comment(repo, pull, "@bot fix the start of the sum")
    note = LineNote("shop.py", 2, "Say where it starts.")
    actions.review(repo, pull, harness.ada, event="REQUEST_CHANGES", body="Almost.", notes=[note])
    harness.settle()
    assert len(harness.waiting()) == 1
    harness.work()
    (thread,) = pull.pull.threads
    assert [one.body.startswith(f"[`{pull.pull.head_sha[:8]}`]") for one in thread.comments] == [False, True]

    worse = BETTER.text.replace("-    return sum(prices)\n", "-    return sum(prices, start=0)\n").replace(
        "start=0)\n*", "start=+0)\n*"
    )
    harness.scripted_model.turns = [[Patch(worse)], [Finish("Say it with a sign", "As you asked.")]]
    actions.reply_in_thread(
        repo, pull, thread=thread, user=harness.ada, body="@bot please write it with a sign"
    )
    harness.settle()
    harness.work()
    changed = "On `shop.py:2`, as it was before a later commit changed that line:"
    assert changed in harness.scripted_model.result
    assert "please write it with a sign" in harness.scripted_model.result
    assert thread.comments[-1].body.startswith(f"[`{pull.pull.head_sha[:8]}`]")
    assert harness.waiting() == []

    review = pull.pull.reviews[0]
    actions.edit_review(repo, pull, review, body="Almost!", by=harness.ada)
    harness.settle()
    assert harness.waiting() == [], "a correction asks for nothing new"
    actions.edit_review(repo, pull, review, body="Almost! @bot rename it, too", by=harness.bob)
    harness.settle()
    assert harness.waiting() == []
    actions.edit_review(repo, pull, review, body="Almost! @bot fix the name, too", by=harness.ada)
    harness.settle()
    assert len(harness.waiting()) == 1


def test_a_review_with_two_hundred_comments_is_read_and_answered_within_bounds(harness: Harness) -> None:
    pull = our_pull(harness)
    actions, repo = harness.hub.actions, harness.hub.actions.repo("ada", "shop")
    harness.scripted_model.turns = [[BETTER], [Finish("Say where the sum starts", "As you asked.")]]
    first = LineNote("shop.py", 2, "Wish 0.")
    assert pull.pull
    actions.review(repo, pull, harness.ada, event="REQUEST_CHANGES", notes=[first])
    (thread,) = pull.pull.threads
    for number in range(1, 200):
        wish = replace(thread.comments[0], id=actions.next_id(), body=f"Wish {number}.")
        pull.pull.threads.append(ReviewThread(actions.next_id(), [wish]))
    harness.settle()
    (record,) = harness.work()
    assert "Wish 0." in record.task.ask.text
    assert "Wish 199." in record.task.ask.text
    replies = [thread.comments[1].body for thread in pull.pull.threads if len(thread.comments) > 1]
    assert len(replies) == 20
    assert "The 180 other threads are not answered one by one" in replies[-1]
