"""Workflows that were written to be expensive, to break out, or to be shown: each ends as a plan, within bounds."""

from __future__ import annotations

import json

import pytest

from dayhand.environment.declared.workflows import jobs, matrix, plan, read
from dayhand.environment.declared.workflows.expressions import (
    MAX_PLACEHOLDERS,
    Context,
    resolve,
    unknown_names,
)
from dayhand.environment.declared.workflows.jobs import read_ci
from tests.environment.conftest import Texts

CI = ".github/workflows/ci.yml"


def job(*runs, **more):
    return {"runs-on": "ubuntu-latest", "steps": [{"run": run} for run in runs], **more}


def workflow(jobs, **more):
    return json.dumps({"on": "push", "jobs": jobs, **more})


def short(text):
    return f"{len(text)} {text[:16]!r}"


def read_texts(texts):
    return read_ci(Texts(texts), {"python": ("3.11.2",)})


BOMB = "x: &a [y, y, y, y, y, y, y, y]\n" + "".join(
    f"x{n}: &a{n} [*a{n - 1 if n else ''}, *a{n - 1 if n else ''}, *a{n - 1 if n else ''}, *a{n - 1 if n else ''}]\n".replace(
        "a-1", "a"
    )
    for n in range(1, 40)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("on: push\n" + "#" * 1024 * 1024, "is larger than 128 KiB"),
        (BOMB.replace("*a0", "*a"), "expands to more than 10,000 values"),
        ("on: push\njobs: " + "[" * 5_000, "is nested more than 50 levels deep"),
        ("on: push\njobs: {a: {}, a: {}}", "repeats the key “a” (line 2)"),
        ("on: push\njobs: {? [a] : b}", "has a key that is not a string (line 2)"),
        ('on: push\njobs: "\\uD800"', "contains a character that cannot be part of a command (line 2)"),
        ("on: push\njobs: !!python/object/apply:os.system [id]\n", ""),
        ("\x00", "is not YAML: special characters are not allowed (line 1)"),
    ],
    ids=["size", "aliases", "depth", "repeated", "key", "surrogate", "tag", "nul"],
)
def test_a_file_that_cannot_be_read_within_bounds_is_named_and_nothing_of_it_counts(text, problem):
    found = read_texts({CI: text})
    assert found.checks == found.steps == ()
    assert found.problems == ((f"{CI} {problem}; ignored.",) if problem else ())


@pytest.mark.parametrize(
    "value",
    [
        "",
        [],
        {},
        "x",
        [[]],
        {"a": []},
        {"a": {"steps": {}}},
        {"a": {"steps": [[], "x", {"run": {}}, {"run": ["pytest"]}]}},
    ]
    + [
        {"a": job("pytest", strategy=each)}
        for each in ("x", [], {"matrix": "${{ fromJSON('x') }}"}, {"matrix": {"a": "b"}})
    ]
    + [
        {"a": job("pytest", env=each, services=each, defaults=each)}
        for each in ("x", [], {"": "x", "A B": "y"})
    ],
    ids=str,
)
def test_what_has_another_shape_than_it_should_is_passed_over(value):
    assert {check.command for check in read_texts({CI: workflow(value)}).checks} <= {"pytest"}


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 10_000,
        "((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))",
        "a" * 100_000,
        "!" * 150 + "x",
        "contains(" * 60,
        "secrets.KEY",
        "toJSON(github)",
        "matrix['a']['b'][",
        "'unclosed",
        "format('{0}{0}{0}{0}', format('{0}{0}{0}{0}', format('{0}{0}{0}{0}', secrets.X)))",
        "1 == ",
    ],
    ids=short,
)
def test_an_expression_that_is_not_known_leaves_its_step_out(expression):
    found = read_texts({CI: workflow({"t": job(f"pytest ${{{{ {expression} }}}}", "pytest known")})})
    assert [check.command for check in found.checks] == ["pytest known"]


def test_a_text_with_more_expressions_than_allowed_is_not_evaluated():
    for count, known in ((MAX_PLACEHOLDERS, True), (MAX_PLACEHOLDERS + 1, False)):
        assert (resolve("${{ 1 }}" * count, Context()) is not None) == known
        assert bool(unknown_names("${{ secrets.x }}" * count, Context())) == known


def test_many_expressions_are_not_followed():
    found = read_texts(
        {CI: workflow({"t": job("pytest " + "${{" * 20_000, "pytest " + "${{ matrix.x }}" * 5_000)})}
    )
    assert found.checks == ()


@pytest.mark.parametrize(
    "script",
    [
        "pytest '",
        'pytest "',
        "pytest `",
        "pytest $(",
        "pytest ${",
        "pytest <<X\nX",
        "(pytest)",
        "pytest(){ :; }",
        "pytest \\",
        "\\",
        "$(" * 20_000,
        "pytest; " * 5_001,
        "'" * 30_001,
        "|" * 1_000,
        "&& " * 1_000,
        "cd ../.. && pytest",
        "cd / && pytest",
        "cd $X && pytest",
        "cd `x` && pytest",
        "eval pytest",
        "if pytest; then x; fi",
        "pytest & wait",
        "pytest\x7f\x1b[31m",
    ],
    ids=short,
)
def test_a_script_is_split_or_left_whole_and_never_leaves_the_repository(script):
    found = read_texts({CI: workflow({"t": job(script)})})
    assert {check.folder for check in found.checks} <= {""}
    assert all(".." not in check.command for check in found.checks)


@pytest.mark.parametrize(
    "folder",
    ["../..", "/etc", "a/../../b", "$HOME", "${{ github.workspace }}/../x", "a\nb", "~", "-", "; rm -rf ."],
)
def test_a_working_directory_is_a_folder_of_the_repository_and_only_a_name(folder):
    step = {"run": "pytest", "working-directory": folder}
    found = read_texts({CI: workflow({"t": {"runs-on": "ubuntu-latest", "steps": [step]}})})
    for check in found.checks:
        assert ".." not in check.folder
        assert not check.folder.startswith("/")
        assert "\n" not in check.folder


@pytest.mark.parametrize(
    "name",
    ["x`id`", "$(id)", "</td><script>", "a\nb", "a\x1b[2J", "\u202eevil", "x" * 1_000, "@ada", "'; id; '"],
)
def test_a_name_is_only_shown_and_is_never_part_of_a_command(name):
    texts = {CI: workflow({name: job("pytest", name=name)}, name=name)}
    found = read_texts(texts)
    assert [check.command for check in found.checks] == ["pytest"]
    (source,) = (check.source for check in found.checks)
    assert source.isprintable()
    assert len(source) < 200


def test_a_path_that_is_not_printable_is_not_read():
    assert read_texts({".github/workflows/a\nb.yml": workflow({"t": job("pytest")})}).checks == ()


def test_a_variables_value_is_only_a_value():
    env = {"A": "x; touch evil", "B": "$(touch evil)", "C": "it's", "D-E": "z", "F": "a\nb"}
    found = read_texts({CI: workflow({"t": job("pytest $A", env=env)})})
    assert [check.command for check in found.checks] == [
        "A='x; touch evil' B='$(touch evil)' C='it'\"'\"'s' F='a\nb' pytest $A"
    ]


def test_a_workflow_or_action_that_calls_itself_ends():
    call = {"a": {"uses": "./.github/workflows/ci.yml"}, "b": job("pytest")}
    text = json.dumps({"on": {"push": {}, "workflow_call": {}}, "jobs": call})
    action = {
        "runs": {
            "using": "composite",
            "steps": [{"uses": "./.github/actions/a"}] * 9 + [{"run": "pytest", "shell": "sh"}],
        }
    }
    steps = [{"uses": "./.github/actions/a"}]
    texts = {CI: text, ".github/actions/a/action.yml": json.dumps(action)}
    texts[".github/workflows/b.yml"] = workflow({"t": {"runs-on": "ubuntu-latest", "steps": steps}})
    found = read_texts(texts)
    assert {check.command for check in found.checks} == {"pytest"}
    assert any("steps; the rest is ignored" in problem for problem in found.problems)


def test_targets_that_call_each_other_end():
    make = "".join(f"t{n}: {' '.join(f't{m}' for m in range(60))}\n\tpoetry run pytest\n" for n in range(60))
    found = read_texts({CI: workflow({"t": job("make t1")}), "Makefile": make})
    assert len(found.checks) <= 1


def test_numbers_are_bounded():
    values = [str(n) for n in range(90)]
    wide = {"matrix": {"b": ["x", "y"], "a": values}}
    texts = {CI: workflow({"t": job("pytest ${{ matrix.a }}", strategy=wide)})}
    found = read_texts(texts)
    assert len(found.checks) == plan.MAX_CHECKS
    assert len(matrix.all_cells({"a": list(values), "b": list(values)})) == matrix.MAX_COMBINATIONS
    many = {
        f".github/workflows/w{n:03}.yml": workflow({"t": job("pytest")})
        for n in range(read.MAX_WORKFLOWS + 1)
    }
    assert any("workflows; the first" in problem for problem in read_texts(many).problems)
    long = workflow({"t": job(*["pytest a"] * (jobs.MAX_COMMANDS // 2))})
    assert len(read_texts({CI: long}).checks) == 1
