"""An issue and its pull request are one conversation: one open pull request, and what is said meanwhile is read."""

from __future__ import annotations

from collections.abc import Mapping

from dayhand.ledger.redis_server import connect_raw
from dayhand.localhub.state.models import Issue, Repository
from dayhand.scripted_model.moves import Finish, Move, Patch, Shell
from dayhand.task import State
from dayhand.worker.tasks import wake_abandoned
from tests.journey.harness import UNTESTED_SHOP, Harness
from tests.journey.test_stopping import lasting, working_on

NOTED = "Note when taxes are added"
LINT = "lint:\n\t! grep -n ' $$' *.py\n"
NOTING = lasting(9600.25)


def note(name: str) -> list[list[Move]]:
    """Turns that add a file."""
    return [
        [Patch(f"*** Begin Patch\n*** Add File: {name}\n+Taxes are added last.\n*** End Patch")],
        [Finish(NOTED, "Noted.")],
    ]


def fixed(harness: Harness, files: Mapping[str, str] = UNTESTED_SHOP) -> tuple[Repository, Issue, Issue]:
    """A repository, an issue, and our pull request for it."""
    repo = harness.repository("shop", files)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    harness.work()
    (pull,) = harness.pulls(repo)
    return repo, issue, pull


def subjects(repo: Repository, pull: Issue) -> list[str]:
    assert pull.pull
    commits = repo.store.between(pull.pull.base_sha, repo.store.branches()[pull.pull.head])
    return sorted(commit.message.splitlines()[0] for commit in commits)


def test_every_ask_goes_on_with_the_open_pull_request_and_what_is_said_before_it_begins_steers_it(
    harness: Harness,
) -> None:
    repo, issue, pull = fixed(harness)
    harness.scripted_model.turns = note("NOTES.md")
    assert pull.pull
    by_ada = {"by_ada.py": b"ADA = 1\n"}
    repo.store.commit_files(by_ada, pull.pull.head, "By Ada", author=("Ada", "ada@example.org"))
    harness.comment(repo, issue, "@bot fix the missing note, too")
    (record,) = harness.work()
    assert record.state is State.PROPOSED, record.reason
    assert harness.pulls(repo) == [pull]
    assert subjects(repo, pull) == ["By Ada", "Count nothing twice", NOTED]
    assert "added a commit" in harness.bot_comments(issue)[-1]
    assert "Fixes #" not in harness.bot_comments(issue)[-1]
    assert pull.body.startswith("Fixes #1\n")

    harness.scripted_model.turns = note("MORE.md")
    harness.comment(repo, issue, "@bot fix the missing note")
    harness.comment(repo, pull, "@bot write it in French")
    harness.comment(repo, pull, "It is for the accountants.")
    harness.comment(repo, pull, "It is for nobody.", by=harness.bob)
    assert len(harness.waiting()) == 1
    assert pull.comments[-2].reactions == []
    assert [reaction.content for reaction in pull.comments[-3].reactions] == ["eyes"]
    harness.work()
    assert "write it in French" in harness.scripted_model.result
    assert "It is for the accountants." in harness.scripted_model.result
    assert "It is for nobody." not in harness.scripted_model.result
    assert harness.waiting() == []


def test_what_is_said_while_the_checks_run_becomes_the_next_commit(harness: Harness) -> None:
    config = f'[work]\nbase = "develop"\n\n[checks]\ntest = "{NOTING} || true"\n'
    repo = harness.repository("shop", {**UNTESTED_SHOP, ".dayhand.toml": config})
    repo.store.git("branch", "develop", "main")
    repo.store.commit_files({"new.py": b"NEW = 1\n"}, "develop", "Develop", author=("Ada", "ada@example.org"))
    issue = harness.issue(repo)
    harness.label(repo, issue)
    with working_on(harness, NOTING):
        harness.comment(repo, issue, "@bot fix the missing note")
    assert harness.waiting() == []
    harness.scripted_model.turns = note("NOTES.md")
    wake_abandoned(harness.ledger.redis, connect_raw(harness.settings.redis_url))
    (task_id,) = harness.waiting()
    with working_on(harness, NOTING):
        pass
    record = harness.ledger.record(task_id)
    assert record.state is State.PROPOSED, record.reason
    (pull,) = harness.pulls(repo)
    assert subjects(repo, pull) == ["Count nothing twice", NOTED]
    assert pull.pull
    assert pull.pull.base == "develop", "work starts from the branch that the repository chose"
    assert repo.store.text(pull.pull.head_sha, "new.py") == "NEW = 1\n"


def work_while_ada_pushes(harness: Harness, repo: Repository, pull: Issue, files: dict[str, bytes]) -> str:
    """Run the waiting task; Ada pushes to its branch during a command. Returns the task's id."""
    assert pull.pull
    (task_id,) = harness.waiting()
    with working_on(harness, NOTING):
        repo.store.commit_files(files, pull.pull.head, "By Ada", author=("Ada", "ada@example.org"))
    return task_id


def test_what_a_person_pushes_meanwhile_stays_and_our_commit_goes_on_top_or_beside(harness: Harness) -> None:
    repo, issue, pull = fixed(harness, {**UNTESTED_SHOP, "Makefile": LINT})
    assert pull.pull
    harness.scripted_model.turns = [[Shell(NOTING)], *note("NOTES.md")]
    harness.comment(repo, issue, "@bot fix the missing note")
    task_id = work_while_ada_pushes(harness, repo, pull, {"by_ada.py": b"ADA = 1 \n"})
    record = harness.ledger.record(task_id)
    assert record.state is State.PROPOSED, record.reason
    assert subjects(repo, pull) == ["By Ada", "Count nothing twice", NOTED]
    head = repo.store.branches()[pull.pull.head]
    assert repo.store.text(head, "by_ada.py") == "ADA = 1 \n"
    assert "(0 of 1 pass)" in harness.bot_comments(issue)[-1], "checked on top of hers, which fails its lint"
    began = [one.text for one in harness.live.read(task_id) if one.kind == "stage"]
    assert (began.count("solve"), began.count("check")) == (1, 2)

    harness.scripted_model.turns = [[Shell(NOTING)], *note("MORE.md")]
    harness.comment(repo, issue, "@bot fix the other note, too")
    task_id = work_while_ada_pushes(harness, repo, pull, {"MORE.md": b"By Ada.\n"})
    beside = f"{pull.pull.head}-{task_id[-4:]}"
    assert repo.store.text(repo.store.branches()[pull.pull.head], "MORE.md") == "By Ada.\n"
    assert repo.store.text(repo.store.branches()[beside], "MORE.md") == "Taxes are added last.\n"
    said = harness.bot_comments(issue)[-1]
    assert f"Somebody else pushed to {pull.pull.head} while I was working" in said
    assert beside in said


def test_after_the_end_of_the_pull_request_an_ask_says_so_and_starts_anew(harness: Harness) -> None:
    repo, issue, pull = fixed(harness)
    seen = [pull]
    for end, name in (("closed", "NOTES.md"), ("merged", "MORE.md")):
        if end == "merged":
            harness.hub.actions.merge(repo, pull, harness.ada)
        else:
            harness.hub.actions.set_state(repo, pull, "closed", by=harness.ada)
        harness.scripted_model.turns = note(name)
        harness.comment(repo, issue, "@bot fix the missing note")
        *_, record = harness.work()  # the merge may set an examination going
        assert record.state is State.PROPOSED, record.reason
        (new,) = [other for other in harness.pulls(repo) if other not in seen]
        assert new.pull
        assert (new.state, new.pull.base, subjects(repo, new)) == ("open", "main", [NOTED])
        assert new.pull.base_sha == repo.store.branches()["main"]
        started_anew = f"Pull request #{pull.number} was {end}, so this starts anew from `main`."
        assert started_anew in harness.bot_comments(issue)[-1]
        pull = new
        seen.append(new)
