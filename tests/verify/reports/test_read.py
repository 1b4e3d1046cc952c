"""Single tests, read from the reports and the output of test runners; the samples are real output, shortened."""

from __future__ import annotations

import pytest

from dayhand.verification import Counts
from dayhand.verify.reports.base import CaseState, case_result
from dayhand.verify.reports.read import read_results

PYTEST_XML = """<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1">
<testcase classname="test_p" name="test_a" time="0.001" /><testcase classname="test_p" name="test_b[a b]" time="0.001">
<failure message="AssertionError: assert 'a b' == 'c'">x = 'a b'</failure></testcase><testcase classname="test_p" name="test_x">
<skipped type="pytest.xfail" message="" /></testcase><testcase classname="test_p" name="test_err"><error message="failed on setup">
ValueError</error></testcase></testsuite></testsuites>"""
NODE_XML = """<?xml version="1.0" encoding="utf-8"?>
<testsuites>
	<testcase name="adds" time="0.000767" classname="test"/>
	<testsuite name="box" tests="3" failures="1" skipped="1">
		<testcase name="opens" time="0.000121" classname="test"/>
		<testcase name="closes" classname="test" failure="1 == 2"><failure type="testCodeFailure" message="1 == 2">x</failure></testcase>
		<testcase name="later" classname="test"><skipped type="skipped" message="true"/></testcase>
	</testsuite>
	<!-- tests 4 -->
</testsuites>"""
NODE_TAP = """TAP version 13
# Subtest: adds
ok 1 - adds
  ---
  duration_ms: 0.7
  ...
# Subtest: box
    # Subtest: opens
    ok 1 - opens
    # Subtest: closes
    not ok 2 - closes
      ---
      error: '1 == 2'
      ...
    # Subtest: later
    ok 3 - later # SKIP
    1..3
not ok 2 - box
  ---
  failureType: 'subtestsFailed'
  ...
1..2
# tests 4"""
NODE_SPEC = """✔ adds (0.754332ms)
▶ box
  ✔ opens (0.211333ms)
  ✖ closes (0.79056ms)
    AssertionError [ERR_ASSERTION]: 1 == 2
        at TestContext.<anonymous> (/workspace/a.test.js:3:76)

  ﹣ later (0.08682ms) # SKIP
✖ box (1.399203ms)
ℹ tests 4

✖ failing tests:

test at a.test.js:3:48
✖ closes (0.79056ms)
  AssertionError [ERR_ASSERTION]: 1 == 2"""
GO = """{"Action":"run","Package":"shop","Test":"TestA"}
{"Action":"output","Package":"shop","Test":"TestB","Output":"    b_test.go:3: no\\n"}
{"Action":"pass","Package":"shop","Test":"TestA","Elapsed":0}
{"Action":"fail","Package":"shop","Test":"TestB","Elapsed":0}
{"Action":"skip","Package":"shop","Test":"TestC","Elapsed":0}
{"Action":"fail","Package":"shop","Elapsed":0.1}
{"Action":"output","Package":"shop/db","Output":"db.go:1: syntax error\\n"}
{"Action":"fail","Package":"shop/db","Elapsed":0}"""
PYTEST_TEXT = """..F                                                                [100%]
=========================== short test summary info ============================
FAILED test_p.py::test_b[a b] - AssertionError: assert 'a b' == 'c'
FAILED test_p.py::test_c
ERROR test_q.py
2 failed, 1 error in 0.07s"""
UNITTEST = """======================================================================
FAIL: test_b (test_u.T.test_b)
----------------------------------------------------------------------
AssertionError: x

======================================================================
FAIL: test_c (test_u.T) (i=1)
----------------------------------------------------------------------
Ran 3 tests in 0.000s

FAILED (failures=2)"""

GO_LINES = """=== RUN   TestB/sub_one
    a_test.go:4: no
--- PASS: TestA (0.00s)
--- FAIL: TestB (0.00s)
    --- FAIL: TestB/sub_one (0.00s)
--- SKIP: TestC (0.00s)
FAIL
FAIL\tshop\t0.005s
# shop/bad [shop/bad.test]
FAIL\tshop/bad [build failed]
ok  \tshop/db\t0.007s
FAIL"""
CARGO = """     Running unittests src/lib.rs (target/debug/deps/shop-507999230d6984fa)

running 4 tests
test tests::later ... ignored
test tests::adds ... ok
test tests::subs ... FAILED
test tests::panics - should panic ... ok

failures:

---- tests::subs stdout ----
thread 'tests::subs' panicked at src/lib.rs:6:86:

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.12s

     Running tests/it.rs (target/debug/deps/it-d6c00e1614d165e9)
test adds ... ok
   Doc-tests shop
test src/lib.rs - add (line 1) ... ok"""
NEXTEST = """    Starting 3 tests across 2 binaries
        PASS [   0.004s] (1/3) shop tests::adds
        FAIL [   0.003s] (2/3) shop::it subs
  stderr ───
        thread 'subs' panicked at tests/it.rs:3:5:
        PASS [   0.005s] (3/3) shop::it adds
────────────
     Summary [   0.010s] 3 tests run: 2 passed, 1 failed, 0 skipped
        FAIL [   0.003s] (2/3) shop::it subs"""
TRX = """<?xml version="1.0" encoding="utf-8"?>
<TestRun id="1" xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010"><Results>
<UnitTestResult testName="Shop.Tests.OrderTests.Adds" outcome="Passed" />
<UnitTestResult testName="Shop.Tests.OrderTests.Rows(n: 2)" outcome="Failed"><Output><ErrorInfo>
<Message>Npgsql.NpgsqlException : Failed to connect to 127.0.0.1:5432</Message><StackTrace>at Shop</StackTrace></ErrorInfo></Output></UnitTestResult>
<UnitTestResult testName="Shop.Tests.OrderTests.Later" outcome="NotExecuted" />
</Results><ResultSummary outcome="Failed" /></TestRun>"""
AVA_TAP = "TAP version 13\nok 1 - a › opens\nnot ok 2 - b › closes\nok 3 - b › later # SKIP\n\n1..3\n# tests 2\n# pass 1\n# fail 1"
GO_REPORT = "dayhand go /workspace/db\n=== RUN   TestOpen\n    db_test.go:5: no\n--- FAIL: TestOpen (0.00s)\nFAIL\n\ndayhand exit 1\n"
JEST_JSON = '{"testResults": [{"name": "/workspace/a.test.js", "status": "failed", "message": "no module", "assertionResults": []}]}'
MINITEST = """Run options: --seed 41432

.SEF

Finished in 0.009887s, 404.5620 runs/s, 202.2810 assertions/s.

  1) Error:
ShopTest#test_err:
RuntimeError: x
    a_test.rb:5:in `test_err'

  2) Failure:
ShopTest#test_subs [a_test.rb:4]:
Expected: 1
  Actual: 2

4 runs, 2 assertions, 1 failures, 1 errors, 1 skips"""
MINITEST_V = """ShopTest#test_adds = 0.00 s = .
ShopTest#test_later = 0.00 s = S
ShopTest#test_subs = 0.00 s = F

  2) Skipped:
ShopTest#test_later [a_test.rb:6]:
x

4 runs, 2 assertions, 1 failures, 0 errors, 1 skips"""
PHPUNIT = """PHPUnit 9.6.7 by Sebastian Bergmann and contributors.

.F.FES                                                              6 / 6 (100%)

There was 1 error:

1) ShopTest::testErr
Exception: x

--

There were 2 failures:

1) ShopTest::testSubs
Failed asserting that 2 is identical to 1.

2) ShopTest::testRows with data set #1 (2)
Failed asserting that 2 is identical to 1.

--

There was 1 risky test:

1) ShopTest::testRisky
This test did not perform any assertions

ERRORS!
Tests: 6, Assertions: 4, Errors: 1, Failures: 2, Skipped: 1."""
RSPEC_JSON = """{"version":"3.12.0","examples":[
{"id":"./a_spec.rb[1:1]","full_description":"shop adds","status":"passed","file_path":"./a_spec.rb"},
{"id":"./a_spec.rb[1:2:1]","full_description":"shop neg subs","status":"failed","file_path":"./a_spec.rb","exception":{"message":"expected: 2"}},
{"id":"./a_spec.rb[1:2:2]","full_description":"shop neg later","status":"pending","file_path":"./a_spec.rb"}],
"summary":{"example_count":3},"summary_line":"3 examples, 1 failure, 1 pending"}"""
SUREFIRE = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="ShopTest" tests="3" errors="0" skipped="1" failures="1">
  <properties><property name="java.version" value="17"/></properties>
  <testcase name="adds" classname="ShopTest" time="0.002"/>
  <testcase name="subs" classname="ShopTest" time="0.056">
    <failure message="expected:&lt;1&gt; but was:&lt;2&gt;" type="java.lang.AssertionError"><![CDATA[at ShopTest.subs]]></failure>
  </testcase>
  <testcase name="later" classname="ShopTest" time="0"><skipped/></testcase>
</testsuite>"""
JEST = """FAIL src/a.test.js
  cart
    ✓ sums (2 ms)
    ✕ rounds (1 ms)

Tests:       1 failed, 1 passed, 2 total"""


@pytest.mark.parametrize(
    ("printed", "passing", "failing"),
    [
        (NODE_XML, {"test::adds", "test::opens"}, {"test::closes"}),
        (NODE_TAP, {"adds", "box > opens"}, {"box > closes"}),
        (NODE_SPEC, {"adds", "box > opens"}, {"box > closes"}),
        (GO, {"shop.TestA"}, {"shop.TestB", "shop/db"}),
        (GO_LINES, {"shop.TestA"}, {"shop.TestB", "shop.TestB/sub_one", "shop/bad"}),
        (
            CARGO,
            {
                "src/lib.rs::tests::adds",
                "src/lib.rs::tests::panics",
                "tests/it.rs::adds",
                "shop::src/lib.rs - add",
            },
            {"src/lib.rs::tests::subs"},
        ),
        (NEXTEST, {"shop::tests::adds", "shop::it::adds"}, {"shop::it::subs"}),
        (MINITEST, set(), {"ShopTest#test_err", "ShopTest#test_subs"}),
        (MINITEST_V, {"ShopTest#test_adds"}, {"ShopTest#test_subs"}),
        (PHPUNIT, set(), {"ShopTest::testErr", "ShopTest::testSubs", "ShopTest::testRows with data set #1"}),
        (JEST, {"src/a.test.js > cart > sums"}, {"src/a.test.js > cart > rounds"}),
        (PYTEST_TEXT, set(), {"test_p.py::test_b[a b]", "test_p.py::test_c", "test_q.py"}),
        (UNITTEST, set(), {"test_u.T.test_b", "test_u.T.test_c (i=1)"}),
    ],
    ids=[
        "junit",
        "tap",
        "spec",
        "go",
        "go-lines",
        "cargo",
        "nextest",
        "minitest",
        "minitest-v",
        "phpunit",
        "jest",
        "pytest",
        "unittest",
    ],
)
def test_single_tests_are_read_from_what_a_runner_prints(
    printed: str, passing: set[str], failing: set[str]
) -> None:
    results = read_results((), printed)
    assert results
    assert results.passing == passing
    assert results.failing == failing
    assert results.counts is None, "printed text need not name all tests"


@pytest.mark.parametrize(
    ("report", "states"),
    [
        (
            TRX,
            {
                "Shop.Tests.OrderTests.Adds": "passed",
                "Shop.Tests.OrderTests.Rows(n: 2)": "failed",
                "Shop.Tests.OrderTests.Later": "skipped",
            },
        ),
        (AVA_TAP, {"opens": "passed", "closes": "failed", "later": "skipped"}),
        (GO_REPORT, {"./db.TestOpen": "failed"}),
        (JEST_JSON, {"a.test.js": "failed"}),
        ('{"dayhand": [{"name": "a", "state": "passed"}]}', {"a": "passed"}),
    ],
    ids=["trx", "tap", "go", "jest", "hook"],
)
def test_a_report_is_read_whole_or_not_at_all(report: str, states: dict[str, str]) -> None:
    results = read_results((report,), "")
    assert results
    assert {test.name: test.state.value for test in results.tests} == states
    assert results.reported
    cut = read_results((report[: len(report) * 2 // 3],), "")
    assert cut is None or not cut.reported


def test_a_report_file_names_every_test_and_why_it_failed() -> None:
    results = read_results((PYTEST_XML,), "whatever was printed")
    assert results
    assert results.passing == {"test_p::test_a"}
    assert results.failing == {"test_p::test_b[a b]", "test_p::test_err"}
    assert results.counts == Counts(passed=1, failed=2, skipped=1)
    assert [test.detail for test in results.tests if test.state is CaseState.FAILED] == [
        "AssertionError: assert 'a b' == 'c'\nx = 'a b'",
        "failed on setup\n\nValueError",
    ]


def test_several_reports_of_one_run_are_read_as_one() -> None:
    results = read_results((SUREFIRE, RSPEC_JSON), "")
    assert results
    assert results.passing == {"ShopTest::adds", "./a_spec.rb::shop adds"}
    assert results.failing == {"ShopTest::subs", "./a_spec.rb::shop neg subs"}
    assert results.counts == Counts(passed=2, failed=2, skipped=2)


def test_a_report_without_a_single_test_says_that_none_ran() -> None:
    results = read_results(('<testsuites><testsuite name="pytest" tests="0"/></testsuites>',), "12 passed")
    assert results
    assert results.counts == Counts(0, 0, 0)


@pytest.mark.parametrize(
    "report",
    [
        '<!DOCTYPE x [<!ENTITY a "ha">]><testsuite><testcase name="&a;"/></testsuite>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite><testcase name="x"/></testsuite>',
        '<testsuite><testcase name="half">',
        "12 passed in 0.3s",
        "",
        '{"examples": []}',
        RSPEC_JSON[:200],
    ],
    ids=["entities", "external", "cut", "words", "empty", "json", "half-json"],
)
def test_an_invalid_report_is_not_read(report: str) -> None:
    assert read_results((report,), "") is None
    assert read_results((PYTEST_XML, report), "") is None, "the missing part could hold the failures"


def test_a_group_of_groups_is_not_a_test() -> None:
    printed = "▶ shop\n  ▶ cart\n    ✖ sums (1ms)\n  ✖ cart (2ms)\n✖ shop (3ms)\n"
    results = read_results((), printed)
    assert results
    assert [test.name for test in results.tests] == ["shop > cart > sums"]


@pytest.mark.parametrize(
    ("name", "known_as"),
    [
        ("test_repr[<Cart at 0x7f3c5a1b2c40>]", "test_repr[<Cart at …>]"),
        ("test_at[2026-11-28T10:00:01.250Z]", "test_at[…]"),
        ("test_file[/tmp/pytest-of-root/pytest-4/x.txt]", "test_file[…]"),
        ("test_id[0b7e0a34-8c2f-4f53-9d0e-3f4f0a1b2c3d]", "test_id[…]"),
        ("test_colour[0xff]", "test_colour[0xff]"),
        ("test_on[2026-11-28]", "test_on[2026-11-28]"),
    ],
)
def test_a_test_has_the_same_name_in_every_run(name: str, known_as: str) -> None:
    assert case_result(name, CaseState.PASSED).name == known_as
