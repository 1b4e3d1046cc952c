"""How many tests passed, by what runners print at the end."""

from __future__ import annotations

import pytest

from dayhand.verify.cannot_run.summary import count_passed


@pytest.mark.parametrize(
    ("output", "passed"),
    [
        ("1 failed, 2 passed in 0.07s", 2),  # pytest
        ("2 errors in 0.17s", 0),
        ("!!!!!!!! Interrupted: 1 error during collection !!!!!!!!\n1 error in 0.55s", 0),
        ("Ran 3 tests in 0.002s\n\nFAILED (failures=1, errors=1)", 1),  # unittest
        ("Ran 2 tests in 0.002s\n\nOK", 2),
        ("Ran 2 tests in 0.002s\n\nOK (skipped=2)", 0),
        ("Tests:       1 failed, 3 passed, 4 total", 3),  # Jest
        ("Tests:       0 total", 0),
        (" Test Files  1 failed (1)\n      Tests  1 failed | 3 passed (4)", 3),  # Vitest
        (" Test Files  1 failed (1)\n      Tests  no tests", 0),
        ("  0 passing (10ms)\n  1 failing", 0),  # Mocha
        ("# tests 3\n# pass 2\n# fail 1", 2),  # Node, tape
        ("ℹ pass 2", 2),
        ("  2 tests passed", 2),  # AVA
        ("test result: ok. 3 passed; 0 failed;\ntest result: FAILED. 1 passed; 1 failed;", 4),  # cargo
        ("ok  \texample.org/shop\t0.01s\nFAIL\texample.org/shop/db [build failed]", 1),  # Go: packages
        ("3 examples, 1 failure, 1 pending", 1),  # RSpec
        ("4 runs, 3 assertions, 1 failures, 1 errors, 0 skips", 2),  # Minitest
        ("Tests: 3, Assertions: 4, Failures: 1.", 2),  # PHPUnit
        ("OK (3 tests, 4 assertions)", 3),
        ("[ERROR] Tests run: 3, Failures: 0, Errors: 1, Skipped: 1", 1),  # Maven
        ("2 tests completed, 2 failed", 0),  # Gradle
        ("Failed!  - Failed:     1, Passed:     2, Skipped:     0, Total:     3", 2),  # .NET
        ("everything is fine", None),
        ("", None),
    ],
)
def test_the_number_of_tests_that_passed_is_read(output: str, passed: int | None) -> None:
    assert count_passed(output) == passed
