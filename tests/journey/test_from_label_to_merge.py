"""The main story: a label becomes a pull request that is merged, and what people read meanwhile."""

from __future__ import annotations

from dataclasses import replace

from dayhand.ledger import facts
from dayhand.ledger.telemetry.audit import Action, read_audit
from dayhand.ledger.telemetry.counters import read_counts
from dayhand.ledger.telemetry.metrics import FAILURES, HANDLED, SANDBOX_STARTS, STAGE_SECONDS, TURNS
from dayhand.ledger.telemetry.notifications import Notifications
from dayhand.scripted_model.moves import Finish, Patch, Shell
from dayhand.task import Proposed, Stage, State
from tests.journey.harness import DONE, FIX, LINTED_SHOP, UNTESTED_SHOP, Harness


def test_a_label_becomes_a_pull_request_that_can_be_merged(harness: Harness) -> None:
    harness.settings = replace(harness.settings, notify_url="https://chat.example/hook")
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.label(repo, issue)
    assert [reaction.content for reaction in issue.reactions] == ["eyes"]

    (record,) = harness.work()

    assert record.state is State.PROPOSED, record.reason
    (pull,) = harness.pulls(repo)
    assert pull.pull
    assert not pull.pull.draft
    assert pull.title == "Count nothing twice"
    assert pull.body.startswith("Fixes #1\n")
    assert pull.pull.head == "dayhand/1-totals-are-one-too-high"
    assert pull.pull.reviewers == [harness.ada]
    (check,) = harness.checks(repo, pull)
    assert (check.status, check.conclusion, check.external_id) == ("completed", "success", record.task.id)
    counts = read_counts(harness.ledger.redis)
    assert (counts.of(TURNS, ""), counts.of(HANDLED, "task"), counts.of(FAILURES, "other")) == (2, 1, 0)
    assert counts.of(SANDBOX_STARTS, "bubblewrap") > 2
    (told,) = Notifications(harness.ledger.redis).take()
    assert (told.outcome, told.title, told.link) == ("ready", issue.title, record.fact(facts.PULL_URL))
    audit = list(read_audit(harness.ledger.redis))
    kept = [entry for entry in audit if entry.action != Action.TOKEN]
    assert [entry.action for entry in kept] == ["asked", "push", "taken", "push", "ended"]
    asked, start, taken, push, ended = (entry.fields for entry in kept)
    assert asked.items() >= {"who": "ada", "event": "issues", "task": record.task.id, "number": "1"}.items()
    assert asked["delivery"] in {str(one.guid) for one in harness.hub.webhooks.deliveries}
    assert taken.items() >= {"files": "1", "held_back": "0", "task": record.task.id}.items()
    assert push["commit"] == pull.pull.head_sha != start["commit"]
    assert (
        push["permissions"]
        == "metadata: read, contents: write, issues: write, pull_requests: write, checks: write"
    )
    assert ended.items() >= {"state": "proposed", "asked_by": "ada", "repository": "ada/shop"}.items()
    given = {entry.fields["permissions"] for entry in audit if entry.action == Action.TOKEN}
    assert given == {push["permissions"], "metadata: read, issues: write"}
    stages = {stage for stage in Stage if counts.sum(STAGE_SECONDS, stage)}
    assert stages == set(Stage) - {Stage.UNDERSTAND}
    harness.hub.actions.merge(repo, pull, harness.ada)
    assert issue.state == "closed"
    assert repo.store.text("main", "shop.py") == "def total(prices):\n    return sum(prices)\n"


def test_a_comment_starts_the_work_and_the_commits_and_the_table_tell_what_was_done(harness: Harness) -> None:
    repo = harness.repository("shop", LINTED_SHOP)
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot fix this, please")
    assert [reaction.content for reaction in issue.comments[0].reactions] == ["eyes"]
    (record,) = harness.work()
    assert len(harness.bot_comments(issue)) == 1, "one comment, edited in place"
    (pull,) = harness.pulls(repo)
    assert pull.pull
    (work,) = repo.store.between(pull.pull.base_sha, pull.pull.head_sha)
    email = f"{harness.app.bot.id}+dayhand[bot]@users.noreply.github.com"
    assert (work.author, work.email) == ("dayhand[bot]", email)
    assert work.message.splitlines()[0] == "Count nothing twice"
    assert f"Co-authored-by: ada <{harness.ada.id}+ada@users.noreply.github.com>" in work.message
    log = {note.line: note for note in harness.live.read(record.task.id)}
    assert isinstance(record.outcome, Proposed)
    findings = record.outcome.verification.findings
    assert [(one.kind, one.verdict) for one in findings] == [("lint", "passes"), ("test", "passes")]
    for one in findings:
        assert one.head
        line = one.head.line
        assert log[line].kind == "command"
        assert log[line].text == one.command
        assert f"/tasks/{record.task.id}?line={line}#L{line}" in pull.body
    assert "`shop.py:2`" in pull.body
    assert "A **scripted** model played this" in pull.body


def test_a_daemon_and_a_path_shim_of_the_agent_do_not_colour_the_checks(harness: Harness) -> None:
    lie = "mkdir -p ~/bin /workspace/bin; printf '#!/bin/sh\\nexit 0\\n' > /workspace/bin/python3; chmod +x /workspace/bin/python3"
    harness.scripted_model.turns = [
        [
            Shell(lie),
            Shell("printf '/bin\\n' >> .git/info/exclude"),
            Patch(
                "*** Begin Patch\n*** Update File: shop.py\n-def total(prices):\n+def sum_of(prices):\n*** End Patch"
            ),
        ],
        [Finish("Rename it", "All tests pass, I am sure.")],
    ]
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    assert check.conclusion == "failure"
    assert "❌ new failure" in pull.body
    assert "new failures" in harness.bot_comments(issue)[0]
    assert isinstance(record.outcome, Proposed)
    assert record.outcome.verification.conclusion.status == "failure"


def test_where_nothing_is_to_change_the_person_reads_why_and_no_pull_request_is_left(
    harness: Harness,
) -> None:
    harness.scripted_model.turns = [[Finish("Nothing to do", "An empty cart costs 1 on purpose.")]]
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    assert record.state is State.ANSWERED
    (pull,) = harness.pulls(repo)
    assert pull.state == "closed"
    assert harness.branches(repo) == {"main"}
    assert "An empty cart costs 1 on purpose." in harness.bot_comments(issue)[0]


def test_on_the_pull_request_a_question_is_answered_and_feedback_adds_a_commit(harness: Harness) -> None:
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.label(repo, issue)
    harness.work()
    (pull,) = harness.pulls(repo)
    cited = {"path": "shop.py", "line": 2, "quote": "return sum(prices)"}
    harness.scripted_model.turns = [
        [Finish("Yes", "It sums the prices and nothing else.", citations=(cited,))]
    ]
    harness.comment(repo, pull, "@bot are you sure that it sums?")
    (record,) = harness.work()
    assert record.state is State.ANSWERED
    assert pull.state == "open"
    assert pull.pull
    (comment_text,) = harness.bot_comments(pull)
    head = pull.pull.head_sha
    assert (
        f"[`shop.py:2`]({harness.hub.url}/ada/shop/blob/{head}/shop.py#L2): `return sum(prices)`"
        in comment_text
    )

    body = pull.body
    more = Patch("*** Begin Patch\n*** Add File: NOTES.md\n+Totals begin at zero.\n*** End Patch")
    harness.scripted_model.turns = [[more], [Finish("Say so in the notes", "Added.")]]
    harness.comment(repo, pull, "@bot please write that down in NOTES.md")
    (record,) = harness.work()
    assert record.state is State.PROPOSED, record.reason
    assert harness.pulls(repo) == [pull]
    assert repo.store.text(pull.pull.head_sha, "NOTES.md") == "Totals begin at zero.\n"
    assert pull.body == body, "what the pull request says of the first task stays"
    assert "Say so in the notes" in [
        one.message.splitlines()[0] for one in repo.store.between("main", pull.pull.head_sha)
    ]
    (check,) = harness.checks(repo, pull)
    assert (check.conclusion, check.title) == (
        "neutral",
        "Not verified: only documentation changed (1 of 1 passes)",
    )


def test_the_network_is_opened_by_the_default_branch_and_not_by_the_one_that_is_worked_on(
    harness: Harness,
) -> None:
    """A follow-up works on our own branch, and the configuration that the model wrote there has no effect."""
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    harness.scripted_model.turns = [
        [
            FIX,
            Patch(
                '*** Begin Patch\n*** Add File: .dayhand.toml\n+[network]\n+allow = ["nonsense"]\n*** End Patch'
            ),
        ],
        [DONE],
    ]
    harness.work()
    (pull,) = harness.pulls(repo)
    harness.scripted_model.turns = [[Finish("Yes", "It does.")]]
    harness.comment(repo, pull, "@bot are you sure?")
    (record,) = harness.work()
    assert not [note.text for note in harness.live.read(record.task.id) if ".dayhand.toml" in note.text]
    harness.hub.actions.merge(repo, pull, harness.ada)
    second = harness.issue(repo, title="Another one")
    harness.label(repo, second)
    *_, record = harness.work()  # the merge itself set an examination going
    assert [
        note.text for note in harness.live.read(record.task.id) if "'nonsense' in network.allow" in note.text
    ]
