"""YAML as a repository has it: its values as text, or one sentence that says why it cannot be read."""

from __future__ import annotations

import pytest

from dayhand.environment import yaml_file

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("python: 3.10\n", {"python": "3.10"}),
        ("on: no\nnothing: ~\nempty:\n", {"on": "no", "nothing": "~", "empty": ""}),
        ('steps: [{"run": "a, b"}, {run: c}]', {"steps": [{"run": "a, b"}, {"run": "c"}]}),
        ("run: >-\n  one\n  two\n", {"run": "one two"}),
        ("run: |\n  one\n    two\n", {"run": "one\n  two\n"}),
        ("a: &x {run: one}\nb: *x\n", {"a": {"run": "one"}, "b": {"run": "one"}}),
        ("a: &x {run: one, if: y}\nb:\n  <<: *x\n  run: two\n", {"a": {"run": "one", "if": "y"}, "b": {"run": "two", "if": "y"}}),
        ("a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc: {<<: [*x, *y]}\n", {"a": {"p": "1"}, "b": {"p": "2", "q": "2"}, "c": {"p": "1", "q": "2"}}),
        ("1: a\n", {"1": "a"}),
        ("", ""),
        ("# only a comment\n", ""),
    ],
)  # fmt: skip
def test_values_are_read_as_text(text, value):
    assert yaml_file.parse(text) == (value, "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BOMB, "expands to more than 10,000 values"),
        ("a: &a [*a]\n", "is nested more than 50 levels deep"),
        ("[" * 5_000, "is nested more than 50 levels deep"),
        ("a: " + "x" * 5_000_000, "is larger than 128 KiB"),
        ("a: [1, 2\nb: 3\n", "is not YAML: expected ',' or ']', but got ':' (line 2)"),
        ("a: b: c", "is not YAML: mapping values are not allowed here (line 1)"),
        ("\x00", "is not YAML: special characters are not allowed (line 1)"),
        ('a: "\\UFFFFFFFF"', "is not YAML: it contains an invalid character escape"),
        ('a: "\\0"', "contains a character that cannot be part of a command (line 1)"),
        ('x: y\na: "\\ud800"', "contains a character that cannot be part of a command (line 2)"),
        ("a: 1\n---\nb: 2\n", "is not YAML: but found another document (line 2)"),
        ("a: *b", "is not YAML: found undefined alias 'b' (line 1)"),
        ("run: a\nif: b\nrun: c\n", "repeats the key “run” (line 3)"),
        ("? [a, b]\n: c\n", "has a key that is not a string (line 1)"),
        ("<<: 3\n", "merges a value that is not a mapping (line 1)"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_and_read_as_nothing(text, problem):
    assert yaml_file.parse(text) == (None, problem)
