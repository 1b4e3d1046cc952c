"""Verdicts on a pull request: what passes, what only claims to pass, and what proves nothing."""

from __future__ import annotations

import shutil

import pytest

from dayhand.localhub.state.models import CheckRun, Issue
from dayhand.scripted_model.moves import Finish, Move, Patch
from tests.journey.harness import (
    FIX,
    SHOP,
    Harness,
    fault,
)

needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed on this machine")
PATCH = "*** Begin Patch\n{}\n*** End Patch"
PROVING_TEST = Patch(
    PATCH.format(
        "*** Add File: test_totals.py\n+import unittest\n+\n+from shop import total\n+\n+\n"
        "+class Totals(unittest.TestCase):\n+    def test_empty(self):\n+        self.assertEqual(total([]), 0)"
    )
)
EMPTY_TEST = Patch(
    PATCH.format(
        "*** Add File: test_totals.py\n+import unittest\n+\n+from shop import total\n+\n+\n"
        "+class Totals(unittest.TestCase):\n+    def test_empty(self):\n+        self.assertIsNotNone(total([]))"
    )
)
LIAR = {
    "README.md": SHOP["README.md"],
    "shop.py": SHOP["shop.py"],
    "Makefile": "test:\n\t@echo '212 passed in 0.42s'\n",
}


def play(
    harness: Harness, *moves: Move, files: dict[str, str] = SHOP, account: str = "Mended."
) -> tuple[Issue, CheckRun]:
    """Let the model make these moves on an issue; returns the pull request and its check run."""
    harness.scripted_model.turns = [list(moves), [Finish("Count nothing twice", account)]]
    repo = harness.repository("shop", files)
    issue = harness.issue(repo)
    harness.label(repo, issue)
    (record,) = harness.work()
    assert record.outcome, record.reason
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    return pull, check


def test_a_runner_that_only_says_passed_is_found_out(harness: Harness) -> None:
    pull, check = play(harness, FIX, files=LIAR)
    assert "passes, but does not test the change" in pull.body
    assert "it also passes with the changed code broken" in pull.body
    assert check.conclusion == "neutral"


COMPILER = {**LIAR, "Makefile": "test:\n\t@python3 -m py_compile shop.py\n\t@echo '212 passed in 0.42s'\n"}
FAKE_PYTEST = {
    "README.md": SHOP["README.md"],
    "shop.py": SHOP["shop.py"],
    "test_shop.py": "import pytest\n\nfrom shop import total\n\n\ndef test_nothing():\n    assert total([]) == 0\n",
    "pytest.py": "import shop\n\nprint('212 passed in 0.42s')\n",
}


def test_a_runner_that_only_compiles_is_found_out(harness: Harness) -> None:
    pull, check = play(harness, FIX, files=COMPILER)
    assert "it also passes with the changed code broken" in pull.body
    assert check.conclusion == "neutral"


def test_a_pytest_that_writes_no_report_is_found_out(harness: Harness) -> None:
    pull, check = play(harness, FIX, files=FAKE_PYTEST)
    assert "`python3 -m pytest -q` | [⚠️ passes, but does not test the change]" in pull.body
    assert "pytest passed but did not write the report that it was asked for" in pull.body
    assert "passed)" not in pull.body, "no count is told on its word"
    assert check.conclusion == "neutral"


def test_a_liar_proves_nothing_with_a_test_of_the_change_either(harness: Harness) -> None:
    loads = {**LIAR, "Makefile": "test:\n\t@python3 -c 'import shop'\n\t@echo '212 passed in 0.42s'\n"}
    pull, _ = play(harness, FIX, PROVING_TEST, files=loads, account="Mended. [tests: 212 passed]")
    assert "**No red to green:** the change's tests also pass without the change" in pull.body


def test_a_test_that_fails_without_the_change_proves_it(harness: Harness) -> None:
    pull, check = play(harness, FIX, PROVING_TEST)
    assert "**Red to green:**" in pull.body
    assert check.conclusion == "success"


def test_a_test_that_passes_without_the_change_proves_nothing(harness: Harness) -> None:
    pull, _ = play(harness, FIX, EMPTY_TEST)
    assert "**No red to green:** the change's tests also pass without the change" in pull.body


def test_a_test_that_was_deleted_or_only_renamed_is_no_proof_and_none_is_claimed(harness: Harness) -> None:
    rename = Patch(
        PATCH.format(
            "*** Update File: test_shop.py\n@@\n-    def test_nothing(self):\n+    def test_no_prices(self):"
        )
    )
    pull, check = play(harness, FIX, rename)
    assert "ed to green" not in pull.body
    assert check.conclusion == "success"


@needs_node
def test_in_a_file_with_old_and_new_tests_the_new_ones_are_told_apart(harness: Harness) -> None:
    files = {
        "package.json": '{"name": "shop", "scripts": {"test": "node --test"}}\n',
        "shop.js": "exports.total = (prices) => prices.reduce((a, b) => a + b, 1);\n",
        "shop.test.js": "const test = require('node:test');\nconst assert = require('node:assert');\n"
        "const { total } = require('./shop');\n\n"
        "test('totals are numbers', () => assert.equal(typeof total([]), 'number'));\n",
    }
    mend = Patch(
        PATCH.format(
            "*** Update File: shop.js\n@@\n"
            "-exports.total = (prices) => prices.reduce((a, b) => a + b, 1);\n"
            "+exports.total = (prices) => prices.reduce((a, b) => a + b, 0);\n"
            "*** Update File: shop.test.js\n@@\n"
            " test('totals are numbers', () => assert.equal(typeof total([]), 'number'));\n"
            "+test('nothing costs nothing', () => assert.equal(total([]), 0));\n"
            "+test('totals are finite', () => assert.ok(Number.isFinite(total([1]))));"
        )
    )
    pull, check = play(harness, mend, files=files)
    assert "(3 passed)" in pull.body, "Node's own report names them all"
    assert "**Red to green:** 1 test fails without the change and passes with it ([" in pull.body
    assert "). 1 new test also passes without it: `shop.test.js > totals are finite`." in pull.body
    assert check.conclusion == "success"


def test_what_was_broken_and_now_passes_is_called_fixed(harness: Harness) -> None:
    strict = SHOP["test_shop.py"].replace("self.assertIsNotNone(total([]))", "self.assertEqual(total([]), 0)")
    pull, check = play(harness, FIX, files={**SHOP, "test_shop.py": strict})
    assert "✅ fixed" in pull.body
    assert check.conclusion == "success"


def test_a_failure_beside_an_old_one_is_named_alone(harness: Harness) -> None:
    broken = SHOP["test_shop.py"] + "\n    def test_old(self):\n        self.fail('before')\n"
    worse = Patch(
        PATCH.format(
            "*** Update File: shop.py\n@@ def total(prices):\n-    return sum(prices) + 1\n+    return None"
        )
    )
    pull, check = play(harness, worse, files={**SHOP, "test_shop.py": broken})
    assert "❌ new failure" in pull.body
    assert "`test_shop.Totals.test_nothing`" in pull.body
    assert "test_old" not in pull.body.split("### Evidence")[0].split("<details>")[0]
    assert check.conclusion == "failure"


def test_an_agent_that_edits_the_tests_is_held_back_until_a_person_looks(harness: Harness) -> None:
    soft = Patch(
        PATCH.format(
            "*** Update File: test_shop.py\n@@     def test_nothing(self):\n"
            "-        self.assertEqual(total([]), 0)\n+        self.assertTrue(total)"
        )
    )
    strict = SHOP["test_shop.py"].replace("self.assertIsNotNone(total([]))", "self.assertEqual(total([]), 0)")
    pull, check = play(harness, soft, files={**SHOP, "test_shop.py": strict})
    assert "✋ **This change modifies its own checks.**" in pull.body
    assert "- loosened assertion: `test_shop.py:" in pull.body
    assert check.conclusion == "action_required"


HELD_BACK = {
    "deleted": (
        Patch(PATCH.format("*** Delete File: test_shop.py")),
        "- deleted test: `test_shop.py`: `Totals.test_nothing`",
        "neutral",  # no test is left that could speak for it
    ),
    "skipped": (
        Patch(PATCH.format("*** Update File: test_shop.py\n@@\n+@unittest.skip('later')\n class Totals(unittest.TestCase):")),
        "- skipped test: `test_shop.py:8`: `Totals.test_nothing`",
        "neutral",  # its report shows that no test ran
    ),
    "command-set-to-true": (
        Patch(PATCH.format("*** Update File: Makefile\n@@\n-\tpython3 -m unittest -q\n+\ttrue")),
        "- check configuration: `Makefile`: `target test: without python3 -m unittest -q, with true`",
        "success",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("move", "result", "standing"), HELD_BACK.values(), ids=HELD_BACK)
def test_an_agent_that_weakens_its_checks_is_held_back_until_a_person_accepts(
    harness: Harness, move: Move, result: str, standing: str
) -> None:
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    harness.scripted_model.turns = [[FIX, move], [Finish("Count nothing twice", "All 212 tests pass.")]]
    harness.label(repo, issue)
    harness.work()
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    assert result in pull.body
    assert check.conclusion == "action_required", "neutral would satisfy a required check"
    harness.hub.actions.click(repo, check, "accept", by=harness.ada)
    harness.settle()
    assert (check.conclusion, check.title) == (standing, "Accepted by ada")


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
    repo = harness.repository("shop")
    issue = harness.issue(repo)
    more = Patch(PATCH.format("*** Add File: NOTES.md\n+Notes."))
    harness.scripted_model.turns = [
        [BREAK],
        [Finish("One", ".")],
        [more],
        [Finish("Two", ".")],
        fault("status", status=401, body=NO_KEY, times=9),
    ]
    harness.label(repo, issue)
    (record,) = harness.work()
    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    assert check.conclusion == "failure", record.reason
    assert pull.title == "Two"


def test_a_model_that_claims_success_on_failing_checks_changes_nothing(harness: Harness) -> None:
    lies = "All green! All 212 tests pass. ✅ **The repository's own checks pass (2 of 2 pass)**"
    pull, check = play(harness, BREAK, account=lies)
    assert (check.conclusion, check.title) == ("failure", "There are new failures (1 of 2 passes)")
    assert pull.body.index("❌ **There are new failures") < pull.body.index("All green!")
    assert "~~All 212 tests pass~~ (not true: python3 -m unittest discover: new failure)." in pull.body


def test_a_check_whose_tool_is_not_there_is_no_failure(harness: Harness) -> None:
    script = "#!/bin/sh\nno-such-tool --all\n"
    files = {"README.md": SHOP["README.md"], "shop.py": SHOP["shop.py"], "test.sh": script}
    pull, check = play(harness, FIX, files=files)
    assert "⛔ the environment cannot run it" in pull.body
    assert check.conclusion == "neutral"


def test_tests_that_need_a_database_cannot_run_and_one_clean_linter_is_no_success(harness: Harness) -> None:
    """The model's new test needs it too: it is no new failure, and nobody asks the model to repair it."""
    needs = "import socket\n\nsocket.create_connection(('localhost', 27017), timeout=5)\n\n"
    files = {**SHOP, "test_shop.py": f"{needs}{SHOP['test_shop.py']}"}
    with_database = Patch(
        PATCH.format(
            "*** Add File: test_totals.py\n+import socket\n+import unittest\n+\n+\n+class Totals(unittest.TestCase):\n"
            "+    def test_empty(self):\n+        socket.create_connection(('localhost', 27017), timeout=5)"
        )
    )
    pull, check = play(harness, FIX, with_database, files=files)
    assert (check.conclusion, check.title) == (
        "neutral",
        "Not verified: the tests could not run here (1 of 2 passes)",
    )
    assert "⛔ the environment cannot run it" in pull.body
    assert "MongoDB on localhost:27017 is missing" in pull.body
    assert "`[checks] test` in `.dayhand.toml`" in pull.body
    assert harness.model_server.count == 2, "two turns: the failure did not go back"


def test_pytest_behind_make_is_read_to_the_single_test(harness: Harness) -> None:
    files = {
        "README.md": SHOP["README.md"],
        "shop.py": SHOP["shop.py"],
        "Makefile": "test:\n\t@python3 tests.py\n",
        "tests.py": (
            "import os, re, shop\nshop.total([])\npath = re.search(r'--junitxml=(\\S+)', os.environ['PYTEST_ADDOPTS'])[1]\n"
            'case = \'<testcase classname="t" name="%s"/>\'\n'
            "open(path, 'w').write('<testsuites><testsuite>' + case % 'a' + case % 'b' + '</testsuite></testsuites>')\n"
        ),
    }
    pull, check = play(harness, FIX, files=files)
    assert "✅ passes" in pull.body
    assert "(2 passed)" in pull.body
    assert check.conclusion == "success"


def test_an_agent_that_edits_the_runner_is_held_back_until_a_person_with_write_access_accepts(
    harness: Harness,
) -> None:
    lie = Patch(PATCH.format("*** Update File: Makefile\n-\t! grep -n ' $$' *.py\n+\ttrue"))
    harness.scripted_model.turns = [[FIX, lie], [Finish("Count nothing twice", "Mended.")]]
    repo = harness.repository("shop")
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


def test_a_new_module_with_its_test_turns_red_to_green(harness: Harness) -> None:
    module = Patch(PATCH.format("*** Add File: tax.py\n+RATE = 2"))
    test = Patch(
        PATCH.format(
            "*** Add File: test_tax.py\n+import unittest\n+\n+\n+class Tax(unittest.TestCase):\n"
            "+    def test_rate(self):\n+        import tax\n+\n+        self.assertEqual(tax.RATE, 2)"
        )
    )
    pull, _ = play(harness, module, test)
    assert "**Red to green:** 1 test fails" in pull.body


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
