"""The reminders story's script: a prompt asks for a rhythm, and the project's linter rejects the first attempt."""

from __future__ import annotations

from collections.abc import Sequence

from dayhand.scripted_model.moves import Finish, Move, Patch, Plan, Say, ScriptState, Script, Shell
from dayhand.demo.command_output import all_output, cite, find_group, location, play_turns
from dayhand.demo.story import Story

PROMPT = "prompts/generate_occurrence_pattern.message.md"
WRONG = "Choose a regular rhythm"
STEPS = ("A test: the prompt must not suggest one number", "Ask for numbers that are hard to guess", "Lint and test")
RENDER = 'python3 -m reminders.render generate_occurrence_pattern reminder="call grandma" count=6 shortest=2 longest=14'

TEST = """\
*** Begin Patch
*** Update File: tests/test_render.py
@@
 from pathlib import Path

+from reminders.pattern import read_pattern
 from reminders.render import PROMPTS, PLACEHOLDER, PromptError, declared, read, render
@@
         self.assertIn("at least 2 and at most 14", text)

+    def test_the_pattern_prompt_does_not_lead_to_one_number(self):
+        text = render("generate_occurrence_pattern", VALUES)
+        example = read_pattern(text, 2, 14)
+        self.assertEqual(len(set(example)), len(example), f"the example repeats itself: {example}")
+        self.assertNotIn("regular", text)
+
     def test_a_value_that_lacks_is_named(self):
*** End Patch
"""

FIRST_TRY = f"""\
*** Begin Patch
*** Update File: {PROMPT}
@@
-Choose a regular rhythm that is easy to remember, such as once a week.
+The person must not be able to guess when "{{{{title}}}}" comes up next, so make the numbers as hard to predict as you can:
+
+- use the whole range, its ends as well as its middle;
+- let no two neighbours be the same, and let no rhythm appear: no weeks, no counting up or down;
+- stay away from favourites such as 7, 10 and 14.
@@
-7, 7, 7, 7
+4, 11, 3, 8
*** End Patch
"""

SECOND_TRY = f"""\
*** Begin Patch
*** Update File: {PROMPT}
@@
-The person must not be able to guess when "{{{{title}}}}" comes up next, so make the numbers as hard to predict as you can:
+The person must not be able to guess when it comes up next. Make the numbers hard to predict:
*** End Patch
"""


def look(_: ScriptState) -> Sequence[Move]:
    return (
        Say("Always seven: either the prompt asks for it, or the reply is parsed wrongly. I look at both."),
        Shell("git ls-files && cat Makefile"),
        Shell("git grep -n -e week -e regular -e '7, 7' -- prompts reminders"),
    )


def read_the_prompt(_: ScriptState) -> Sequence[Move]:
    return (
        Shell(f"cat {PROMPT} reminders/pattern.py"),
        Shell("cat tools/lint_prompts.py"),
        Shell("sed -n '1,30p' tests/test_render.py"),
    )


def prove_it(_: ScriptState) -> Sequence[Move]:
    return (
        Say(
            "The reply is parsed correctly. It is the prompt that asks for “a regular rhythm, such as once a week”, "
            "and its example is 7, 7, 7, 7. A test first."
        ),
        Plan(((STEPS[0], "in_progress"), (STEPS[1], "pending"), (STEPS[2], "pending"))),
        Patch(TEST),
        Shell("make test"),
    )


def reword(_: ScriptState) -> Sequence[Move]:
    return (
        Plan(((STEPS[0], "completed"), (STEPS[1], "in_progress"), (STEPS[2], "pending"))),
        Patch(FIRST_TRY),
        Shell("make lint"),
        Shell("make test"),
    )


def fix_lint(state: ScriptState) -> Sequence[Move]:
    problem = find_group(r"^prompts/\S+: (.+)$", all_output(state), "nothing")
    return (
        Say(f"The linter for prompts objects: {problem}. It is right; the sentence does not need the name."),
        Patch(SECOND_TRY),
        Shell("make lint"),
        Shell("make test"),
    )


def review(_: ScriptState) -> Sequence[Move]:
    return (
        Plan(((STEPS[0], "completed"), (STEPS[1], "completed"), (STEPS[2], "in_progress"))),
        Shell(RENDER),
        Shell("git diff --stat && git grep -n -e predict -e '4, 11' -e 'one_number' -- prompts tests"),
    )


def finish(state: ScriptState) -> Sequence[Move]:
    text = all_output(state)
    repeated = find_group(r"the example repeats itself: (\[[\d, ]+\])", text, "the same number")
    before = cite(text, PROMPT, WRONG)
    return (
        Plan(tuple((step, "completed") for step in STEPS)),
        Finish(
            "Ask for reminders that are hard to guess",
            f"The model did what it was told: the prompt said “{before[0]['quote'] if before else WRONG}” ({location(before)}, "
            f"before this change), and its example answer was {repeated}. A model follows an example even more closely "
            "than an instruction.\n\nThe prompt now asks for numbers from the whole range, without equal "
            "neighbours and without a rhythm, and its example is irregular. A new test checks the message as it is sent.\n\n"
            "No test here can show how a model answers: the next reminders will.",
            (*cite(text, PROMPT, "predict"), *cite(text, PROMPT, "4, 11"), *cite(text, "tests/test_render.py", "one_number")),
            ("Should the prompt include the previous gaps, so that the next answer differs from them?",),
        ),
    )


def already_done(state: ScriptState) -> Sequence[Move]:
    if WRONG in all_output(state):
        return ()
    return (
        Finish(
            "Leave the prompt as it is",
            f"I searched the prompts and the code that parses the answers: nothing asks for a week any more ({PROMPT}). "
            "I changed nothing.",
        ),
    )


REMINDERS = Story(
    name="reminders",
    repository="ada/come-back",
    scripts=(
        Script(
            "reminders",
            lambda prompt: "It always reminds me every 7 days" in prompt,
            play_turns(look, read_the_prompt, prove_it, reword, fix_lint, review, finish, already_done=already_done),
        ),
    ),
    comment="@bot fix this, please. I'd say it is the prompt.",
)
