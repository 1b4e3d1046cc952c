"""Which projects a change touches, and what no test verifies."""

from __future__ import annotations

import pytest

from dayhand.environment.ecosystems.base import Check
from dayhand.sandbox.base import Box
from dayhand.verification import Finding, Gap, Unverified, Verdict
from dayhand.verify.scope.projects import find_gaps, touched_projects
from dayhand.verify.trees import Trees
from tests.verify.files import InMemoryFiles

TOP = Check("test", "make test", "", "make", "")
LINT = Check("lint", "cd backend && ruff check .", "", "ruff", "", folder="backend")
BACK = Check("test", "cd backend && pytest", "", "pytest", "", folder="backend")
FRONT = Check("test", "cd frontend && npm test", "", "npm", "", folder="frontend")


def no_tree(_box: Box) -> None: ...


def trees(*paths: str) -> Trees:
    files = InMemoryFiles(dict.fromkeys(paths, ""))
    return Trees(no_tree, no_tree, "c0ffee", files, files, paths)


def finding(check: Check, verdict: Verdict = Verdict.PASSES, *proves: str) -> Finding:
    return Finding(check.kind, check.command, verdict, None, proves=proves)


@pytest.mark.parametrize(
    ("paths", "folders"),
    [
        (("backend/shop.py", "README.md"), ("backend",)),
        (("backend/shop.py", "frontend/cart.js"), ("backend", "frontend")),
        (("tools/x.py",), ("",)),
        (("backend/README.md",), ("backend",)),
        (("backend/tests/test_shop.py",), ()),
        (("backends/shop.py",), ("",)),
    ],
)
def test_a_change_touches_the_innermost_project_of_each_file(
    paths: tuple[str, ...], folders: tuple[str, ...]
) -> None:
    assert touched_projects(trees(*paths), (TOP, LINT, BACK, FRONT)) == folders


@pytest.mark.parametrize(
    ("findings", "gaps"),
    [
        ((finding(BACK, Verdict.PASSES, "backend"), finding(FRONT)), ()),
        ((finding(BACK, Verdict.CANNOT_RUN), finding(FRONT, Verdict.PASSES, "frontend")), ("backend",)),
        ((finding(BACK, Verdict.DOES_NOT_TEST), finding(TOP, Verdict.PASSES, "backend")), ()),
        ((finding(LINT), finding(FRONT)), ("backend",)),
    ],
    ids=["its-own", "the-other-half", "from-the-top", "only-lint"],
)
def test_only_tests_that_cover_a_project_verify_it(
    findings: tuple[Finding, ...], gaps: tuple[str, ...]
) -> None:
    known = {check.command: check for check in (TOP, LINT, BACK, FRONT)}
    checks = tuple(known[one.command] for one in findings)
    found = find_gaps(trees("backend/shop.py"), checks, findings)
    assert tuple(gap.folder for gap in found) == gaps


@pytest.mark.parametrize(
    ("findings", "reason"),
    [
        ((), Unverified.NO_TESTS),
        ((finding(TOP, Verdict.CANNOT_RUN),), Unverified.CANNOT_RUN),
        ((finding(TOP, Verdict.FLAKY),), Unverified.FLAKY),
        ((finding(TOP, Verdict.FAILS_ON_BASE_TOO),), Unverified.FAILED_BEFORE),
        ((finding(TOP, Verdict.DOES_NOT_TEST),), Unverified.NOT_NOTICED),
        ((finding(TOP, Verdict.CANNOT_RUN), finding(TOP, Verdict.DOES_NOT_TEST)), Unverified.NOT_NOTICED),
    ],
)
def test_what_is_not_verified_has_a_reason(findings: tuple[Finding, ...], reason: Unverified) -> None:
    (gap,) = find_gaps(trees("shop.py"), (TOP,) * len(findings), findings)
    assert gap.reason is reason


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (("README.md",), Unverified.ONLY_DOCUMENTATION),
        (("README.md", "tests/test_shop.py"), Unverified.ONLY_TESTS),
        (("uv.lock", "README.md"), Unverified.ONLY_CONFIGURATION),
        (("package.json",), Unverified.ONLY_CONFIGURATION),
    ],
)
def test_a_change_without_source_says_what_it_consists_of(paths: tuple[str, ...], reason: Unverified) -> None:
    assert find_gaps(trees(*paths), (TOP,), (finding(TOP),)) == (Gap(reason),)
    prompt = find_gaps(trees("prompts/ask.md"), (TOP,), (finding(TOP, Verdict.PASSES, ""),))
    assert prompt == (), "a test noticed it"
