"""What makes a run report success without testing is found in its plain forms, and honest neighbours are left alone."""

from __future__ import annotations

import pytest

from dayhand.verify.integrity.forged_results import ASKS, EQUAL, EXIT, REPORT, RUNNER, find_forged_results
from dayhand.verify.integrity.inspect import inspect
from tests.verify.files import InMemoryFiles

# One line per form.
FORGED = [
    (RUNNER, "conftest.py", "def pytest_runtest_makereport(item, call): pass"),
    (RUNNER, "tests/conftest.py", "@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_logreport(report): report.outcome = 'passed'"),
    (RUNNER, "conftest.py", "def pytest_sessionfinish(session, exitstatus): session.exitstatus = 0"),
    (RUNNER, "test_a.py", "from _pytest.reports import TestReport"),
    (RUNNER, "test_a.py", "import _pytest.runner"),
    (RUNNER, "shop.py", "import _pytest.python as p"),
    (RUNNER, "test_a.py", "importlib.import_module('_pytest.runner')"),
    (RUNNER, "test_a.py", "setattr(pytest, 'raises', None)"),
    (RUNNER, "test_a.py", "pytest.TestReport.from_item_and_call = fake"),
    (RUNNER, "test_a.py", "class Quiet(unittest.TestResult): pass"),
    (RUNNER, "test_a.py", "unittest.TextTestResult.addFailure = lambda *a: None"),
    (RUNNER, "test_a.py", "unittest.TestCase.assertEqual = lambda *a: None"),
    (RUNNER, "test_a.py", "monkeypatch.setattr(unittest.TestCase, 'run', fake)"),
    (RUNNER, "test_a.py", "mock.patch.object(TestCase, 'assertTrue').start()"),
    (RUNNER, "a.test.js", "const circus = require('jest-circus');"),
    (RUNNER, "a.test.ts", "import { TestResult } from '@jest/test-result'"),
    (RUNNER, "a.test.ts", "import { VitestTestRunner } from 'vitest/runners'"),
    (RUNNER, "test/a.js", "require('mocha/lib/runner').prototype.fail = () => {};"),
    (RUNNER, "a.test.js", "globalThis.expect = () => new Proxy({}, {});"),
    (RUNNER, "a.test.js", "assert.strictEqual = () => {};"),
    (RUNNER, "shop.js", "import { expect } from 'vitest';\nexpect.extend({ toBe: () => ({ pass: true, message: () => '' }) });"),
    (RUNNER, "a.test.ts", "expect.extend({\n  toBeEven(n) { return {}; },\n  toEqual() { return { pass: true }; },\n});"),
    (RUNNER, "shop.js", "expect.addEqualityTesters([() => true]);"),
    (RUNNER, "shop.js", "chai.Assertion.overwriteMethod('equal', () => function () {});"),
    (RUNNER, "spec/a_spec.rb", "RSpec::Core::Example.class_eval { }"),
    (RUNNER, "test/a_test.rb", "Minitest::Assertions.module_eval { }"),
    (RUNNER, "src/ATest.java", "import org.junit.platform.launcher.TestExecutionListener;"),
    (RUNNER, "ATests.cs", "using Xunit.Sdk;"),
    (RUNNER, "tests/ATest.php", "use PHPUnit\\Runner\\TestHook;"),
    (RUNNER, "a_test.go", "testing.MainStart(nil, nil, nil, nil, nil)"),
    (REPORT, "test_a.py", "open('.git/dayhand-report.pytest.xml', 'w')"),
    (REPORT, "test_a.py", "os.environ['PYTEST_ADDOPTS'] = ''"),
    (REPORT, "shop.py", "os.environ.pop('PYTEST_ADDOPTS')"),
    (REPORT, "a.test.js", "process.env.NODE_OPTIONS = '';"),
    (REPORT, "spec/a_spec.rb", "File.write(ENV['SPEC_OPTS'], '')"),
    (REPORT, "src/ATest.java", 'new File("target/surefire-reports/TEST-a.xml");'),
    (EXIT, "test_a.py", "os._exit(0)"),
    (EXIT, "test_a.py", "from os import _exit"),
    (EXIT, "conftest.py", "atexit.register(os._exit, 0)"),
    (EXIT, "test_a.py", "import sys\nsys.exit(0)"),
    (EXIT, "test_a.py", "raise SystemExit"),
    (EXIT, "test_a.py", "raise SystemExit(0)"),
    (EXIT, "test_a.py", "pytest.exit('done', returncode=0)"),
    (EXIT, "a.test.js", "process.exit(0);"),
    (EXIT, "a.test.js", "process.exit()"),
    (EXIT, "a.test.js", "process.on('exit', () => { process.exitCode = 0 })"),
    (EXIT, "a_test.go", "os.Exit(0)"),
    (EXIT, "tests/a.rs", "std::process::exit(0);"),
    (EXIT, "src/ATest.java", "System.exit(0);"),
    (EXIT, "src/ATest.java", "Runtime.getRuntime().halt(0);"),
    (EXIT, "src/ATest.kt", "exitProcess(0)"),
    (EXIT, "ATests.cs", "Environment.Exit(0);"),
    (EXIT, "spec/a_spec.rb", "exit!"),
    (EXIT, "spec/a_spec.rb", "exit 0"),
    (EXIT, "tests/ATest.php", "exit(0);"),
    (EQUAL, "test_a.py", "class Any:\n    def __eq__(self, other): return True"),
    (EQUAL, "shop.py", "class Any:\n    def __eq__(self, other):\n        'Equal.'\n        return True"),
    (EQUAL, "shop.py", "class Any:\n    __eq__ = lambda self, other: True"),
    (EQUAL, "shop.py", "Any = type('Any', (), {'__eq__': lambda *a: True})"),
    (EQUAL, "shop.py", "class Any:\n    def __ne__(self, other): return False"),
    (EQUAL, "Any.java", "public boolean equals(Object o) { return true; }"),
    (EQUAL, "Any.kt", "override fun equals(other: Any?) = true"),
    (EQUAL, "Any.cs", "public override bool Equals(object o) => true;"),
    (EQUAL, "any.rb", "def ==(other)\n  true\nend"),
    (EQUAL, "src/any.rs", "fn eq(&self, _: &Self) -> bool { true }"),
    (EQUAL, "any.js", "asymmetricMatch(other) { return true; }"),
]  # fmt: skip


def kinds(path: str, new: str, old: str = "") -> set[str]:
    return {kind for kind, _, _ in find_forged_results(path, old, new)}


FORGED += [
    (RUNNER, "shop.js", "require('node:assert').strictEqual = () => {};"),
    (RUNNER, "shop.js", "const a = require('assert');\na.deepStrictEqual = function () {};"),
    (RUNNER, "shop.ts", "Object.getPrototypeOf(expect(1)).toBe = () => {};"),
    (RUNNER, "lib/shop.rb", "class Minitest::Test\n  def assert_equal(*) = true\nend"),
    (RUNNER, "src/lib.rs", "macro_rules! assert_eq { ($($t:tt)*) => {} }"),
    (ASKS, "shop.py", "if 'pytest' in sys.modules: a = b"),
    (ASKS, "shop.py", "quick = 'pytest' in sys.argv[0]"),
    (ASKS, "shop.py", "if sys.modules.get('unittest'): a = b"),
    (ASKS, "shop.py", "if os.environ.get('PYTEST_CURRENT_TEST'): a = b"),
    (ASKS, "shop.js", "return process.env.JEST_WORKER_ID ? a + b : a - b;"),
    (ASKS, "shop.ts", "if (process.env['VITEST']) return a;"),
    (ASKS, "shop.js", "if (typeof jest !== 'undefined') return a;"),
    (ASKS, "shop.js", "if (globalThis.describe) return a;"),
    (ASKS, "shop.go", 'if flag.Lookup("test.v") != nil { return a }'),
    (ASKS, "shop.go", "if testing.Testing() { return a }"),
    (ASKS, "shop.go", 'if strings.HasSuffix(os.Args[0], ".test") { return a }'),
    (ASKS, "src/lib.rs", "if cfg!(test) { a } else { b }"),
    (ASKS, "src/lib.rs", "#[cfg(not(test))]\nfn total() {}"),
    (ASKS, "shop.rb", "defined?(RSpec) ? a : b"),
    (ASKS, "shop.php", "return class_exists('PHPUnit\\Framework\\TestCase', false) ? 1 : 2;"),
    (ASKS, "shop.php", "return defined('PHPUNIT_COMPOSER_INSTALL') ? 1 : 2;"),
    (ASKS, "src/Shop.java", 'Class.forName("org.junit.jupiter.api.Test");'),
]


@pytest.mark.parametrize(("kind", "path", "new"), FORGED)
def test_what_forges_a_result_is_found(kind: str, path: str, new: str) -> None:
    assert kind in kinds(path, f"{new}\n")
    assert kinds(path, f"{new}\n", f"{new}\n") == set(), "what was there before is not listed"
    found = inspect(InMemoryFiles({path: ""}), InMemoryFiles({path: f"{new}\n"}), (path,))
    assert kind in {one.kind for one in found}


@pytest.mark.parametrize(
    ("path", "new"),
    [
        ("test_a.py", "from _pytest.monkeypatch import MonkeyPatch\nfrom _pytest.logging import LogCaptureFixture"),
        ("test_a.py", "# os._exit(0) ends pytest; see _pytest.runner and PYTEST_ADDOPTS"),
        ("test_a.py", "'''Tests of the runner: PYTEST_ADDOPTS is set, _pytest is not used.'''"),
        ("test_a.py", "with pytest.raises(SystemExit):\n    sys.exit(0)"),
        ("test_a.py", "if __name__ == '__main__':\n    sys.exit(0)"),
        ("test_a.py", "if __name__ == '__main__':\n    unittest.main()"),
        ("test_a.py", "sys.exit(pytest.main())"),
        ("test_a.py", "subprocess.run([sys.executable, '-c', 'import sys; sys.exit(0)'])"),
        ("test_a.py", "class TestReporting(unittest.TestCase):\n    def test_a(self): self.assertEqual(1, 1)"),
        ("test_a.py", "monkeypatch.setattr(shop, 'total', lambda cart: 0)"),
        ("test_a.py", "class A:\n    def __eq__(self, other): return self.x == other.x"),
        ("test_a.py", "class A:\n    def __eq__(self, other): return NotImplemented"),
        ("test_a.py", "class A:\n    def __bool__(self): return True"),
        ("conftest.py", "@pytest.fixture\ndef cart():\n    return []"),
        ("cli.py", "sys.exit(0)"),
        ("a.test.js", "assert.strictEqual(a, b); const strictEqual = (a, b) => a === b; expect(a).toBe(b);"),
        ("src/lib.rs", "macro_rules! assert_shop { () => {} }"),
        ("test/a_test.rb", "def assert_cart(cart)\n  assert_equal 1, cart\nend"),
        ("daemon.py", "os._exit(0)"),
        ("a.test.js", "expect.extend({ toBeEven(n) { return { pass: n % 2 === 0 } } });"),
        ("a.test.js", "expect.extend({ toBeEven(n) { expect(n).toBe(n); return { pass: true } } }); expect(1).toBe(1);"),
        ("a.test.js", "// process.exit(0) would end jest-circus"),
        ("a.test.js", "assert.strictEqual(a, b); if (globalThis.expect === undefined) throw new Error();"),
        ("a.test.js", "const assertion = (a) => a; process.exit(1);"),
        ("cli.js", "process.exit(0);"),
        ("a_test.go", "func TestMain(m *testing.M) { os.Exit(m.Run()) }"),
        ("main.go", "os.Exit(0)"),
        ("src/main.rs", "std::process::exit(0);"),
        ("src/App.java", "System.exit(0);"),
        ("src/App.java", "public boolean equals(Object o) { return this == o; }"),
        ("src/App.java", "public boolean isEnabled() { return true; }"),
        ("spec/a_spec.rb", "expect { run }.to raise_error(SystemExit)\nexit_code = 0"),
        ("a.rb", "def ==(other)\n  other.id == id\nend"),
        ("bin/run.php", "exit(0);"),
        ("cli.py", "subprocess.run([sys.executable, '-m', 'pytest', *sys.argv[1:]])"),
        ("cli.py", "'''Starts pytest, and reads PYTEST_CURRENT_TEST.'''\nif 'shop' in sys.modules: a = b"),
        ("tests/conftest.py", "worker = os.environ.get('PYTEST_XDIST_WORKER', 'master')"),
        ("shop.js", "if (process.env.NODE_ENV !== 'test') listen(); // typeof jest"),
        ("shop.js", "const it = items[0]; if (typeof item === 'string') return global.items;"),
        ("shop.test.js", "if (process.env.VITEST) describe('a', () => {});"),
        ("shop.go", 'flag.Lookup("verbose"); testing.Verbose(); os.Args[0]'),
        ("src/lib.rs", "#[cfg(test)]\nmod tests {}\n#[cfg(not(windows))]\nfn a() {}"),
        ("shop.rb", "defined?(Rails) ? a : b"),
        ("docs/testing.md", "Set PYTEST_ADDOPTS, or import _pytest.runner."),
        ("scripts/build.sh", "export NODE_OPTIONS=--max-old-space-size=4096"),
    ],
)  # fmt: skip
def test_honest_neighbours_are_left_alone(path: str, new: str) -> None:
    assert kinds(path, f"{new}\n") == set()


@pytest.mark.parametrize("path", ["test_a.py", "a.test.js", "a_spec.rb", "ATest.java"])
@pytest.mark.parametrize("piece", ["equals(", "def ==(", "assert = ", "a.", "exit ", "fn eq("])
def test_a_long_line_is_read(path: str, piece: str) -> None:
    assert kinds(path, piece * 20_000) == set()
