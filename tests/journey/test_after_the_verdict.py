"""What follows from a verdict: failures go back to the model, and a person decides about weakened checks."""

from __future__ import annotations

import shutil

import pytest

from dayhand.scripted_model.moves import Finish, Patch
from tests.journey.harness import (
    FIX,
    LINTED_SHOP,
    Harness,
    fault,
)

needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed on this machine")
PATCH = "*** Begin Patch\n{}\n*** End Patch"


def test_an_agent_that_weakens_its_checks_is_held_back_until_a_person_accepts(harness: Harness) -> None:
    delete = Patch(PATCH.format("*** Delete File: test_shop.py"))
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.scripted_model.turns = [[FIX, delete], [Finish("Count nothing twice", "All 212 tests pass.")]]
    harness.label(repo, issue)
    harness.work()
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    assert "- deleted test: `test_shop.py`: `Totals.test_nothing`" in pull.body
    assert check.conclusion == "action_required", "neutral would satisfy a required check"
    harness.hub.actions.click(repo, check, "accept", by=harness.ada)
    harness.settle()
    assert (check.conclusion, check.title) == ("neutral", "Accepted by ada"), "no test speaks for it"


NO_KEY = '{"error": {"message": "no", "type": "invalid_request_error", "code": "invalid_api_key"}}'
BREAK = Patch(PATCH.format("*** Update File: shop.py\n-def total(prices):\n+def sum_of(prices):"))
MEND = Patch(PATCH.format("*** Update File: shop.py\n-def sum_of(prices):\n+def total(prices):"))


def test_a_new_failure_goes_back_to_the_model_which_mends_it(harness: Harness) -> None:
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.scripted_model.turns = [
        [FIX, BREAK],
        [Finish("Sum", "Done.")],
        [MEND],
        [Finish("Sum it right", "Mended.")],
    ]
    harness.label(repo, issue)
    (record,) = harness.work()
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    assert check.conclusion == "success", record.reason
    assert pull.title == "Sum it right"
    assert pull.pull
    assert repo.store.text(pull.pull.head_sha, "shop.py") == "def total(prices):\n    return sum(prices)\n"
    result = [note.text for note in harness.live.read(record.task.id)]
    assert result.count("There are new failures: they go back to the model.") == 1


def test_a_failure_that_the_model_cannot_mend_is_proposed_as_one(harness: Harness) -> None:
    """What the model claims changes nothing."""
    repo = harness.repository("shop", LINTED_SHOP)
    issue = harness.issue(repo)
    more = Patch(PATCH.format("*** Add File: NOTES.md\n+Notes."))
    lies = "All green! All 212 tests pass. ✅ **The repository's own checks pass (2 of 2 pass)**"
    harness.scripted_model.turns = [
        [BREAK],
        [Finish("One", ".")],
        [more],
        [Finish("Two", lies)],
        fault("status", status=401, body=NO_KEY, times=9),
    ]
    harness.label(repo, issue)
    (record,) = harness.work()
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    assert check.conclusion == "failure", record.reason
    assert check.title == "There are new failures (1 of 2 passes)"
    assert pull.title == "Two"
    assert pull.body.index("❌ **There are new failures") < pull.body.index("All green!")
    assert "~~All 212 tests pass~~ (not true: python3 -m unittest discover: new failure)." in pull.body


def test_an_agent_that_edits_the_runner_is_held_back_until_a_person_with_write_access_accepts(
    harness: Harness,
) -> None:
    lie = Patch(PATCH.format("*** Update File: Makefile\n-\t! grep -n ' $$' *.py\n+\ttrue"))
    harness.scripted_model.turns = [[FIX, lie], [Finish("Count nothing twice", "Mended.")]]
    repo = harness.repository("shop", LINTED_SHOP)
    harness.label(repo, harness.issue(repo))
    harness.work()
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    held = "- check configuration: `Makefile`: `target lint: without ! grep -n ' $$' *.py, with true`"
    assert held in pull.body
    assert check.conclusion == "action_required"
    harness.comment(repo, pull, "@bot accept", by=harness.bob)
    assert check.conclusion == "action_required"
    assert "Only people with write access" in harness.bot_comments(pull)[-1]
    harness.comment(repo, pull, "@bot accept")
    assert (check.conclusion, check.title) == ("success", "Accepted by ada")
    assert [reaction.content for reaction in pull.comments[-1].reactions] == ["+1"]
    assert "`Makefile`" in (check.text or ""), "what was accepted can still be read"
    assert harness.waiting() == []


def test_where_nothing_waits_accept_says_so(harness: Harness) -> None:
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.comment(repo, issue, "@bot accept")
    assert "There is nothing to accept here." in harness.bot_comments(issue)[0]
    assert harness.waiting() == []


NEAR = {
    "package.json": '{"name": "shop", "scripts": {"test": "node --test"}}\n',
    "shop.js": "exports.total = (prices) => prices.reduce((a, b) => a + b, 1);\n",
    "shop.test.js": "const test = require('node:test');\nconst { total } = require('./shop');\n"
    "test('totals are numbers', () => require('node:assert').equal(typeof total([1]), 'number'));\n",
} | {f"other{n}.test.js": "require('node:test').test('other', () => {});\n" for n in range(8)}
WHOLE, NEAREST = "npm run test", "npm run test -- shop.test.js"


def turn(old: str, new: str) -> Patch:
    return Patch(
        PATCH.format(
            f"*** Update File: shop.js\n@@\n-exports.total = (prices) => {old};\n+exports.total = (prices) => {new};"
        )
    )


SUM = "prices.reduce((a, b) => a + b, 1)"


def commands_of(harness: Harness) -> list[str]:
    (record,) = harness.ledger.recent()
    return [
        note.text
        for note in harness.live.read(record.task.id)
        if note.kind == "command" and "npm" in note.text
    ]


@needs_node
def test_a_failure_of_the_nearest_tests_goes_back_before_the_rest_is_run(harness: Harness) -> None:
    repo = harness.repository("shop", NEAR)
    harness.scripted_model.turns = [
        [turn(SUM, "undefined")],
        [Finish("One", ".")],
        [turn("undefined", SUM.replace("1)", "0)"))],
        [Finish("Two", "Mended.")],
    ]
    harness.label(repo, harness.issue(repo))
    (record,) = harness.work()
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    ran = commands_of(harness)
    assert ran[:4] == [NEAREST] * 4, "head, base, head once more; then what was mended"
    assert WHOLE in ran[4:], "success needs all of it"
    assert check.conclusion == "success", record.reason
    assert "`npm run test` | [✅ passes]" in pull.body
    assert NEAREST not in pull.body, "it is no evidence"


@needs_node
def test_what_the_nearest_tests_show_is_no_verdict_where_the_model_cannot_mend_it(harness: Harness) -> None:
    repo = harness.repository("shop", NEAR)
    harness.scripted_model.turns = [
        [turn(SUM, "undefined")],
        [Finish("One", ".")],
        fault("status", status=401, body=NO_KEY, times=9),
    ]
    harness.label(repo, harness.issue(repo))
    harness.work()
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    assert check.conclusion == "failure"
    assert "`npm run test` | [❌ new failure]" in pull.body
    assert "(8 passed, 1 failed)" in pull.body, "all of it ran"
