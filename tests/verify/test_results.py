"""Single tests, read from what runners write and print; the samples are the runners' own output, shortened."""

from __future__ import annotations

import pytest

from dayhand.task import Counts
from dayhand.verify.reports.base import State
from dayhand.verify.results import read_results

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


@pytest.mark.parametrize(
    ("printed", "passing", "failing"),
    [
        (NODE_XML, {"test::adds", "test::opens"}, {"test::closes"}),
        (NODE_TAP, {"adds", "box > opens"}, {"box > closes"}),
        (NODE_SPEC, {"adds", "box > opens"}, {"box > closes"}),
        (GO, {"shop.TestA"}, {"shop.TestB", "shop/db"}),
        (PYTEST_TEXT, set(), {"test_p.py::test_b[a b]", "test_p.py::test_c", "test_q.py"}),
        (UNITTEST, set(), {"test_u.T.test_b", "test_u.T.test_c (i=1)"}),
    ],
    ids=["junit", "tap", "spec", "go", "pytest", "unittest"],
)
def test_single_tests_are_read_from_what_a_runner_prints(
    printed: str, passing: set[str], failing: set[str]
) -> None:
    results = read_results("", printed)
    assert results
    assert results.passing == passing
    assert results.failing == failing
    assert results.counts is None, "printed words need not name all tests"


def test_a_report_file_names_every_test_and_why_it_failed() -> None:
    results = read_results(PYTEST_XML, "whatever was printed")
    assert results
    assert results.passing == {"test_p::test_a"}
    assert results.failing == {"test_p::test_b[a b]", "test_p::test_err"}
    assert results.counts == Counts(passed=1, failed=2, skipped=1)
    assert [test.detail for test in results.tests if test.state is State.FAILED] == [
        "AssertionError: assert 'a b' == 'c'x = 'a b'",
        "failed on setup\nValueError",
    ]


def test_a_report_without_a_single_test_says_that_none_ran() -> None:
    results = read_results('<testsuites><testsuite name="pytest" tests="0"/></testsuites>', "12 passed")
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
    ],
    ids=["entities", "external", "cut", "words", "empty"],
)
def test_what_is_no_honest_report_is_not_read(report: str) -> None:
    assert read_results(report, "") is None


def test_a_group_of_groups_is_no_test_of_its_own() -> None:
    printed = "▶ shop\n  ▶ cart\n    ✖ sums (1ms)\n  ✖ cart (2ms)\n✖ shop (3ms)\n"
    results = read_results("", printed)
    assert results
    assert [test.name for test in results.tests] == ["shop > cart > sums"]
