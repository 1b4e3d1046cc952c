"""What is checked in a repository without a toolchain."""

from __future__ import annotations

import pytest

from dayhand.environment.ecosystems import make, node
from dayhand.environment.prepare import combine


def commands(plan):
    return [(check.kind, check.command) for check in plan.checks]


def test_a_repository_with_no_makefile_and_no_script_has_no_checks(files):
    assert make.plan(files({"README.md": "test: this"})) is None


def test_the_targets_lint_and_test_of_a_makefile_are_checks(files):
    plan = make.plan(
        files({"Makefile": "CHECK := 1\n.PHONY: lint test\nlint:\n\t./l\ntest: build\n\t./t\nbuild:\n"})
    )
    assert commands(plan) == [("lint", "make lint"), ("test", "make test")]
    assert plan.steps == ()
    assert plan.last_resort


def test_check_is_left_out_where_lint_and_test_stand_beside_it(files):
    assert commands(make.plan(files({"Makefile": "check: lint test\nlint test:\n\ttrue\n"}))) == [
        ("lint", "make lint"),
        ("test", "make test"),
    ]


def test_check_alone_is_the_lint_of_a_repository(files):
    assert commands(make.plan(files({"Makefile": "check:\n\ttrue\n"}))) == [("lint", "make check")]


def test_a_script_is_a_check_and_its_probe_asks_for_its_interpreter(files):
    plan = make.plan(
        files({"check.sh": "#!/usr/bin/env -S bash -e\ntrue\n", "scripts/test": "#!/usr/bin/python3\n"})
    )
    assert commands(plan) == [("test", "./scripts/test"), ("lint", "./check.sh")]
    assert [check.probe for check in plan.checks] == [
        "test -x scripts/test && command -v /usr/bin/python3",
        "test -x check.sh && command -v bash",
    ]


def test_a_folder_named_test_and_a_text_without_an_interpreter_are_no_scripts(files):
    assert make.plan(files({"test/a.txt": "", "check": "just words"})) is None


def test_a_variable_assignment_is_not_a_target(files):
    assert make.plan(files({"Makefile": "test := 1\nlint ::= 2\n"})) is None


def test_a_justfiles_recipes_are_checks_where_no_makefile_is(files):
    justfile = "set shell := ['sh', '-c']\nalias t := test\n\n@lint:\n  ./l\ntest *args: build\n  ./t {{args}}\nbuild:\n"
    plan = make.plan(files({"Justfile": justfile}))
    assert commands(plan) == [("lint", "just lint"), ("test", "just test")]
    assert plan.runtime.name == "just"
    assert make.plan(files({"Justfile": justfile, "Makefile": "test:\n"})).ecosystem == "Make"


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("test:", True),
        ("test $A='1' b=\"2 3\":", True),
        ("test +args='':", True),
        ("test target:", False),
        ("test +args:", False),
        ("test := 'x'", False),
        ("  test:", False),
        ("# test:", False),
    ],
)
def test_a_recipe_that_has_to_be_told_something_is_no_check(files, head, found):
    assert (make.plan(files({"justfile": f"{head}\n    true\n"})) is not None) == found


def test_just_is_not_brought_for_checks_that_another_ecosystem_has(files):
    tested = '{"scripts": {"test": "node --test"}}'
    both = files({"justfile": "test:\n  true\n", "package.json": tested})
    plan = combine((node.plan(both), make.plan(both)), "/bin")
    assert [check.command for check in plan.checks] == ["npm run test"]
    assert [part.runtime.name for part in plan.plans if part.runtime] == ["node"]
    linted = files({"justfile": "lint:\n  true\n", "package.json": tested})
    plan = combine((node.plan(linted), make.plan(linted)), "/bin")
    assert [part.runtime.name for part in plan.plans if part.runtime] == ["node", "just"]


def test_a_taskfiles_tasks_are_checks_where_neither_a_makefile_nor_a_justfile_is(files):
    taskfile = "version: '3'\ntasks:\n  lint: [golint]\n  test: {cmds: [x], deps: [build]}\n  build: x\n"
    plan = make.plan(files({"Taskfile.yml": taskfile}))
    assert commands(plan) == [("lint", "task lint"), ("test", "task test")]
    assert plan.runtime.name == "Task"
    assert make.plan(files({"Taskfile.yml": taskfile, "justfile": "test:\n"})).ecosystem == "just"
    assert make.plan(files({"Taskfile.yml": "tasks: [test]\n"})) is None
