"""What CI or developers' machines would execute is pushed once a person accepted it, and not before."""

from __future__ import annotations

from collections.abc import Mapping

import requests

from dayhand.ledger.ledger import Record
from dayhand.localhub.state.models import CheckRun, Issue, Repository
from dayhand.scripted_model.moves import Finish, Move, Patch, Refuse
from dayhand.task import State
from tests.journey.harness import BEARER, FIX, SHOP, UNTESTED_SHOP, Harness

ADA = ("Ada", "ada@example.org")
CI, AGENTS, WORKFLOW = ".gitlab-ci.yml", "AGENTS.md", ".github/workflows/ci.yml"
TOKEN = "gh" + "s_" + "a1B2" * 12


def add(path: str, line: str) -> Patch:
    return Patch(f"*** Begin Patch\n*** Add File: {path}\n+{line}\n*** End Patch")


def play(
    harness: Harness, *turns: list[Move], files: Mapping[str, str] = SHOP
) -> tuple[Repository, Issue, Issue, Record]:
    """Let the model play these turns on an issue; returns the repository, the issue, its pull request and the record."""
    harness.scripted_model.turns = [*turns, [Finish("Count nothing twice", "Mended shop.")]]
    repo = harness.repository("shop", files)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    assert record.outcome, record.reason
    (pull,) = harness.pulls(repo)
    assert pull.pull
    return repo, issue, pull, record


def head_of(pull: Issue) -> str:
    assert pull.pull
    return pull.pull.head_sha


def check_of(harness: Harness, repo: Repository, pull: Issue) -> CheckRun:
    (check,) = harness.checks(repo, pull)
    return check


def read(harness: Harness, record: Record, suffix: str) -> str:
    address = harness.app.webhook_url.removesuffix("/webhook")
    return requests.get(f"{address}/tasks/{record.task.id}{suffix}", headers=BEARER, timeout=60).text


def changed(repo: Repository, pull: Issue) -> set[str]:
    assert pull.pull
    return {path for _, path, _, _ in repo.store.diff_stat(pull.pull.base_sha, pull.pull.head_sha)}


def test_a_fix_is_proposed_without_what_would_be_executed_which_a_person_then_adds(harness: Harness) -> None:
    repo, _, pull, record = play(
        harness, [FIX, add(CI, "test: {script: make}"), add(AGENTS, "Run `@ada`."), add(WORKFLOW, "on: push")]
    )
    head, check = head_of(pull), check_of(harness, repo, pull)
    short = head[:12]
    assert changed(repo, pull) == {"shop.py"}
    assert check.conclusion == "action_required"
    assert check.title == "This change has files that are held back: review that first (1 of 1 passes)"
    assert f"- CI configuration: `{CI}`\n- instructions for agents: `{AGENTS}`\n" in pull.body
    assert f"comment `@bot accept {short}`. I then push exactly this patch" in pull.body
    assert "```diff" in pull.body
    assert "+Run `@ada`." in pull.body, "in code, nobody is called"
    assert "I cannot push 1 workflow file: GitHub lets only people do that." in pull.body
    assert f"git fetch origin && git switch {pull.pull.head} && git pull\n" in pull.body  # type: ignore[union-attr]
    assert "+test: {script: make}" in read(harness, record, "/held-back.patch")
    assert "+on: push" in read(harness, record, "/workflows.patch")
    assert '<section id="held-back">' in read(harness, record, "")

    harness.comment(repo, pull, f"@bot accept {short}", by=harness.bob)
    harness.comment(repo, pull, f"@bot accept {repo.store.branches()['main'][:12]}")
    assert "That commit is not the head of this pull request." in harness.bot_comments(pull)[-1]
    assert harness.waiting() == []
    harness.comment(repo, pull, "@bot accept")
    assert (check.conclusion, check.title) == ("success", "Accepted by ada, without what was held back")
    assert (harness.waiting(), head_of(pull)) == ([], head)

    harness.comment(repo, pull, f"@bot accept {short}")
    harness.comment(repo, pull, f"@bot accept {short}")
    accepted, again = harness.work()
    assert accepted.state is State.PROPOSED, accepted.reason
    assert again.task.id == accepted.task.id, "one task, however often it is accepted"
    assert changed(repo, pull) == {"shop.py", CI, AGENTS}
    assert repo.store.text(head_of(pull), AGENTS) == "Run `@ada`.\n"
    (commit,) = repo.store.between(head, head_of(pull))
    assert commit.message.startswith("Add the files that were held back\n")
    assert "Co-authored-by: ada" in commit.message
    assert check_of(harness, repo, pull).conclusion == "success"
    comment = harness.bot_comments(pull)[-1]
    assert comment.startswith("@ada I added the files that you accepted, and ran the checks again.")
    assert "git apply --index workflows.patch" in comment
    assert "Summary by the model" not in comment


def test_where_all_of_a_change_is_held_back_nothing_is_pushed_and_nothing_is_lost(harness: Harness) -> None:
    repo, issue, pull, record = play(harness, [add(AGENTS, "Be kind.")], files=UNTESTED_SHOP)
    head, check = head_of(pull), check_of(harness, repo, pull)
    assert changed(repo, pull) == set()
    assert pull.pull
    assert pull.pull.draft
    assert check.conclusion == "action_required"
    assert "Nothing is pushed yet, because all of the change is held back." in pull.body
    assert "stays a draft for your decision. Nothing is pushed yet" in harness.bot_comments(issue)[0]
    assert "+Be kind." in pull.body
    assert "Nothing was checked, because all of the change is held back." in read(harness, record, "")

    harness.comment(repo, pull, f"@bot accept {head[:7]}")
    (accepted,) = harness.work()
    assert accepted.state is State.PROPOSED, accepted.reason
    assert changed(repo, pull) == {AGENTS}
    assert not pull.pull.draft
    messages = [commit.message for commit in repo.store.between(pull.pull.base_sha, head_of(pull))]
    assert len(messages) == 1, "the empty first commit is gone, and with it what skips the CI"
    assert "[skip ci]" not in messages[0]


def test_a_later_head_needs_a_person_again(harness: Harness) -> None:
    repo, _, pull, _ = play(harness, [FIX, add(AGENTS, "Be kind.")], files=UNTESTED_SHOP)
    head = head_of(pull)
    assert pull.pull
    harness.comment(repo, pull, f"@bot accept {head[:12]}")
    repo.store.commit_files({"note.md": b"x\n"}, pull.pull.head, "A note", author=ADA)
    (accepted,) = harness.work()
    assert accepted.state is State.FAILED
    assert "has another head than the one that was accepted" in harness.bot_comments(pull)[-1]
    assert repo.store.text(repo.store.branches()[pull.pull.head], AGENTS) is None


def test_a_follow_up_that_only_writes_such_files_leaves_the_pull_request_as_it_is(harness: Harness) -> None:
    repo, _, pull, _ = play(harness, [FIX], files=UNTESTED_SHOP)
    head = head_of(pull)
    harness.scripted_model.turns = [[add(AGENTS, "Be kind.")], [Finish("Say how to behave", "Said.")]]
    harness.comment(repo, pull, "@bot please write down how agents behave here")
    (record,) = harness.work()
    assert record.state is State.PROPOSED, record.reason
    assert head_of(pull) == head
    assert "I looked again. Nothing is pushed yet" in harness.bot_comments(pull)[-1]
    harness.comment(repo, pull, f"@bot accept {head[:12]}")
    (accepted,) = harness.work()
    assert accepted.state is State.PROPOSED, accepted.reason
    assert changed(repo, pull) == {"shop.py", AGENTS}


def test_unfinished_work_is_kept_without_what_would_be_executed(harness: Harness) -> None:
    harness.scripted_model.turns = [[FIX, add(WORKFLOW, "on: push")], [Refuse("No.")]]
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    assert record.reason.startswith("The model refuses to do this: “No.”")
    (pull,) = harness.pulls(repo)
    assert changed(repo, pull) == {"shop.py"}
    assert "+on: push" in read(harness, record, "/workflows.patch")


def test_unfinished_work_of_nothing_else_is_not_called_nothing(harness: Harness) -> None:
    harness.scripted_model.turns = [[add(WORKFLOW, "on: push")], [Refuse("No.")]]
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    assert "Nothing was pushed: what I changed is held back." in harness.bot_comments(issue)[-1]
    assert "+on: push" in read(harness, record, "/workflows.patch")
    assert harness.branches(repo) == {"main"}


def test_an_offence_goes_back_for_one_turn_and_is_left_out_if_it_stays(harness: Harness) -> None:
    """The model deletes one of two such files."""
    drop = Patch("*** Begin Patch\n*** Delete File: conf.py\n*** End Patch")
    token = f"T = '{TOKEN}'"
    done: list[Move] = [Finish("Count nothing twice", "Mended shop.")]
    repo, _, pull, record = play(harness, [FIX, add("conf.py", token), add("more.py", token)], done, [drop])
    outputs = "".join(note.text for note in harness.live.read(record.task.id))
    for name in ("conf.py", "more.py"):
        assert f"{name}: what looks like a GitHub token. Remove it" in outputs
    assert harness.model_server.count == 4
    assert changed(repo, pull) == {"shop.py"}
    assert "- `more.py`: what looks like a GitHub token" in pull.body
    assert "`conf.py`" not in pull.body
    assert check_of(harness, repo, pull).conclusion == "success", "what is pushed was checked"
    assert TOKEN not in pull.body + outputs


def test_where_all_of_a_change_can_never_be_pushed_the_reason_is_told(harness: Harness) -> None:
    harness.scripted_model.turns = [[add("conf.py", f"T = '{TOKEN}'")], [Finish("Add a token", "Added.")]]
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    assert record.state is State.FAILED
    assert "only what is never pushed: what looks like a GitHub token. (conf.py)" in record.reason
    assert "Nothing was pushed." in harness.bot_comments(issue)[0]
    assert harness.branches(repo) == {"main"}
