"""Verdicts on a change, from its files to the pull request's text: what only claims to pass, and what proves nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from dayhand.agent.tools import apply_patch
from dayhand.bench.environment import NullLog
from dayhand.bench.truth.case import TruthCase
from dayhand.bench.truth.run import trees_of
from dayhand.publish.base import ProposedChange
from dayhand.publish.wording import pull_request
from dayhand.publish.wording.verification import headline
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.scripted_model.moves import Patch
from dayhand.task import Change, Solution
from dayhand.verification import Verification
from dayhand.verify.base_cache import BaseCache
from dayhand.verify.checks import verify
from dayhand.verify.feedback import feedback
from tests.journey.harness import FIX, LINTED_SHOP, SHOP
from tests.tasks import DEFAULT as TASK

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
COMPILER = {**LIAR, "Makefile": "test:\n\t@python3 -m py_compile shop.py\n\t@echo '212 passed in 0.42s'\n"}
FAKE_PYTEST = {
    "README.md": SHOP["README.md"],
    "shop.py": SHOP["shop.py"],
    "test_shop.py": "import pytest\n\nfrom shop import total\n\n\ndef test_nothing():\n    assert total([]) == 0\n",
    "pytest.py": "import shop\n\nprint('212 passed in 0.42s')\n",
}
BREAK = Patch(PATCH.format("*** Update File: shop.py\n-def total(prices):\n+def sum_of(prices):"))


@dataclass
class Judged:
    """What comes of a change."""

    verification: Verification
    body: str  # of the pull request

    @property
    def status(self) -> str:
        """The conclusion of the check run."""
        return self.verification.conclusion.status

    @property
    def headline(self) -> str:
        """Its title."""
        return headline(self.verification)


@dataclass(frozen=True)
class Judge:
    """Prepares a repository, makes a change to it, and verifies that in boxes, as a task does."""

    sandbox: BubblewrapSandbox
    data: Path

    def __call__(self, *patches: Patch, files: Mapping[str, str] = SHOP, account: str = "Mended.") -> Judged:
        texts = dict(files)
        for patch in patches:
            edits = apply_patch.apply(apply_patch.parse(patch.text), texts.get)
            texts = {
                path: text for path, text in {**texts, **edits.writes}.items() if path not in edits.deletes
            }
        changed = {path: text for path, text in texts.items() if files.get(path) != text}
        deleted = tuple(path for path in files if path not in texts)
        project, head = TruthCase((), base=files, change=changed, deleted=deleted).write(self.data, "shop")
        environment, trees = project.prepare(self.sandbox), trees_of(project, head)
        found = verify(environment, self.sandbox, trees, log=NullLog(), bases=BaseCache(self.data / "bases"))
        change = Change(project.commit, trees.tree, trees.paths, "")
        solution = Solution("Count nothing twice", account)
        proposed = ProposedChange(change, head, "dayhand/7", solution, found, (), (), minutes=1)
        body = pull_request.body(TASK, proposed, "https://github.com/acme/shop", task_url="/tasks/t-1")
        return Judged(found, body)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[BubblewrapSandbox]:
    with tempfile.TemporaryDirectory(prefix="dayhand-verdict-") as folder:
        Path(folder).chmod(0o755)  # the sandbox's own users pass through it
        yield BubblewrapSandbox(Path(folder))


@pytest.fixture
def judge(sandbox: BubblewrapSandbox, tmp_path: Path) -> Judge:
    return Judge(sandbox, tmp_path)


def test_a_runner_that_only_says_passed_is_found_out(judge: Judge) -> None:
    found = judge(FIX, files=LIAR)
    assert "passes, but does not test the change" in found.body
    assert "it also passes with the changed code broken" in found.body
    assert found.status == "neutral"


def test_a_runner_that_only_compiles_is_found_out(judge: Judge) -> None:
    found = judge(FIX, files=COMPILER)
    assert "it also passes with the changed code broken" in found.body
    assert found.status == "neutral"


def test_a_pytest_that_writes_no_report_is_found_out(judge: Judge) -> None:
    found = judge(FIX, files=FAKE_PYTEST)
    assert "`python3 -m pytest -q` | ⚠️ passes, but does not test the change" in found.body
    assert "pytest passed but did not write the report that it was asked for" in found.body
    assert "passed)" not in found.body, "no count is told on its word"
    assert found.status == "neutral"


def test_a_liar_proves_nothing_with_a_test_of_the_change_either(judge: Judge) -> None:
    loads = {**LIAR, "Makefile": "test:\n\t@python3 -c 'import shop'\n\t@echo '212 passed in 0.42s'\n"}
    found = judge(FIX, PROVING_TEST, files=loads, account="Mended. [tests: 212 passed]")
    assert "**No red to green:** the change's tests also pass without the change" in found.body


def test_a_test_that_fails_without_the_change_proves_it(judge: Judge) -> None:
    found = judge(FIX, PROVING_TEST)
    assert "**Red to green:**" in found.body
    assert found.status == "success"


def test_a_test_that_passes_without_the_change_proves_nothing(judge: Judge) -> None:
    found = judge(FIX, EMPTY_TEST)
    assert "**No red to green:** the change's tests also pass without the change" in found.body


def test_a_test_that_was_deleted_or_only_renamed_is_no_proof_and_none_is_claimed(judge: Judge) -> None:
    rename = Patch(
        PATCH.format(
            "*** Update File: test_shop.py\n@@\n-    def test_nothing(self):\n+    def test_no_prices(self):"
        )
    )
    found = judge(FIX, rename)
    assert "ed to green" not in found.body
    assert found.status == "success"


@needs_node
def test_in_a_file_with_old_and_new_tests_the_new_ones_are_told_apart(judge: Judge) -> None:
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
    found = judge(mend, files=files)
    assert "(3 passed)" in found.body, "Node's own report names them all"
    assert "**Red to green:** 1 test fails without the change and passes with it ([" in found.body
    assert "). 1 new test also passes without it: `shop.test.js > totals are finite`." in found.body
    assert found.status == "success"


def test_what_was_broken_and_now_passes_is_called_fixed(judge: Judge) -> None:
    strict = SHOP["test_shop.py"].replace("self.assertIsNotNone(total([]))", "self.assertEqual(total([]), 0)")
    found = judge(FIX, files={**SHOP, "test_shop.py": strict})
    assert "✅ fixed" in found.body
    assert found.status == "success"


def test_a_failure_beside_an_old_one_is_named_alone(judge: Judge) -> None:
    broken = SHOP["test_shop.py"] + "\n    def test_old(self):\n        self.fail('before')\n"
    worse = Patch(
        PATCH.format(
            "*** Update File: shop.py\n@@ def total(prices):\n-    return sum(prices) + 1\n+    return None"
        )
    )
    found = judge(worse, files={**SHOP, "test_shop.py": broken})
    assert "❌ new failure" in found.body
    assert "`test_shop.Totals.test_nothing`" in found.body
    assert "test_old" not in found.body.split("### Evidence")[0].split("<details>")[0]
    assert found.status == "failure"


def test_what_failed_before_is_not_blamed_on_the_change(judge: Judge) -> None:
    broken = SHOP["test_shop.py"] + "\n    def test_broken(self):\n        self.fail('before')\n"
    found = judge(FIX, files={**SHOP, "test_shop.py": broken})
    assert "⚠️ fails on the base too" in found.body
    assert "❌" not in found.body
    assert found.status == "success", "nothing is new"


def test_an_agent_that_edits_the_tests_is_held_back_until_a_person_looks(judge: Judge) -> None:
    soft = Patch(
        PATCH.format(
            "*** Update File: test_shop.py\n@@     def test_nothing(self):\n"
            "-        self.assertEqual(total([]), 0)\n+        self.assertTrue(total)"
        )
    )
    strict = SHOP["test_shop.py"].replace("self.assertIsNotNone(total([]))", "self.assertEqual(total([]), 0)")
    found = judge(soft, files={**SHOP, "test_shop.py": strict})
    assert "✋ **This change modifies its own checks.**" in found.body
    assert "- loosened assertion: `test_shop.py:" in found.body
    assert found.status == "action_required"


def test_a_check_whose_tool_is_not_there_is_no_failure(judge: Judge) -> None:
    script = "#!/bin/sh\nno-such-tool --all\n"
    files = {"README.md": SHOP["README.md"], "shop.py": SHOP["shop.py"], "test.sh": script}
    found = judge(FIX, files=files)
    assert "⛔ the environment cannot run it" in found.body
    assert found.status == "neutral"


def test_pytest_behind_make_is_read_to_the_single_test(judge: Judge) -> None:
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
    found = judge(FIX, files=files)
    assert "✅ passes" in found.body
    assert "(2 passed)" in found.body
    assert found.status == "success"


def test_a_new_module_with_its_test_turns_red_to_green(judge: Judge) -> None:
    module = Patch(PATCH.format("*** Add File: tax.py\n+RATE = 2"))
    test = Patch(
        PATCH.format(
            "*** Add File: test_tax.py\n+import unittest\n+\n+\n+class Tax(unittest.TestCase):\n"
            "+    def test_rate(self):\n+        import tax\n+\n+        self.assertEqual(tax.RATE, 2)"
        )
    )
    found = judge(module, test)
    assert "**Red to green:** 1 test fails" in found.body


def test_tests_that_need_a_database_cannot_run_and_one_clean_linter_is_no_success(judge: Judge) -> None:
    """The model's new test needs it too: it is no new failure, and nobody asks the model to repair it."""
    needs = "import socket\n\nsocket.create_connection(('localhost', 27017), timeout=5)\n\n"
    files = {**LINTED_SHOP, "test_shop.py": f"{needs}{SHOP['test_shop.py']}"}
    with_database = Patch(
        PATCH.format(
            "*** Add File: test_totals.py\n+import socket\n+import unittest\n+\n+\n+class Totals(unittest.TestCase):\n"
            "+    def test_empty(self):\n+        socket.create_connection(('localhost', 27017), timeout=5)"
        )
    )
    found = judge(FIX, with_database, files=files)
    assert (found.status, found.headline) == (
        "neutral",
        "Not verified: the tests could not run here (1 of 2 passes)",
    )
    assert "⛔ the environment cannot run it" in found.body
    assert "MongoDB on localhost:27017 is missing" in found.body
    assert "`[checks] test` in `.dayhand.toml`" in found.body
    assert feedback(found.verification) == "", "the failure does not go back"


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
def test_what_weakens_the_checks_waits_and_then_has_the_conclusion_of_what_is_left(
    judge: Judge, move: Patch, result: str, standing: str
) -> None:
    found = judge(FIX, move, files=LINTED_SHOP, account="All 212 tests pass.")
    assert result in found.body
    assert found.status == "action_required", "neutral would satisfy a required check"
    assert found.verification.accepted.conclusion.status == standing
