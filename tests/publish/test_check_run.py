"""The check run's growing text, at the pace that GitHub allows."""

from __future__ import annotations

from dayhand.ledger.log import Note
from dayhand.publish.check_run import CheckRunProgress

PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEabc\n" * 400 + "-----END RSA " + "PRIVATE KEY-----"


class Teller:
    """What GitHub would have been told, under a clock of its own."""

    def __init__(self, every: float) -> None:
        self.now = 1000.0
        self.told: list[tuple[str, str]] = []
        self.progress = CheckRunProgress(
            lambda *told: self.told.append(told), every=lambda: every, clock=lambda: self.now
        )
        self.line = 0

    def note(self, kind: str, text: str, stage: str = "solve") -> None:
        self.line += 1
        self.progress.add(Note(self.line, self.now, stage, kind, text))


def test_many_notes_make_one_update_until_time_has_gone() -> None:
    teller = Teller(every=30)
    for number in range(100):
        teller.note("command", f"step {number}")
        teller.now += 0.25
    assert len(teller.told) == 1
    teller.now += 10
    teller.note("command", "late")
    assert len(teller.told) == 2
    assert "$ step 99" in teller.told[-1][1]
    teller.now -= 3600  # the clock was set back
    teller.note("command", "later")
    assert len(teller.told) == 3


def test_the_text_tells_stages_commands_and_results() -> None:
    teller = Teller(every=0)
    teller.note("stage", "fetch", "fetch")
    teller.now += 2
    teller.note("stage", "solve")
    teller.note("command", "make test")
    teller.note("output", "12 passed\n")
    teller.note("result", "passed in 0.3 s")
    title, text = teller.told[-1]
    assert title == "Working on it"
    assert text.startswith("- ✓ Fetching the repository (2 s)\n- **Working on it …**\n")
    assert "$ make test\n12 passed\npassed in 0.3 s" in text
    assert "**Working on it …**" not in teller.progress.final_text
    assert "- ✓ Working on it (0 s)" in teller.progress.final_text


def test_the_tail_is_kept_within_githubs_limit() -> None:
    teller = Teller(every=1e9)
    teller.note("stage", "solve")
    for number in range(3000):
        teller.note("command", f"a command of some length, number {number}, " + "x" * 40)
    text = teller.progress.text
    assert len(text) < 65_535
    assert "number 2999," in text


def test_a_key_is_taken_out_before_it_is_cut_in_half() -> None:
    teller = Teller(every=0)
    teller.note("output", PEM)
    assert "MIIE" not in teller.told[-1][1]


def test_output_cannot_leave_its_block() -> None:
    teller = Teller(every=0)
    teller.note("output", "```\n@octocat fixes #1")
    text = teller.told[-1][1]
    assert text.rstrip().endswith("````")
