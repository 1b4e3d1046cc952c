"""What a repository without any toolchain lets us check."""

from __future__ import annotations

from dayhand.environment import plain


def commands(plan):
    return [(check.kind, check.command) for check in plan.checks]


def test_a_repository_with_no_makefile_and_no_script_has_no_checks(files):
    assert plain.plan(files({"README.md": "test: this"})) is None


def test_the_targets_lint_and_test_of_a_makefile_are_checks(files):
    plan = plain.plan(
        files({"Makefile": "CHECK := 1\n.PHONY: lint test\nlint:\n\t./l\ntest: build\n\t./t\nbuild:\n"})
    )
    assert commands(plan) == [("lint", "make lint"), ("test", "make test")]
    assert plan.steps == ()
    assert plan.last_resort


def test_check_is_left_out_where_lint_and_test_stand_beside_it(files):
    assert commands(plain.plan(files({"Makefile": "check: lint test\nlint test:\n\ttrue\n"}))) == [
        ("lint", "make lint"),
        ("test", "make test"),
    ]


def test_check_alone_is_the_lint_of_a_repository(files):
    assert commands(plain.plan(files({"Makefile": "check:\n\ttrue\n"}))) == [("lint", "make check")]


def test_a_script_is_a_check_and_its_probe_asks_for_its_interpreter(files):
    plan = plain.plan(
        files({"check.sh": "#!/usr/bin/env -S bash -e\ntrue\n", "scripts/test": "#!/usr/bin/python3\n"})
    )
    assert commands(plan) == [("test", "./scripts/test"), ("lint", "./check.sh")]
    assert [check.probe for check in plan.checks] == [
        "test -x scripts/test && command -v /usr/bin/python3",
        "test -x check.sh && command -v bash",
    ]


def test_a_folder_named_test_and_a_text_without_an_interpreter_are_no_scripts(files):
    assert plain.plan(files({"test/a.txt": "", "check": "just words"})) is None


def test_a_variable_assignment_is_not_a_target(files):
    assert plain.plan(files({"Makefile": "test := 1\nlint ::= 2\n"})) is None
