"""How many tests passed, by the last lines that test runners print. Lines name numbers, and prove nothing."""

from __future__ import annotations

import re

from dayhand.startup.regex import regex

# "3 passed", "3 passing", "# pass 3", "ok 3 passed": the number of tests that passed.
PASSED = regex(
    r"(?:^|[ :.,|])(\d+) (?:tests? )?pass(?:ed|ing)\b|^[#ℹ] pass +(\d+)$|^OK \((\d+) tests?|^ *Passed: +(\d+)"
    r"|Failed: +\d+, Passed: +(\d+)",
    re.MULTILINE,
)
# Those that name all tests, and of these the ones that did not pass.
ALL_BUT = (
    regex(r"^Ran (\d+) tests? in .*\n(?:.*\n){0,3}?(?:OK|FAILED)(?: \((.*)\))?$", re.MULTILINE),  # unittest
    regex(r"^(\d+) examples?, (\d+ failures?.*)$", re.MULTILINE),  # RSpec
    regex(r"^(\d+) (?:runs|tests), \d+ assertions, (.*)$", re.MULTILINE),  # Minitest, test-unit
    regex(r"^Tests: (\d+), Assertions: \d+(?:, (.*))?\.$", re.MULTILINE),  # PHPUnit
    regex(r"Tests run: (\d+), (Failures: .*?)(?:, Time.*)?$", re.MULTILINE),  # Maven
    regex(r"^(\d+) tests? completed, (.*)$", re.MULTILINE),  # Gradle
)
GO_PACKAGE = regex(r"^(ok  |FAIL)\t\S", re.MULTILINE)
NUMBER = regex(r"\d+")
# https://doc.rust-lang.org/rustc/tests/
LIBTEST_BEGINS = regex(r"^running \d+ tests?$", re.MULTILINE)
LIBTEST_ENDS = regex(r"^test result: ", re.MULTILINE)
NONE_RAN = regex(
    r"^(?:\[INFO\] )?(?:No tests to run|Tests are skipped)\.|^> Task \S*[tT]est (?:NO-SOURCE|SKIPPED)"
    r"|^ *Tests:? +(?:0 total|no tests)|no tests ran|^!+ Interrupted: \d+ errors? during collection|^\d+ errors? in [\d.]+s",
    re.MULTILINE,
)


def breaks_off(output: str) -> bool:
    """Whether a program of Rust tests did not print the result that follows its tests: it ended before."""
    return len(LIBTEST_BEGINS.findall(output)) > len(LIBTEST_ENDS.findall(output))


def count_passed(output: str) -> int | None:
    """The tests that passed; None if no line says so. More than one summary adds up."""
    counts = [int(next(filter(None, found.groups()))) for found in PASSED.finditer(output)]
    counts += [
        max(0, int(found[1]) - sum(map(int, NUMBER.findall(found[2] or ""))))
        for pattern in ALL_BUT
        for found in pattern.finditer(output)
    ]
    counts += [int(found[1] == "ok  ") for found in GO_PACKAGE.finditer(output)]
    if counts:
        return sum(counts)
    return 0 if NONE_RAN.search(output) else None
