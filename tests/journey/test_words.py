"""What people say on GitHub, and what they see there at once, before any worker has begun."""

from __future__ import annotations

import json
from dataclasses import replace

from dayhand.ledger import facts
from dayhand.ledger.journal import usage_so_far
from dayhand.ledger.spending import record_spending
from dayhand.scripted_model.moves import Finish, Move, ToolCall
from dayhand.task import Proposed, State, TaskKind
from dayhand.usage import Usage
from tests.intake import comments
from tests.journey.harness import DONE, UNTESTED_SHOP, Harness
from tests.journey.test_trust import ASKING_FILES, BROKEN, answers
from tests.tasks import find_abandoned


def test_words_that_ask_for_nothing_start_nothing(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
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
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot fxi this")
    harness.comment(repo, issue, "@bot enviroment")
    first, second = (text.replace("\u200b", "") for text in harness.bot_comments(issue))
    assert "Did you mean “@bot fix this”?" in first
    assert "Did you mean “@bot environment”?" in second
    assert harness.waiting() == []


def test_a_typo_that_is_corrected_counts_and_another_edit_does_not(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue, actions = harness.issue(repo), harness.hub.actions
    comment = actions.comment(repo, issue, harness.ada, body="@bot fxi this")
    actions.edit_comment(repo, issue, comment, body="@bot fix this", by=harness.ada)
    harness.settle()
    (task_id,) = harness.waiting()
    assert harness.ledger.task(task_id).ask.kind is TaskKind.FIX
    harness.scripted_model.turns = [[DONE]]
    harness.work()
    actions.edit_comment(repo, issue, comment, body="@bot fix this\n\n> quoted later", by=harness.ada)
    actions.edit_comment(repo, issue, comment, body="@bot fix that", by=harness.bob)
    harness.settle()
    assert harness.waiting() == []


def test_a_mention_in_a_new_issue_counts_as_a_comment(harness: Harness) -> None:
    repo, actions = harness.repository("shop", UNTESTED_SHOP), harness.hub.actions
    actions.open_issue(
        repo, harness.ada, "Totals are one too high", body="An empty cart costs 1.\n\n@bot fix it"
    )
    harness.settle()
    (task_id,) = harness.waiting()
    assert harness.ledger.task(task_id).ask.kind is TaskKind.FIX
    refused = actions.open_issue(repo, harness.bob, "Totals are one too high", body="@bot please fix this")
    harness.settle()
    assert harness.waiting() == [task_id]
    assert "Only people with write access" in harness.bot_comments(refused)[0]


def test_help_says_what_this_person_may_do(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot help")
    harness.comment(repo, issue, "@bot what can you do?", by=harness.bob)
    for_ada, for_bob = harness.bot_comments(issue)
    assert for_ada.startswith("@ada You have write access here.")
    assert "| `@dayhand fix this` | a tested pull request for the issue" in for_ada
    assert for_bob.startswith("@bob Only people with write access to this repository can start a task.")
    assert harness.waiting() == []


def test_a_stop_a_removed_label_and_a_closed_issue_end_what_waits_and_the_next_word_works(
    harness: Harness,
) -> None:
    repo, actions, ada = harness.repository("shop", UNTESTED_SHOP), harness.hub.actions, harness.ada
    for stop, said in (
        (lambda issue: harness.comment(repo, issue, "@bot please stop"), "@ada Stopped before it began."),
        (
            lambda issue: actions.unlabel(repo, issue, "codex", by=ada),
            "before it began: ada removed the label.",
        ),
        (lambda issue: actions.set_state(repo, issue, "closed", by=ada), "before it began: ada closed #"),
    ):
        issue = harness.issue(repo)
        harness.label(repo, issue)
        task_id = harness.waiting()[-1]
        stop(issue)
        harness.settle()
        assert harness.ledger.record(task_id).state is State.STOPPED
        assert said in harness.bot_comments(issue)[0]
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot stop")
    assert "Nothing is running here" in harness.bot_comments(issue)[0]
    harness.comment(repo, issue, "@bot stop", by=harness.bob)
    assert harness.bot_comments(issue)[1].startswith("@bob Only people with write access")
    harness.comment(repo, issue, "@bot stop. @bot fix this")
    assert harness.ledger.record(harness.waiting()[-1]).state is State.QUEUED


def test_the_status_tells_the_place_in_the_queue(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    first, second = harness.issue(repo), harness.issue(repo)
    harness.comment(repo, second, "@bot status")
    assert "Nothing has been asked of me here yet." in harness.bot_comments(second)[0]
    harness.label(repo, first)
    harness.comment(repo, second, "@bot fix this on branch develop, max $1.50, 10 min")
    ask = harness.ledger.task(harness.waiting()[1]).ask
    assert (ask.max_dollars, ask.max_minutes, ask.base) == (1.5, 10, "develop")
    harness.comment(repo, second, "@bot how is it going?")
    assert (
        "The task here is queued. Place 2 of 2 in the queue. It has cost nothing so far."
        in harness.bot_comments(second)[1]
    )


def test_a_finished_task_is_tried_again_by_words_by_re_run_and_by_its_button(harness: Harness) -> None:
    repo, actions = harness.repository("shop", UNTESTED_SHOP), harness.hub.actions
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot retry")
    assert "Nothing has been asked of me here yet." in harness.bot_comments(issue)[0]
    harness.label(repo, issue)
    (record,) = harness.work()
    assert record.state is State.PROPOSED, record.reason
    (pull,) = harness.pulls(repo)
    harness.comment(repo, issue, "@bot status")
    link = f"[The pull request]({harness.hub.url}/{repo.full_name}/pull/{pull.number})"
    assert link in harness.bot_comments(issue)[-1]
    run = repo.checks[record.fact(facts.CHECK) or 0]
    assert [button["label"] for button in run.actions] == ["Retry"]
    for again in (
        lambda: harness.comment(repo, issue, "@bot retry with fewer lines, max $2"),
        lambda: actions.click(repo, run, "retry", by=harness.ada),
        lambda: actions.rerun(repo, run, by=harness.ada),
        lambda: actions.rerun_all(repo, run.suite, by=harness.ada),
        lambda: harness.comment(repo, pull, "@bot budget $3"),
    ):
        again()
        harness.settle()
        (task_id,) = {one for one in harness.waiting() if one in find_abandoned(harness.ledger)}
        ask = harness.ledger.task(task_id).ask
        assert (ask.kind, ask.asker) == (TaskKind.FIX, "ada")
        harness.comment(repo, issue, "@bot stop")
    texts = [harness.ledger.task(task_id).ask.text for task_id in harness.waiting()]
    assert "Try again with fewer lines" in texts[0]
    harness.comment(repo, issue, "@bot status")
    assert "The last task here was stopped. ada stopped this task." in harness.bot_comments(issue)[-1]


def said_by_the_model(wanted: str, question: str = "") -> list[Move]:
    return [ToolCall("understand", json.dumps({"wanted": wanted, "question": question}))]


def test_what_no_rule_understands_is_put_to_the_model_and_its_answer_is_obeyed(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    for comment, wanted in comments.UNKNOWN.items():
        if wanted in ("nothing", "ask"):
            issue = harness.issue(repo)
            harness.scripted_model.turns = [said_by_the_model(wanted, "A new page, or a fix?")]
            harness.comment(repo, issue, comment)
            (record,) = harness.work()
            assert record.state is State.ANSWERED, (comment, record.reason)
            answers = harness.bot_comments(issue)
            assert len(answers) == (wanted == "ask"), comment
            assert all("@ada A new page, or a fix?" in text for text in answers)
    assert harness.pulls(repo) == []
    assert harness.branches(repo) == {"main"}, "nothing was drafted before"


def test_an_unclear_comment_that_wants_a_change_becomes_one_and_its_reading_is_in_the_bill(
    harness: Harness,
) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.scripted_model.triggers = {"Decide what the comment": said_by_the_model("change")}
    harness.comment(repo, issue, "@bot the test is still red")
    (record,) = harness.work()
    assert record.state is State.PROPOSED, record.reason
    (pull,) = harness.pulls(repo)
    assert f"Fixes #{issue.number}" in pull.body
    assert isinstance(record.outcome, Proposed)
    assert record.outcome.solution.usage.turns == 3
    assert usage_so_far(harness.ledger.redis, record.task.id).turns == 3


def test_a_vague_issue_is_questioned_once_and_then_an_assumption_is_stated(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo, title="Nicer totals", body="")
    harness.scripted_model.triggers = {
        "Decide whether you can begin": said_by_the_model("ask", "Rounded, or right?"),
        "Decide what the comment": said_by_the_model("change"),
    }
    harness.label(repo, issue)
    (record,) = harness.work()
    assert record.state is State.ANSWERED, record.reason
    (question,) = harness.bot_comments(issue)
    assert "@ada Rounded, or right? Answer in a comment that mentions me, and I begin." in question
    assert harness.branches(repo) == {"main"}
    harness.comment(repo, issue, "@bot right ones")
    (record,) = harness.work()
    assert record.state is State.PROPOSED, record.reason
    assert "state the assumption in `summary`" in harness.model_server.bodies[-1].decode()
    other = harness.issue(repo, title="Nicer totals", body="")
    harness.scripted_model.triggers = {"Decide whether you can begin": said_by_the_model("change")}
    harness.scripted_model.turns = [[DONE]]
    harness.label(repo, other)
    harness.work()
    assert "The sum began at one." in harness.bot_comments(other)[0], "the work was begun"


def test_a_question_changes_nothing_even_if_the_model_does(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot are you sure that it sums?")
    (record,) = harness.work()
    assert record.state is State.ANSWERED, record.reason
    assert "The sum began at one." in harness.bot_comments(issue)[0]
    assert (harness.pulls(repo), harness.branches(repo)) == ([], {"main"})


def test_a_host_is_allowed_for_a_thread_by_someone_with_write_access(harness: Harness) -> None:
    makefile, ask = ASKING_FILES
    repo = harness.repository("allowing", {**BROKEN, "Makefile": makefile, "ask.py": ask})
    issue, other = harness.issue(repo), harness.issue(repo)
    harness.comment(repo, issue, "@bot allow own.invalid", by=harness.bob)
    harness.comment(repo, issue, "@bot please allow `own.invalid`, thanks")
    refused, allowed = harness.bot_comments(issue)
    assert refused.startswith("@bob Only people with write access to this repository can allow a host.")
    assert "Set-up may reach `own.invalid` for this issue" in allowed
    harness.scripted_model.turns = [[Finish("Yes", "It asks.")]]
    harness.comment(repo, issue, "@bot ask does it ask?")
    harness.comment(repo, other, "@bot ask does it ask?")
    here, elsewhere = harness.work()
    assert "no address" in answers(harness, here)
    assert "not allowed" in answers(harness, elsewhere)


def test_work_starts_once_somebody_who_may_approves_the_plan(harness: Harness) -> None:
    repo = harness.repository("shop", {**UNTESTED_SHOP, ".dayhand.toml": '[work]\nplan = "always"\n'})
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot approve")
    assert "There is no plan here that waits for approval." in harness.bot_comments(issue)[0]
    harness.label(repo, issue)
    (planned,) = harness.work()
    assert planned.state is State.ANSWERED, planned.reason
    said = harness.bot_comments(issue)[1].replace("\u200b", "")
    assert "The sum began at one." in said
    assert "There is no estimate: no change of mine is finished in this repository yet." in said
    assert "To start, comment `@bot approve`" in said
    assert harness.branches(repo) == {"main"}
    harness.comment(repo, issue, "@bot approve", by=harness.bob)
    assert "can approve a plan" in harness.bot_comments(issue)[2]
    harness.comment(repo, issue, "@bot approve, but keep the name")
    (done,) = harness.work()
    assert done.state is State.PROPOSED, done.reason
    assert "The sum began at one.\n\nWhat ada wants otherwise: keep the name" in done.task.ask.text
    other = harness.issue(repo, title="Totals are wrong")
    harness.comment(repo, other, "@bot plan this first")
    harness.work()
    assert "the median of 1 finished change in this repository." in harness.bot_comments(other)[0]
    harness.comment(repo, other, "@bot lgtm")
    assert "To start the work on this plan, write “approve”, or “go ahead”." in harness.bot_comments(other)[1]
    harness.comment(repo, other, "@bot go ahead", by=harness.bob)
    assert "can approve a plan" in harness.bot_comments(other)[2]
    harness.comment(repo, other, "@bot approve. @bot stop")
    assert "both “approve” and “stop”: write which of the two you want." in harness.bot_comments(other)[3]
    assert harness.waiting() == []
    harness.comment(repo, other, "@bot looks good, do it")
    (task_id,) = harness.waiting()
    ask = harness.ledger.task(task_id).ask
    assert (ask.kind, ask.approved) == (TaskKind.FIX, True)
    assert ask.text.startswith("Carry out this plan, which ada approved:")


def test_who_has_used_up_the_days_budget_reads_who_can_raise_it(harness: Harness) -> None:
    harness.settings = replace(harness.settings, daily_dollars=("person=0.5",))
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (task_id,) = harness.waiting()
    record_spending(harness.ledger, harness.ledger.task(task_id), Usage("m", dollars=0.5))
    harness.comment(repo, issue, "@bot please fix the README too")
    assert harness.bot_comments(issue) == [], "a running task reads it"
    other = harness.issue(repo)
    harness.comment(repo, other, "@bot fix this")
    assert harness.waiting() == [task_id]
    assert "Today's budget of ada is used up: $0.50 of $0.50." in harness.bot_comments(other)[0]
    assert "raise `person in DAYHAND_MAX_DAILY_DOLLARS`" in harness.bot_comments(other)[0]


def test_a_flood_of_comments_by_one_person_is_bounded_and_answered_once_per_issue(harness: Harness) -> None:
    harness.settings = replace(harness.settings, daily_usage=("person=2 tasks",))
    repo = harness.repository("shop", UNTESTED_SHOP)
    issues = [harness.issue(repo) for _ in range(4)]
    for words in ("@bot fix this", "@bot please fix it", "@bot fix it now"):
        for issue in issues:
            harness.comment(repo, issue, words)
    assert len(harness.waiting()) == 2
    answers = [harness.bot_comments(issue) for issue in issues]
    assert [len(texts) for texts in answers] == [0, 0, 1, 1]
    assert "Today's budget of ada is used up: 2 tasks of 2 tasks." in answers[3][0]
    assert "raise `person in DAYHAND_MAX_DAILY_USAGE`" in answers[3][0]
