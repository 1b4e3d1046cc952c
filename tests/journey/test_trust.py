"""What a branch's set-up leaves behind never reaches another branch, and code that no person made gets no network."""

from __future__ import annotations

from dataclasses import replace

from dayhand.ledger.ledger import Record
from dayhand.localhub.state.models import Issue, Repository, User
from dayhand.scripted_model.moves import Finish, Patch
from dayhand.task import Proposed, State
from dayhand.verification import Verdict
from tests.journey.harness import SHOP, Harness

ADA = ("Ada", "ada@example.org")
NOTE = Patch("*** Begin Patch\n*** Add File: NOTES.md\n+Taxes are added last.\n*** End Patch")
INSTRUCTIONS = "# Shop\n\n## Setup\n\n```sh\nmake deps\n```\n\n## Test\n\n```sh\nmake test\n```\n"
BROKEN = {
    **SHOP,
    "AGENTS.md": INSTRUCTIONS,
    "Makefile": "deps:\n\ttrue\n\ntest:\n\tpython3 -m unittest -q test_shop\n",
    "test_shop.py": SHOP["test_shop.py"].replace("assertIsNotNone(total([]))", "assertEqual(total([]), 0)"),
}
# Python prefers a file in the working copy, and this one is not part of the commit, so it stays where set-up left it.
FORGE = "deps:\n\techo 'raise SystemExit(0)' > unittest.py\n\ntest:\n\tpython3 -m unittest -q test_shop\n"


# The proxy answers "not allowed" to a box without a network, and asks for the address of a host that is allowed.
ASKING = Patch(
    "*** Begin Patch\n*** Update File: Makefile\n@@ deps:\n-\ttrue\n+\tpython3 ask.py\n*** Add File: ask.py\n"
    "+import socket\n+s = socket.create_connection(('127.0.0.1', 3128))\n"
    "+s.sendall(b'CONNECT own.invalid:443 HTTP/1.1\\r\\n\\r\\n')\n+print('answer:', s.recv(999).decode())\n*** End Patch"
)


ASKING_FILES = (
    BROKEN["Makefile"].replace("true", "python3 ask.py"),
    (
        "import socket\ns = socket.create_connection(('127.0.0.1', 3128))\n"
        "s.sendall(b'CONNECT own.invalid:443 HTTP/1.1\\r\\n\\r\\n')\nprint('answer:', s.recv(999).decode())\n"
    ),
)


def pull_with(harness: Harness, repo: Repository, **changed: str) -> Issue:
    """A pull request of Ada's on the branch ``taxes``, with these files changed; "__" stands for a dot."""
    repo.store.git("branch", "taxes", "main")
    files = {**BROKEN, **{path.replace("__", "."): text for path, text in changed.items()}}
    repo.store.commit_files(
        {path: text.encode() for path, text in files.items()}, "taxes", "Add taxes", author=ADA
    )
    return harness.hub.actions.open_pull(
        repo, harness.ada, "Add taxes", body="By country.", head="taxes", base="main", draft=False
    )


def test_a_branchs_set_up_is_never_the_default_branchs(harness: Harness) -> None:
    repo = harness.repository("poisoned", BROKEN)
    harness.scripted_model.turns = [[NOTE], [Finish("Note when taxes are added", "Noted.")]]
    harness.comment(repo, pull_with(harness, repo, Makefile=FORGE), "@bot fix the missing note")
    (record,) = harness.work()
    assert record.state is State.PROPOSED, record.reason
    harness.label(repo, harness.issue(repo))
    (record,) = harness.work()
    assert "This environment was set up before: nothing is installed again." not in [
        note.text for note in harness.live.read(record.task.id)
    ]
    assert isinstance(record.outcome, Proposed)
    (test,) = [one for one in record.outcome.verification.findings if one.kind == "test"]
    assert test.verdict is Verdict.FAILS_ON_BASE_TOO, "the test fails with the note as it did without"


def answers(harness: Harness, record: Record) -> str:
    return "".join(note.text for note in harness.live.read(record.task.id) if note.kind == "output")


def test_what_the_model_wrote_gets_a_network_at_the_next_comment_only_if_a_person_accepts_it(
    harness: Harness,
) -> None:
    harness.settings = replace(harness.settings, registries=("own.invalid",))
    repo = harness.repository("asking", BROKEN)
    harness.scripted_model.turns = [[ASKING], [Finish("Ask", "Asked.")]]
    harness.label(repo, harness.issue(repo))
    harness.work()
    (pull,) = harness.pulls(repo)
    assert pull.pull
    head = pull.pull.head_sha
    harness.scripted_model.turns = [[Finish("Yes", "It asks.")]]

    harness.comment(repo, pull, "@bot does it ask?")
    (record,) = harness.work()
    assert record.state is State.ANSWERED, record.reason
    assert "not allowed" in answers(harness, record)
    assert "no address" not in answers(harness, record)

    harness.comment(repo, pull, f"@bot accept {head[:12]}", by=harness.bob)
    harness.comment(repo, pull, f"@bot accept {repo.store.branches()['main'][:12]}")
    assert "That commit is not the head of this pull request." in harness.bot_comments(pull)[-1]
    harness.comment(repo, pull, "@bot does it still ask?")
    (record,) = harness.work()
    assert "no address" not in answers(harness, record)

    harness.comment(repo, pull, f"@bot accept {head[:12]}")
    harness.comment(repo, pull, "@bot does it ask now?")
    (record,) = harness.work()
    assert "no address" in answers(harness, record)


def test_a_persons_push_gets_a_network_unless_what_is_below_it_was_written_by_the_model(
    harness: Harness,
) -> None:
    harness.settings = replace(harness.settings, registries=("own.invalid",))
    repo = harness.repository("pushed", BROKEN)
    makefile, ask = ASKING_FILES
    pull = pull_with(harness, repo, Makefile=makefile, ask__py=ask)
    harness.scripted_model.turns = [[Finish("Yes", "It asks.")]]
    harness.comment(repo, pull, "@bot does it ask?")
    (record,) = harness.work()
    assert "not allowed" in answers(harness, record), "who pushed it is not known"

    def push(sender: User, text: bytes) -> Record:
        before = repo.store.branches()["taxes"]
        repo.store.commit_files({"notes.md": text}, "taxes", "A note", author=ADA)
        harness.hub.actions.record_push(repo, "taxes", sender, before=before)
        harness.comment(repo, pull, f"@bot does it ask now, {text.decode()}?")
        (record,) = harness.work()
        return record

    before = repo.store.branches()["main"]
    harness.hub.actions.record_push(repo, "taxes", harness.ada, before=before)
    assert "no address" in answers(harness, push(harness.ada, b"mine"))
    assert "no address" not in answers(harness, push(harness.app.bot, b"a bot's, in Ada's name"))
    assert "no address" not in answers(harness, push(harness.ada, b"mine again"))
