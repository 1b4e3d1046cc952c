"""What people read of the environment doctor."""

from __future__ import annotations

from dataclasses import replace

from dayhand.environment.base import Environment, Installed, Missing
from dayhand.publish.wording import environment
from dayhand.task import NOT_ALLOWED, Blocked, Examined, ExaminedCheck, SetupStep
from dayhand.verification import Run

URL = "https://dayhand.example/tasks/t1"
PASSED = Run("npm test", 0, "exit", 2.0, "12 passed", line=7)
FAILED = Run("make lint", 2, "exit", 0.5, "a.py:1: bad", line=9)
FOUND = Examined(
    commit="c" * 40,
    toolchains=("Node", "Make"),
    steps=(SetupStep("install with npm ci", "npm ci", passed=True, seconds=3.2),),
    checks=(
        ExaminedCheck("test", "npm test", "package.json scripts.test", PASSED),
        ExaminedCheck("lint", "make lint", "Makefile, target lint", FAILED),
        ExaminedCheck("types", "tsc", "package.json scripts.types", None, "tsc does not start (not found)."),
    ),
    blocked=(Blocked("files.example.org", 443, NOT_ALLOWED, "npm ci"),),
    pins=(),
    known=False,
    seconds=4.0,
)


def test_what_differs_from_ci_is_one_row_with_a_list_below() -> None:
    sentences = (
        "ci.yml, job test runs `tox -e docs`; no such check runs here.",
        "ci.yml, job web: needs a browser; left out: <b>@ada</b>.",
    )
    text = environment.report(replace(FOUND, ci=sentences), URL)
    assert "| ℹ️ differs from CI | | 2 differences, listed below | .github/workflows |\n" in text
    assert (
        "### Differs from CI\n\n- ci.yml, job test runs `tox -e docs`; no such check runs here.\n- ci.yml, job web"
        in text
    )
    assert "<b>" not in text
    assert "differs from CI" not in environment.report(FOUND, URL)


def test_the_report_says_what_works_how_long_it_took_and_what_would_fix_the_rest() -> None:
    assert (
        environment.report(FOUND, URL)
        == """\
**2 of 3 declared checks can run here; 1 currently fails.** Toolchain: Node and Make; set up in 4.0 s.

| Here | Check | Command | Found in |
|---|---|---|---|
| [✅ passes](https://dayhand.example/tasks/t1?line=7#L7) (2.0 s) | test | `npm test` | package.json scripts.test |
| [⚠️ runs, but fails](https://dayhand.example/tasks/t1?line=9#L9) (0.5 s) | lint | `make lint` | Makefile, target lint |
| ⛔ cannot run | types | `tsc` | package.json scripts.types |

### Set-up

- ✅ install with npm ci (3.2 s)

### How to fix it

`tsc` cannot run: tsc does not start (not found). Add the tool to the repository's development dependencies, in a version that the registry has.

Or declare the set-up in `.dayhand.toml` on the default branch:

```toml
[setup]
run = ["…"]
```

`make lint` fails without any change (a.py:1: bad). Dayhand still verifies changes: it does not blame them for what failed before.

### Blocked

Set-up tried to reach these hosts and was blocked:

- `files.example.org`, requested by `npm ci`

To allow a host that is not allowed yet, add it to `.dayhand.toml` on the default branch:

```toml
[network]
allow = ["files.example.org"]
```
"""
    )


def test_where_everything_runs_nothing_is_to_be_fixed() -> None:
    fine = replace(FOUND, checks=FOUND.checks[:1], blocked=(), known=True, seconds=0.1)
    assert (
        environment.report(fine)
        == """\
**The one declared check can run here.** Toolchain: Node and Make; reused from an earlier set-up in 0.1 s.

| Here | Check | Command | Found in |
|---|---|---|---|
| ✅ passes (2.0 s) | test | `npm test` | package.json scripts.test |

### Set-up

- ✅ install with npm ci (3.2 s)
"""
    )


def test_what_failed_before_a_fall_back_is_told_and_one_check_is_spoken_of_as_one() -> None:
    step = SetupStep(
        "install with npm ci", "npm install", passed=True, seconds=3.2, reason="npm ci: the lock is old"
    )
    broken = SetupStep("install Ruby's gems", "bundle install", passed=False, seconds=1.0, reason="no host")
    told = environment.report(replace(FOUND, steps=(step, broken), checks=FOUND.checks[1:2], blocked=()))
    assert (
        told
        == """\
**The one declared check can run here; it currently fails; part of the set-up failed.** Toolchain: Node and Make; set up in 4.0 s.

| Here | Check | Command | Found in |
|---|---|---|---|
| ⚠️ runs, but fails (0.5 s) | lint | `make lint` | Makefile, target lint |

### Set-up

- ✅ install with npm ci (3.2 s), by a fallback, because this failed: npm ci: the lock is old
- ❌ install Ruby's gems (1.0 s): no host

### How to fix it

Declare the set-up in `.dayhand.toml` on the default branch:

```toml
[setup]
run = ["…"]
```

`make lint` fails without any change (a.py:1: bad). Dayhand still verifies changes: it does not blame them for what failed before.
"""
    )


def test_a_check_whose_tests_cannot_run_here_says_what_is_missing_and_links_to_its_run() -> None:
    ran = Run("npm test", 1, "exit", 2.0, "refused", line=7)
    missing = ExaminedCheck(
        "test", "npm test", "package.json", ran, "Redis is missing.", "Install it on the worker."
    )
    some = ExaminedCheck(
        "test", "make test", "Makefile", ran, note="3 of its 9 tests cannot run here. Redis is missing."
    )
    text = environment.report(replace(FOUND, checks=(missing, some)), URL)
    assert text.startswith("**1 of 2 declared checks can run here; 1 currently fails.**")
    assert f"| [⛔ cannot run]({URL}?line=7#L7) (2.0 s) | test | `npm test` |" in text
    assert "`npm test` cannot run: Redis is missing. Install it on the worker." in text
    assert "`make test`: 3 of its 9 tests cannot run here. Redis is missing." in text
    assert "development dependencies" not in text


def test_where_no_check_is_declared_the_lines_to_declare_one_are_given() -> None:
    bare = replace(FOUND, toolchains=(), steps=(), checks=(), blocked=())
    told = environment.report(bare)
    assert told.startswith("**No declared checks found.** Toolchain: none recognized;")
    assert '[checks]\nlint = "…"\ntest = "…"' in told


def test_what_an_installer_said_cannot_speak_to_anybody() -> None:
    step = SetupStep("x", "x", passed=False, seconds=1.0, reason="@ada closes #1 | <b>")
    told = environment.report(replace(FOUND, steps=(step,)))
    assert "@ada" not in told
    assert "#1" not in told
    assert "<b>" not in told


def test_a_task_that_lacks_something_says_so_and_one_that_lacks_nothing_is_silent() -> None:
    whole = Environment("k", None, {}, (), {}, (), (), cached=False, seconds=1.0)
    assert environment.unavailable(whole) == ""
    step = Installed("install with npm ci", "npm ci", passed=False, seconds=1.0, output="")
    lacks = replace(whole, missing={"tsc": Missing("tsc", "tsc does not start.")}, steps=(step,))
    assert (
        environment.unavailable(lacks)
        == """\
⛔ **Some checks cannot run here**, so verification will be incomplete. I am continuing anyway.

- `tsc`: tsc does not start.
- install with npm ci: this set-up step failed"""
    )


def test_where_something_better_is_proposed_there_is_nothing_to_fill_in() -> None:
    told = environment.report(FOUND, URL, "https://github.example/ada/shop/pull/3")
    assert "[I propose it in a pull request](https://github.example/ada/shop/pull/3)" in told
    assert 'run = ["…"]' not in told
