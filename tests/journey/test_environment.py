"""Examinations of a repository's environment: what starts one, and what people read about it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from dayhand.ledger import facts
from dayhand.localhub.state.models import CheckRun, Repository
from dayhand.publish.wording.environment import CHECK_NAME
from dayhand.task import State
from dayhand.wiring.github import GitHubServices
from dayhand.worker.job import travel_with
from tests.journey.crashes import CrashingWorkshop, begins
from tests.journey.harness import DONE, LINTED_SHOP, UNTESTED_SHOP, Harness

ADA = ("Ada", "ada@example.org")


def installed(harness: Harness, files: Mapping[str, str] = UNTESTED_SHOP) -> Repository:
    """A repository on which the App was just installed."""
    repo = harness.hub.actions.add_repository("ada/shop", files)
    harness.hub.actions.install(harness.app, "ada", [repo.full_name])
    harness.settle()
    return repo


def push(harness: Harness, repo: Repository, path: str, text: str, branch: str = "main") -> str:
    before = repo.store.branches()[branch]
    sha = repo.store.commit_files({path: text.encode()}, branch, f"Change {path}", author=ADA)
    harness.hub.actions.record_push(repo, branch, harness.ada, before=before)
    harness.settle()
    return sha


def examinations(repo: Repository) -> list[CheckRun]:
    return [run for run in repo.checks.values() if run.name == CHECK_NAME]


def test_a_repository_is_examined_when_the_app_is_let_in(harness: Harness) -> None:
    repo = installed(harness, LINTED_SHOP)
    (record,) = harness.work()
    assert record.state is State.ANSWERED, record.reason
    (run,) = examinations(repo)
    assert (run.status, run.conclusion) == ("completed", "neutral")
    assert run.suite.sha == repo.store.branches()["main"]
    assert run.title == "Both declared checks can run here"
    assert " | lint | `make lint` | Makefile, target lint |" in run.summary
    assert "| [✅ passes](" in run.summary
    assert f"/tasks/{record.task.id}?line=" in run.summary
    assert not repo.issues, "nobody asked in words, so nobody is spoken to"


def test_a_repository_that_is_added_later_is_examined_too(harness: Harness) -> None:
    installed(harness)
    harness.work()
    there = next(iter(harness.hub.actions.installations.values()))
    more = [harness.hub.actions.add_repository(f"ada/{name}", UNTESTED_SHOP) for name in ("one", "two")]
    harness.hub.actions.add_to_installation(there, [repo.full_name for repo in more])
    harness.settle()
    assert [record.state for record in harness.work()] == [State.ANSWERED] * 2
    assert [len(examinations(repo)) for repo in more] == [1, 1]


def test_a_push_that_changes_the_set_up_is_examined_and_no_other(harness: Harness) -> None:
    repo = harness.repository("shop")
    push(harness, repo, "shop.py", "def total(prices):\n    return sum(prices)\n")
    assert harness.waiting() == []
    head = push(harness, repo, "Makefile", "lint:\n\tfalse\n")
    harness.work()
    (run,) = examinations(repo)
    assert run.suite.sha == head
    assert run.title == "Both declared checks can run here; 1 currently fails"


def test_a_push_to_another_branch_is_nobodys_set_up(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    repo.store.git("update-ref", "refs/heads/try", repo.store.branches()["main"])
    push(harness, repo, "Makefile", "test:\n\tfalse\n", branch="try")
    assert harness.waiting() == []


def test_many_pushes_make_one_examination_of_the_newest_head(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    heads = [push(harness, repo, "Makefile", f"test:\n\ttrue {count}\n") for count in range(5)]
    assert len(set(harness.waiting())) == 1
    records = harness.work()
    assert {record.state for record in records} == {State.ANSWERED}
    assert [run.suite.sha for run in examinations(repo)] == heads[-1:]


def test_what_is_pushed_while_an_examination_runs_is_examined_afterwards(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    first = push(harness, repo, "Makefile", "test:\n\ttrue 1\n")
    (task_id,) = harness.waiting()
    killed = CrashingWorkshop(GitHubServices(harness.settings, harness.ledger), begins("prepare"))
    with suppress(KeyboardInterrupt):
        travel_with(harness.ledger.claim(task_id, "w"), killed)
    second = push(harness, repo, "Makefile", "test:\n\ttrue 2\n")
    (other,) = set(harness.waiting()) - {task_id}
    harness.ledger.redis.delete(f"dayhand:lease:{task_id}")
    harness.work()
    assert harness.ledger.record(other).state is State.ANSWERED
    assert [run.suite.sha for run in examinations(repo)] == [first, second]


def test_a_killed_examination_is_taken_up_again_and_leaves_one_check_run(harness: Harness) -> None:
    repo = installed(harness)
    for moment in (begins("prepare"), begins("check"), begins("publish")):
        (task_id,) = set(harness.waiting())
        with suppress(KeyboardInterrupt):
            travel_with(
                harness.ledger.claim(task_id, "w"),
                CrashingWorkshop(GitHubServices(harness.settings, harness.ledger), moment),
            )
        (run,) = examinations(repo)
        assert run.status == "in_progress"
        harness.ledger.redis.delete(f"dayhand:lease:{task_id}")
    harness.work()
    (run,) = examinations(repo)
    assert (run.status, run.conclusion) == ("completed", "neutral")


def test_a_person_asks_and_is_answered_in_the_thread(harness: Harness) -> None:
    repo = harness.repository("shop", LINTED_SHOP)
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot environment")
    assert [reaction.content for reaction in issue.comments[0].reactions] == ["eyes"]
    harness.work()
    (run,) = examinations(repo)
    (comment_text,) = harness.bot_comments(issue)
    assert comment_text.startswith(f"@ada [The environment of `{repo.store.branches()['main'][:8]}`](")
    assert f"/runs/{run.id}" in comment_text
    assert "**Both declared checks can run here.**" in comment_text
    assert harness.pulls(repo) == []


def test_somebody_without_write_access_sets_no_examination_going(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot environment", by=harness.bob)
    assert harness.waiting() == []
    assert "write access" in harness.bot_comments(issue)[0]


def test_an_examination_that_breaks_says_why_and_leaves_nothing_under_way(harness: Harness) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot environment")
    (task_id,) = harness.waiting()
    for _ in range(6):  # its worker dies more often than a task is tried
        with suppress(KeyboardInterrupt):
            travel_with(
                harness.ledger.claim(task_id, "w"),
                CrashingWorkshop(GitHubServices(harness.settings, harness.ledger), begins("prepare")),
            )
        harness.ledger.redis.delete(f"dayhand:lease:{task_id}")
    assert harness.ledger.record(task_id).state is State.FAILED
    (run,) = examinations(repo)
    assert (run.status, run.conclusion) == ("completed", "neutral")
    assert run.title == "The environment could not be examined"
    assert "The worker died 5 times in a row on this task" in run.summary
    assert "`@dayhand environment`" in harness.bot_comments(issue)[0]


def without_linter(harness: Harness) -> Repository:
    """A repository whose instructions name a linter that does not exist."""
    words = "# Shop\n\n## Lint\n\n```sh\nno-such-linter .\n```\n"
    return harness.repository("bare", {**LINTED_SHOP, "AGENTS.md": words})


def test_a_task_says_first_what_cannot_run_and_works_all_the_same(harness: Harness) -> None:
    repo = without_linter(harness)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    with suppress(KeyboardInterrupt):
        (task_id,) = harness.waiting()
        travel_with(
            harness.ledger.claim(task_id, "w"),
            CrashingWorkshop(GitHubServices(harness.settings, harness.ledger), begins("solve")),
        )
    (comment_text,) = harness.bot_comments(issue)
    assert comment_text.startswith("⛔ **Some checks cannot run here**")
    assert "- `no-such-linter .`: no-such-linter does not start" in comment_text
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    assert str(check.summary).startswith("⛔ **Some checks cannot run here**")
    harness.ledger.redis.delete(f"dayhand:lease:{task_id}")
    (record,) = harness.work()
    assert record.state is State.PROPOSED
    assert "no-such-linter" in pull.body
    assert "I work all the same" not in harness.bot_comments(issue)[0], "the work is over"


def test_a_task_knows_from_the_last_examination_what_will_not_run(harness: Harness) -> None:
    repo = without_linter(harness)
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot environment")
    harness.work()
    other = harness.issue(repo, "Totals again")
    harness.label(repo, other)
    with suppress(KeyboardInterrupt):
        (task_id,) = harness.waiting()
        travel_with(
            harness.ledger.claim(task_id, "w"),
            CrashingWorkshop(GitHubServices(harness.settings, harness.ledger), begins("prepare")),
        )
    assert harness.bot_comments(other)[0].startswith("⛔ **Some checks cannot run here**")


def test_a_question_is_told_first_as_well(harness: Harness) -> None:
    repo = without_linter(harness)
    issue = harness.issue(repo)
    harness.scripted_model.turns = [[DONE]]
    harness.comment(repo, issue, "@bot is the sum right?")
    with suppress(KeyboardInterrupt):
        (task_id,) = harness.waiting()
        travel_with(
            harness.ledger.claim(task_id, "w"),
            CrashingWorkshop(GitHubServices(harness.settings, harness.ledger), begins("solve")),
        )
    assert harness.bot_comments(issue)[0].startswith("⛔ **Some checks cannot run here**")
    harness.ledger.redis.delete(f"dayhand:lease:{task_id}")
    harness.work()
    (comment_text,) = harness.bot_comments(issue)
    assert "The sum began at one." in comment_text


def test_a_better_set_up_is_proposed_with_what_was_measured(harness: Harness) -> None:
    repo = without_linter(harness)
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot environment")
    (record,) = harness.work()
    (pull,) = harness.pulls(repo)
    assert pull.pull
    assert (pull.pull.head, pull.pull.base, pull.pull.draft) == ("dayhand/environment", "main", False)
    assert repo.store.text("dayhand/environment", ".dayhand.toml") == '[checks]\nlint = "make lint"\n'
    assert len(repo.store.between(pull.pull.base_sha, pull.pull.head_sha)) == 1
    assert "| lint | `no-such-linter .` ⛔ cannot run | `make lint` ✅ passes (" in pull.body
    assert "- `checks.lint`: `no-such-linter .` (AGENTS.md) cannot run here" in pull.body
    (run,) = examinations(repo)
    assert run.title == "1 of 2 declared checks can run here"
    assert f"/pull/{pull.number})" in str(run.summary)
    assert "no-such-linter does not start" in str(run.summary)
    assert record.fact(facts.PULL) == pull.number

    harness.hub.actions.merge(repo, pull, harness.ada)
    harness.settle()
    harness.work()
    assert examinations(repo)[-1].title == "Both declared checks can run here"
    assert len(harness.pulls(repo)) == 1


def test_a_step_that_fails_and_that_nothing_needs_is_proposed_to_be_left_out(harness: Harness) -> None:
    words = "# Shop\n\n## Setup\n\n```sh\nno-such-installer\n```\n"
    limits = "[limits]\nlines = 9 # few\n"
    repo = harness.repository("stuck", {**LINTED_SHOP, "AGENTS.md": words, ".dayhand.toml": limits})
    harness.comment(repo, harness.issue(repo), "@bot environment")
    harness.work()
    (run,) = examinations(repo)
    assert run.title == "Both declared checks can run here; part of the set-up failed"
    text = repo.store.text("dayhand/environment", ".dayhand.toml")
    assert text == f"{limits}\n[setup]\nrun = []\n"
    (pull,) = harness.pulls(repo)
    assert "“AGENTS.md: no-such-installer” fails, so it is left out." in pull.body


def test_what_a_person_closed_is_not_proposed_again_and_an_open_one_is_kept(harness: Harness) -> None:
    repo = without_linter(harness)
    issue = harness.issue(repo)
    for _ in range(2):
        harness.comment(repo, issue, "@bot environment")
        harness.work()
    (pull,) = harness.pulls(repo)
    harness.hub.actions.set_state(repo, pull, "closed", by=harness.ada)
    harness.comment(repo, issue, "@bot environment")
    harness.work()
    assert harness.pulls(repo) == [pull], "a person decided"
    more = "## Lint\n\n```sh\nno-such-linter .\n```\n\n## Test\n\n```sh\nno-such-tests\n```\n"
    push(harness, repo, "AGENTS.md", more)
    harness.work()
    assert [one.state for one in harness.pulls(repo)].count("open") == 1, (
        "another proposal is another question"
    )


def test_a_proposal_never_goes_over_a_persons_work(harness: Harness) -> None:
    repo = without_linter(harness)
    issue = harness.issue(repo)
    repo.store.git("update-ref", "refs/heads/dayhand/environment", repo.store.branches()["main"])
    own = push(harness, repo, ".dayhand.toml", "[checks]\nlint = []\n", branch="dayhand/environment")
    harness.comment(repo, issue, "@bot environment")
    (record,) = harness.work()
    assert record.state is State.ANSWERED
    assert repo.store.branches()["dayhand/environment"] == own
    assert harness.pulls(repo) == []


def test_what_does_no_better_is_not_proposed(harness: Harness) -> None:
    words = "## Setup\n\n```sh\nno-such-installer\n```\n\n## Test\n\n```sh\nno-such-tests\n```\n"
    repo = harness.repository("hopeless", {"README.md": "# Shop\n", "AGENTS.md": words})
    harness.comment(repo, harness.issue(repo), "@bot environment")
    (record,) = harness.work()
    assert "The different set-up does not work better, so it is not proposed." in [
        one.text for one in harness.live.read(record.task.id)
    ]
    (run,) = examinations(repo)
    assert run.title == "0 of 1 declared checks can run here; part of the set-up failed"
    assert "no-such-tests does not start" in str(run.summary)
    assert harness.pulls(repo) == []


def test_what_the_checks_said_is_not_asked_again_by_a_task(harness: Harness) -> None:
    repo = installed(harness, LINTED_SHOP)
    harness.work()
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    assert record.state is State.PROPOSED
    comment_text = [note.text for note in harness.live.read(record.task.id)]
    assert "make lint passes on the base: known from an earlier run." in comment_text
    assert "The same on the base, to compare." not in comment_text


def test_what_is_delivered_again_sets_nothing_going(harness: Harness) -> None:
    repo = installed(harness)
    push(harness, repo, "Makefile", "test:\n\ttrue\n")
    harness.comment(repo, harness.issue(repo), "@bot environment")
    harness.work()
    webhooks = harness.hub.webhooks
    for delivery in list(webhooks.deliveries):
        webhooks.send(delivery.app, delivery.event, delivery.payload, redeliver=delivery)
    harness.settle()
    assert harness.waiting() == []
    assert len(harness.ledger.recent()) == 2, (
        "of the two that waited together one is left, and the person's own"
    )
