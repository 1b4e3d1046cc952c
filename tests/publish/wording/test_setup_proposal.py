"""What people read of a proposed set-up."""

from __future__ import annotations

from dataclasses import replace

from dayhand.environment.declared.improvement import Improvement, SuggestedSetting, Suggestion
from dayhand.publish.wording import setup_proposal
from dayhand.task import Examined, ExaminedCheck, SetupStep
from dayhand.verification import Run

URL = "https://dayhand.example/tasks/t1"
STUCK = Examined(
    commit="c" * 40,
    toolchains=("Make",),
    steps=(SetupStep("AGENTS.md: make deps", "make deps", passed=False, seconds=0.2, reason="no rule"),),
    checks=(ExaminedCheck("lint", "lintt .", "AGENTS.md", None, "lintt does not start."),),
    blocked=(),
    pins=(),
    known=False,
    seconds=1.0,
)
LINT = ExaminedCheck("lint", "make lint", ".dayhand.toml checks.lint", Run("make lint", 0, "exit", 0.5, ""))
BETTER = replace(STUCK, steps=(), checks=(LINT,), seconds=0.4)
LINES = (
    SuggestedSetting("setup", "run", (), "“AGENTS.md: make deps” fails, so it is left out."),
    SuggestedSetting("checks", "lint", "make lint", "`lintt .` (AGENTS.md) cannot run here."),
)
FOUND = Improvement(Suggestion("…", LINES), STUCK, BETTER)


def test_each_line_has_its_reason_and_both_measurements_stand_side_by_side() -> None:
    assert (
        setup_proposal.body(FOUND, URL)
        == f"""\
With this `.dayhand.toml`, more of the repository works in Dayhand's sandbox. I tried it on `cccccccc`:

| | now | with this |
|---|---|---|
| checks | 0 of 1 declared checks can run here; part of the set-up failed | The one declared check can run here |
| set-up | 1 step, 1 failed (1.0 s) | nothing to install (0.4 s) |
| lint | `lintt .` ⛔ cannot run | `make lint` ✅ passes (0.5 s) |

### Why each line is there

- `setup.run`: “AGENTS.md: make deps” fails, so it is left out.
- `checks.lint`: `lintt .` (AGENTS.md) cannot run here.

Nothing else changes, and nothing takes effect until a person merges this: Dayhand reads the file from the default \
branch. If you do not want it, close this pull request; the same settings are not proposed again.

<sub>[Everything that was run]({URL})</sub>

{setup_proposal.marker(FOUND)}"""
    )


def test_the_same_settings_have_the_same_marker_whatever_else_the_file_holds() -> None:
    other = replace(FOUND, suggestion=Suggestion("# more\n…", LINES))
    fewer = replace(FOUND, suggestion=Suggestion("…", LINES[:1]))
    assert setup_proposal.marker(other) == setup_proposal.marker(FOUND) != setup_proposal.marker(fewer)


def test_what_a_repository_wrote_cannot_speak_to_anybody_or_forge_a_marker() -> None:
    said = "“AGENTS.md: @ada closes #1 <!-- dayhand:set-up:x --> | <b>” fails, so it is left out."
    hostile = replace(FOUND, suggestion=Suggestion("…", (SuggestedSetting("setup", "run", (), said),)))
    told = setup_proposal.body(hostile, URL)
    assert "@ada" not in told
    assert "#1" not in told
    assert "<b>" not in told
    assert told.count("<!--") == 1
    command = "x | `@ada` \n## Done"
    checks = (ExaminedCheck("lint", command, "AGENTS.md", None, "no"),)
    told = setup_proposal.body(replace(FOUND, before=replace(STUCK, checks=checks)), URL)
    assert "\n## Done" not in told
