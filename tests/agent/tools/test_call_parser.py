"""Calls as models really make them: which are accepted, and how the invalid ones are explained."""

from __future__ import annotations

import json

import pytest

from dayhand.agent.model.base import Call
from dayhand.agent.tools.call_parser import (
    InvalidCall,
    PatchCall,
    PlanCall,
    ShellCall,
    parse_call,
)
from dayhand.task import Citation, Solution


def call(name: str, arguments: object, *, custom: bool = False, cut: bool = False) -> Call:
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return Call("c1", name, raw, custom=custom, cut=cut)


def error_of(name: str, arguments: object, **how: bool) -> str:
    with pytest.raises(InvalidCall) as caught:
        parse_call(call(name, arguments, **how))
    return str(caught.value)


@pytest.mark.parametrize("name", ["shell", "shell_command", "bash", "exec_command"])
def test_a_shell_has_many_names(name: str) -> None:
    assert parse_call(call(name, {"command": "ls"})) == ShellCall("ls", "", 120.0)


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        ({"cmd": "ls"}, ShellCall("ls", "", 120.0)),
        ({"command": ["bash", "-lc", "ls | wc"]}, ShellCall("ls | wc", "", 120.0)),
        ({"command": ["grep", "a b", "x"]}, ShellCall("grep 'a b' x", "", 120.0)),
        ({"command": "ls", "workdir": "src", "timeout_ms": 500}, ShellCall("ls", "src", 0.5)),
        ({"command": "ls", "timeout_ms": 10_000_000}, ShellCall("ls", "", 900.0)),
        (
            {"command": "apply_patch <<'EOF'\n*** Begin Patch\n*** End Patch\nEOF"},
            PatchCall("apply_patch <<'EOF'\n*** Begin Patch\n*** End Patch\nEOF"),
        ),
    ],
)
def test_a_shells_arguments_come_in_many_shapes(arguments: object, request_: object) -> None:
    assert parse_call(call("shell", arguments)) == request_


@pytest.mark.parametrize(
    "patch",
    [
        call("apply_patch", "*** Begin Patch", custom=True),
        call("apply_patch", {"input": "*** Begin Patch"}),
        call("apply_patch", {"patch": "*** Begin Patch"}),
        call("apply_patch", "*** Begin Patch"),
    ],
)
def test_a_patch_comes_as_text_or_as_an_argument(patch: Call) -> None:
    assert parse_call(patch) == PatchCall("*** Begin Patch")


def test_a_plan_is_read() -> None:
    steps = [{"step": "look", "status": "completed"}, {"step": "mend"}]
    assert parse_call(call("update_plan", {"plan": steps})) == PlanCall(
        "", (("look", "completed"), ("mend", "pending"))
    )


def test_a_finish_is_read_whole() -> None:
    fields = {
        "title": " Fix order ",
        "summary": "It was ASC.",
        "questions": ["Keep it?", " "],
        "citations": [{"path": "/workspace/a.sql", "line": "3", "quote": "ORDER BY rank"}],
    }
    solution = Solution("Fix order", "It was ASC.", ("Keep it?",), (Citation("a.sql", 3, "ORDER BY rank"),))
    assert parse_call(call("finish", fields)) == solution
    fields["account"] = fields.pop("summary")  # in a journal of an older version
    assert parse_call(call("finish", fields)) == solution


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        (
            "frobnicate",
            {},
            "There is no tool “frobnicate”. The tools are: apply_patch, finish, session, shell, update_plan, view_image.",
        ),
        ("aply_patch", {}, "Did you mean apply_patch?"),
        ("shell", '{"command": "ls', "not JSON: Unterminated string starting at at line 1, column 13"),
        ("shell", "[1]", "must be a JSON object, not list"),
        ("shell", {"comand": "ls"}, "shell needs “command”, a string that is not empty (got: comand)."),
        ("shell", {"command": ""}, "needs “command”"),
        ("shell", {"command": 7}, "needs “command”"),
        ("shell", {"command": "ls", "timeout_ms": "soon"}, "number of milliseconds"),
        ("shell", {"command": "echo \x00"}, "NUL"),
        ("shell", {"command": "ls", "workdir": 3}, "“workdir” must be a string"),
        ("shell", {"command": "ls", "yield_time_ms": 0}, "“yield_time_ms” must be a number of milliseconds"),
        ("session", {}, "“session_id” must be the number"),
        ("session", {"session_id": True}, "“session_id” must be the number"),
        ("session", {"session_id": 1, "kill": "yes"}, "“kill” must be true or false"),
        ("write_stdin", {"session_id": 1, "chars": ["y"]}, "“stdin” must be a string"),
        ("session", {"session_id": 1, "stdin": "y" * 100_001}, "“stdin” must be a string"),
        ("shell", {"command": "cat", "stdin": "text"}, "“stdin” must be true or false"),
        ("apply_patch", {"x": 1}, "needs “input”"),
        ("update_plan", {}, "needs “plan”"),
        ("update_plan", {"plan": [{"step": "a", "status": "done"}]}, "step 1 must be"),
        ("finish", {}, "“title” must be a string of one line; “summary” must be a string"),
        ("finish", {"title": "a\nb", "summary": "x"}, "one line of at most 120"),
        ("finish", {"title": "a", "summary": "x", "questions": "why"}, "“questions” must be a list"),
        (
            "finish",
            {"title": "a", "summary": "x", "citations": [{"path": "../x", "line": 1}]},
            "citation 1 must be",
        ),
        (
            "finish",
            {"title": "a", "summary": "x", "citations": [{"path": "x", "line": 0}]},
            "citation 1 must be",
        ),
    ],
)
def test_an_invalid_call_is_explained(name: str, arguments: object, words: str) -> None:
    assert words in error_of(name, arguments)


def test_a_call_that_was_cut_off_is_not_run() -> None:
    assert "was not run" in error_of("shell", {"command": "rm -rf build"}, cut=True)


def test_half_a_character_in_the_arguments_is_replaced() -> None:
    assert parse_call(call("shell", '{"command": "echo \\ud83d"}')) == ShellCall("echo ?", "", 120.0)
