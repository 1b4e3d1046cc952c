"""Real test runners, asked for a report through their environment: every test has a stable name, whatever is printed."""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from dayhand.verify.reports import collect, jest
from dayhand.verify.reports.read import Results, read_results

# Pinned: what they report is a part of the test.
NODE_RUNNERS = ("ava@6.4.1", "jest@29.7.0", "mocha@11.8.0", "tape@5.10.2", "vitest@3.2.7")
# It installs them with a tenth of npm's processor time.
BUN = f"@oven/bun-linux-{'aarch64' if platform.machine() == 'aarch64' else 'x64'}"
GROUP = (
    "describe('box', () => { test('opens', () => {}); test.skip('later', () => {});\n"
    "test.each([1, 2])('row %i', (n) => { expect(n).toBe(1); }); });\n"
)


@dataclass(frozen=True)
class Outcome:
    results: Results
    printed: str

    @property
    def states(self) -> dict[str, str]:
        return {test.name: test.state.value for test in self.results.tests}


def run(
    folder: Path, files: Mapping[str, str], command: str, *, env: Mapping[str, str] | None = None
) -> Outcome:
    """Run a command with the hooks, which lie beside the project as they lie in a box's ``.git``."""
    workspace, reports = folder / "workspace", folder / "dayhand-report"
    for name, text in files.items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (reports / "reports").mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(collect.hook_archive(str(reports)))) as tar:
        tar.extractall(reports, filter="data")
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), **(env or {})}
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=workspace,
        env=collect.with_report_options(own, str(reports)),
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    texts = [
        path.read_text().replace(f"{workspace}\n", "/workspace\n").replace(f"{workspace}/", "/workspace/")
        for path in sorted((reports / "reports").iterdir())
    ]
    printed = done.stdout + done.stderr
    results = read_results(texts, printed)
    assert results, printed
    assert results.reported, printed
    return Outcome(results, printed)


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"{program} is not installed on this machine"
    )


@pytest.fixture(scope="module")
def node_runners(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runners of the npm registry, installed once."""
    installer, folder = tmp_path_factory.mktemp("bun"), tmp_path_factory.mktemp("runners")
    bun = installer / "node_modules" / BUN / "bin/bun"
    for place, command in (
        (installer, ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"{BUN}@1.4.5"]),
        (folder, [str(bun), "add", "--ignore-scripts", *NODE_RUNNERS]),
    ):
        (place / "package.json").write_text('{"private": true}')
        env = {**os.environ, "BUN_INSTALL_CACHE_DIR": str(installer / "cache")}
        done = subprocess.run(
            command, cwd=place, env=env, capture_output=True, text=True, timeout=550, check=False
        )
        if done.returncode:
            pytest.skip(f"npm's registry is not reachable: {done.stderr[-200:]}")
    return folder / "node_modules"


@needs("npm")
@pytest.mark.parametrize(
    ("runner", "files", "states"),
    [
        (
            "vitest run",
            {
                "a.test.mjs": f"import {{test, describe, expect}} from 'vitest';\n{GROUP}",
                "b.test.mjs": "import './gone.mjs';\n",
            },
            {
                "a.test.mjs::box > opens": "passed",
                "a.test.mjs::box > later": "skipped",
                "a.test.mjs::box > row 1": "passed",
                "a.test.mjs::box > row 2": "failed",
                "b.test.mjs::b.test.mjs": "failed",
            },
        ),
        (
            "jest",
            {"a.test.js": GROUP, "b.test.js": "require('./gone');\n"},
            {
                "a.test.js > box > opens": "passed",
                "a.test.js > box > later": "skipped",
                "a.test.js > box > row 1": "passed",
                "a.test.js > box > row 2": "failed",
                "b.test.js": "failed",
            },
        ),
        (
            "mocha --reporter dot",
            {
                "test/a.js": "const assert = require('assert');\n"
                "describe('box', () => { it('opens', () => {}); it('closes', () => assert.equal(1, 2)); it('later'); });\n"
                "describe('db', () => { before(() => { throw new Error('refused'); }); it('reads', () => {}); });\n"
            },
            {
                "test/a.js > box > opens": "passed",
                "test/a.js > box > closes": "failed",
                "test/a.js > box > later": "skipped",
                'test/a.js > db > "before all" hook for "reads"': "failed",
            },
        ),
        (
            "ava",
            {
                "a.test.js": "const test = require('ava');\n"
                "test('opens', t => t.pass());\ntest('closes', t => t.is(1, 2));\ntest.skip('later', t => t.pass());\n"
            },
            {"opens": "passed", "closes": "failed", "later": "skipped"},
        ),
        (
            "ava",
            {
                "a.test.js": "const test = require('ava');\ntest('opens', t => t.pass());\n",
                "b.test.js": "const test = require('ava');\ntest('closes', t => t.is(1, 2));\n",
            },
            {"opens": "passed", "closes": "failed"},
        ),
        (
            "tape test/*.js",
            {
                "test/a.js": "const test = require('tape');\n"
                "test('opens', t => { t.equal(1, 1, 'adds'); t.equal(1, 2, 'subtracts'); t.end(); });\n"
                "test('closes', t => { t.equal(1, 1, 'adds'); t.end(); });\n"
            },
            {"opens > adds": "passed", "opens > subtracts": "failed", "closes > adds": "passed"},
        ),
    ],
    ids=["vitest", "jest", "mocha", "ava", "ava-two-files", "tape"],
)
def test_a_runner_of_npm_reports_every_test_behind_npm_test(
    tmp_path: Path, node_runners: Path, runner: str, files: dict[str, str], states: dict[str, str]
) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/node_modules").symlink_to(node_runners)
    package = {"package.json": json.dumps({"name": "shop", "scripts": {"test": runner}})}
    outcome = run(tmp_path, {**files, **package}, "npm test")
    assert outcome.states == states
    assert f"> {runner}\n" in outcome.printed, "people read the plain command"


@needs("npm")
def test_nodes_runner_reports_files_suites_and_what_does_not_load(tmp_path: Path) -> None:
    files = {
        "a.test.js": "const {test, describe, it} = require('node:test');\nconst assert = require('node:assert');\n"
        "test('adds', () => {});\n"
        "describe('box', () => { it('adds', () => assert.equal(1, 2)); it.skip('later', () => {}); });\n"
        "test('rows', async (t) => { await t.test('one', () => {}); });\n",
        "b.test.js": "require('gone');\n",
        "c.test.js": "require('node:test').test('adds', () => {});\n",
        "package.json": '{"scripts": {"test": "node --test"}}',
    }
    outcome = run(tmp_path, files, "npm test")
    assert outcome.states == {
        "a.test.js > adds": "passed",
        "a.test.js > box > adds": "failed",
        "a.test.js > box > later": "skipped",
        "a.test.js > rows > one": "passed",
        "b.test.js": "failed",
        "c.test.js > adds": "passed",
    }


UNITTEST = """
import io, subprocess, sys, unittest
class Shop(unittest.TestCase):
    def test_adds(self): pass
    def test_subtracts(self): self.assertEqual(1, 2)
    @unittest.skip("later")
    def test_later(self): pass
    @unittest.expectedFailure
    def test_known(self): self.fail()
    def test_rows(self):
        for n in (1, 2):
            with self.subTest(n=n):
                self.assertEqual(n, 1)
    def test_that_runs_tests(self):
        class Inner(unittest.TestCase):
            def test_inner(self): self.fail()
        unittest.TextTestRunner(stream=io.StringIO()).run(Inner("test_inner"))
        subprocess.run([sys.executable, "-m", "unittest", "other.Other"], capture_output=True)
class Database(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("refused")
    def test_reads(self): pass
"""
OTHER = "import unittest\nclass Other(unittest.TestCase):\n    def test_fails(self): self.fail()\n"


PICKLED = """
import pickle, unittest
class Sends(unittest.TextTestResult):
    def startTest(self, test):
        super().startTest(test)
        unittest.case._subtest_msg_sentinel = pickle.loads(pickle.dumps(object()))
class Shop(unittest.TestCase):
    def test_rows(self):
        for row in (1, 2):
            with self.subTest(row=row): self.assertEqual(row, 1)
unittest.main(testRunner=unittest.TextTestRunner(resultclass=Sends))
"""


def test_a_subtest_from_another_process_has_the_name_that_it_has_in_one(tmp_path: Path) -> None:
    """As Django's parallel runner sends it."""
    outcome = run(tmp_path, {"shop.py": PICKLED}, f"{sys.executable} shop.py")
    assert outcome.states == {"__main__.Shop.test_rows (row=2)": "failed"}


def test_unittest_reports_every_test_but_not_those_that_tests_start(tmp_path: Path) -> None:
    own = "import os\nos.environ['OWN'] = 'loaded'\n"  # the repository's own
    files = {
        "test_shop.py": UNITTEST,
        "test_gone.py": "import gone\n",
        "other.py": OTHER,
        "own/sitecustomize.py": own,
    }
    command = f"{sys.executable} -m unittest -q && exit; {sys.executable} -c 'import os; print(os.environ[\"OWN\"])'"
    outcome = run(tmp_path, files, command, env={"PYTHONPATH": str(tmp_path / "workspace/own")})
    assert outcome.states == {
        "test_shop.Shop.test_adds": "passed",
        "test_shop.Shop.test_subtracts": "failed",
        "test_shop.Shop.test_later": "skipped",
        "test_shop.Shop.test_known": "skipped",
        "test_shop.Shop.test_rows (n=2)": "failed",
        "test_shop.Shop.test_that_runs_tests": "passed",
        "setUpClass (test_shop.Database)": "failed",
        "test_gone": "failed",
    }
    assert "loaded\n" in outcome.printed, "the repository's own sitecustomize is still loaded"


def test_the_hook_loads_no_module_that_python_would_not_load_itself(tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(collect.hook_archive(str(tmp_path)))) as tar:
        tar.extractall(tmp_path, filter="data")
    command = [
        sys.executable,
        "-S",
        "-c",
        "import sys, site; old = set(sys.modules); site.execsitecustomize()",
    ]
    command[-1] += "; print(*sorted(set(sys.modules) - old))"
    env = {"PYTHONPATH": str(tmp_path / "hooks/python")}
    loaded = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.split()
    assert loaded == ["__future__", "sitecustomize"]


@needs("ruby")
def test_minitest_reports_files_classes_and_why(tmp_path: Path) -> None:
    test = (
        "require 'minitest/autorun'\nclass ShopTest < Minitest::Test\n  def test_adds = assert(true)\n"
        "  def test_subtracts = assert_equal(1, 2)\n  def test_later = skip('x')\n  def test_reads = raise('refused')\nend\n"
    )
    outcome = run(tmp_path, {"test/shop_test.rb": test}, "ruby test/shop_test.rb")
    name = "test/shop_test.rb::ShopTest#test_"
    assert outcome.states == {
        f"{name}adds": "passed",
        f"{name}subtracts": "failed",
        f"{name}later": "skipped",
        f"{name}reads": "failed",
    }
    assert any(test.detail == "RuntimeError: refused" for test in outcome.results.tests)


@needs("phpunit")
def test_phpunit_reports_classes_and_the_names_of_rows(tmp_path: Path) -> None:
    test = (
        "<?php\nfinal class ShopTest extends PHPUnit\\Framework\\TestCase {\n"
        "  public function testAdds(): void { $this->assertSame(1, 1); }\n"
        "  /** @dataProvider rows */\n  public function testRow(int $n): void { $this->assertSame(1, $n); }\n"
        "  public static function rows(): array { return ['one' => [1], 'two' => [2]]; }\n"
        "  public function testLater(): void { $this->markTestSkipped('x'); }\n}\n"
    )
    outcome = run(tmp_path, {"tests/ShopTest.php": test}, "phpunit tests")
    assert outcome.states == {
        "ShopTest::testAdds": "passed",
        'ShopTest::testRow with data set "one"': "passed",
        'ShopTest::testRow with data set "two"': "failed",
        "ShopTest::testLater": "skipped",
    }


GO_MODULE = {
    "go.mod": "module example.org/shop\n\ngo 1.19\n",
    "shop_test.go": 'package shop\n\nimport "testing"\n\nfunc TestAdds(t *testing.T) { t.Log("one") }\n\n'
    'func TestRows(t *testing.T) { t.Run("one", func(t *testing.T) { t.Error("refused") }) }\n\n'
    "func TestLater(t *testing.T) { t.Skip() }\n",
    "db/db_test.go": 'package db\n\nimport ("os"; "testing")\n\n'
    'func TestMain(m *testing.M) { println("no database"); os.Exit(1) }\n',
    "bad/bad_test.go": 'package bad\n\nimport "testing"\n\nfunc TestX(t *testing.T) { undefined() }\n',
    "main/main.go": "package main\n\nfunc main() { println(40 + 2) }\n",
}


@needs("go")
def test_go_reports_every_test_and_prints_its_usual_output(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    env = {
        "GOCACHE": str(tmp_path_factory.getbasetemp() / "gocache"),
        "GOFLAGS": "-count=1",
        "GOPROXY": "off",
    }
    outcome = run(tmp_path, GO_MODULE, "go test ./...; go list ./main && go run ./main", env=env)
    assert outcome.states == {
        "./TestAdds": "passed",
        "./TestRows": "failed",
        "./TestRows/one": "failed",
        "./TestLater": "skipped",
        "./db.": "failed",
        "example.org/shop/bad": "failed",
    }
    assert "refused" in outcome.printed
    assert "=== RUN" not in outcome.printed
    assert "42\n" in outcome.printed, "programs that are not tests are started as they are"


def test_a_test_file_outside_the_workspace_keeps_its_path() -> None:
    text = json.dumps({"testResults": [{"name": "/other/a.test.js", "status": "failed", "message": "no"}]})
    tests = jest.parse(text)
    assert tests
    assert tests[0].name == "/other/a.test.js"
