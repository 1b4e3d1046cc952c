"""Which TOML and JSON of a repository counts as a table."""

from __future__ import annotations

import pytest

from dayhand.environment import manifest
from dayhand.environment.declared.dayhand_toml import read_config
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.prepare import prepare


@pytest.mark.parametrize(
    "text",
    ["", "3", "[]", "{a: 1}", "[" * 100_000, '{"a": "\\u0000"}', '{"\\ud800": 1}', '{"a": NaN'],
)
def test_what_is_no_object_is_an_empty_one(text):
    assert manifest.json_object(text) == {}


def test_a_whole_character_in_two_halves_is_a_character():
    assert manifest.json_object('{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}


@pytest.mark.parametrize("text", ["a = ", "a = " + "[" * 100_000, 'a = "\\ud800"', "<<<<<<< HEAD"])
def test_what_is_no_toml_is_an_empty_table(text):
    assert manifest.toml(text) == {}


def test_a_table_within_what_is_none_is_empty():
    assert manifest.table({"a": {"b": 3}}, "a", "b") == {}
    assert manifest.table({"a": {"b": {"c": 3}}}, "a", "b") == {"c": 3}


def test_brackets_without_end_in_any_file_that_is_read_end_no_task(files, project, sandbox, log):
    deep = "[" * 100_000
    names = (
        "package.json",
        "composer.json",
        ".cursor/environment.json",
        ".devcontainer.json",
        "a/package.json",
    )
    texts = dict.fromkeys(names, deep)
    texts |= dict.fromkeys((".dayhand.toml", "mise.toml", "pyproject.toml", "Cargo.toml"), f"a = {deep}")
    assert ".dayhand.toml is not valid TOML; ignored" in read_config(files(texts)).problems[0]
    planned = [plan.ecosystem for each in ECOSYSTEMS if (plan := each.plan(files(texts)))]
    assert planned == ["Node", "Rust", "PHP"]
    del texts["package.json"], texts["composer.json"], texts["pyproject.toml"], texts["Cargo.toml"]
    odd = project({**texts, "README.md": ""})
    assert prepare(odd.files, sandbox, odd.fill, log=log, source=odd.source).checks == ()


def test_a_path_that_is_no_text_is_passed_over_and_one_with_quotes_is_not(files, project, sandbox, log):
    test = '{"scripts": {"test": "true"}}'
    odd = files({"a\nb/package.json": test, "g\udcff/package.json": test, "h\udcff/Cargo.toml": "[package]"})
    environment = prepare(odd, sandbox, project({}).fill, log=log, source=project({}).source)
    assert environment.checks == ()
    quoted = project({"c'd$(x) é/package.json": test.replace("true", "touch here")})
    environment = prepare(quoted.files, sandbox, quoted.fill, log=log, source=quoted.source)
    assert [check.folder for check in environment.checks] == ["c'd$(x) é"]
    with sandbox.open(origin=environment.snapshot) as box:
        quoted.fill(box)
        assert box.run(environment.checks[0].command, env=environment.env).passed
        assert box.run("ls */here").passed
