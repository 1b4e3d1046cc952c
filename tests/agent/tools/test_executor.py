"""The model's tool calls in a real box."""

from __future__ import annotations

import json

import pytest

from dayhand.agent.model.base import Call
from dayhand.agent.tools.executor import OUTPUT_DIR, ToolExecutor, ToolResult
from dayhand.sandbox.base import Box
from tests.agent.conftest import Killed, Log


def done(box: Box, log: Log, name: str, fields: object, *, alone: bool = True) -> ToolResult:
    raw = fields if isinstance(fields, str) else json.dumps(fields)
    return ToolExecutor(box, log, {"GREETING": "hello"}).execute(Call("c", name, raw), alone=alone)


def cat(box: Box, path: str) -> str:
    return box.check_output(["cat", "--", path], max_bytes=10_000_000).decode()


def test_a_command_runs_with_the_environment_and_its_end_is_reported(box: Box, log: Log) -> None:
    result = done(box, log, "shell", {"command": 'echo "$GREETING $NO_COLOR"; pwd; echo err >&2; exit 3'})
    assert result.text.startswith("Exit code: 3\nWall time: ")
    assert result.text.endswith("Output:\nhello 1\n/workspace\nerr\n")
    assert not result.passed
    assert [kind for kind, _ in log.lines] == ["command", "output", "result"]
    assert log.lines[-1][1].startswith("exit 3 · ")


def test_a_command_runs_in_its_directory_with_bash(box: Box, log: Log) -> None:
    result = done(box, log, "shell", {"command": "[[ -f app.py ]] && echo $PWD", "workdir": "/workspace/src"})
    assert result.text.endswith("Output:\n/workspace/src\n")
    assert done(box, log, "shell", {"command": "pwd", "workdir": "src"}).text.endswith("/workspace/src\n")
    assert (
        "can't cd to /workspace/nowhere"
        in done(box, log, "shell", {"command": "pwd", "workdir": "nowhere"}).text
    )


def test_standard_input_is_empty(box: Box, log: Log) -> None:
    assert done(box, log, "shell", {"command": "cat; echo end"}).text.endswith("Output:\nend\n")


def test_a_long_output_is_cut_and_can_be_searched_in_the_box(box: Box, log: Log) -> None:
    result = done(box, log, "shell", {"command": "seq 1 100000"})
    assert len(result.text) < 41_000
    assert "\n1\n2\n3\n" in result.text
    assert result.text.endswith("99999\n100000\n")
    assert f"the whole output is in {OUTPUT_DIR}/c.txt" in result.text
    assert cat(box, f"{OUTPUT_DIR}/c.txt") == "".join(f"{n}\n" for n in range(1, 100_001))
    assert box.check_output(["git", "status", "--porcelain"], max_bytes=1000) == b""


def test_an_output_that_fits_is_whole(box: Box, log: Log) -> None:
    result = done(box, log, "shell", {"command": "seq 1 6000"})
    assert "cut" not in result.text
    assert result.text.count("\n") == 6003


def test_a_command_that_takes_too_long_is_stopped_and_says_so(box: Box, log: Log) -> None:
    result = done(box, log, "shell", {"command": "echo begun; sleep 60", "timeout_ms": 4000})
    assert result.text.startswith("stopped after 4 s, its time limit")
    assert "begun" in result.text
    assert not result.passed


class Stopping(Log):
    """A log whose task ends as soon as a word is told."""

    def line(self, kind: str, text: str) -> int:
        number = super().line(kind, text)
        if kind == "output" and "begun" in text:
            raise Killed
        return number


def test_output_is_logged_while_the_command_runs(box: Box) -> None:
    log = Stopping()
    with pytest.raises(Killed):
        done(box, log, "shell", {"command": "echo begun; sleep 600", "timeout_ms": 600_000})
    assert ("output", "begun\n") in log.lines


def test_the_last_line_before_a_pause_is_logged(box: Box) -> None:
    log = Stopping()
    command = "echo first; sleep 4; printf 'second\\nbegun\\n'; sleep 600"
    with pytest.raises(Killed):
        done(box, log, "shell", {"command": command, "timeout_ms": 600_000})
    assert log.lines[1:3] == [("output", "first\n"), ("output", "second\nbegun\n")]


def test_the_log_shows_what_the_model_sees(box: Box, log: Log) -> None:
    result = done(box, log, "shell", {"command": "seq 1 100000"})
    told = "".join(text for kind, text in log.lines if kind == "output")
    assert result.text.endswith(f"Output:\n{told}")


def test_a_patch_changes_adds_moves_and_deletes_in_the_box(box: Box, log: Log) -> None:
    box.run("chmod +x run.sh")
    patch = """*** Begin Patch
*** Update File: src/app.py
@@
-print("hi")
+print("hello")
*** Add File: docs/deep/new.md
+# New
*** Update File: run.sh
*** Move to: bin/go.sh
@@
-echo run
+echo go
*** Delete File: old.txt
*** End Patch"""
    result = done(box, log, "apply_patch", {"input": patch})
    assert result.text == (
        "Success. Updated the following files:\nM src/app.py\nA docs/deep/new.md\nR run.sh -> bin/go.sh\nD old.txt"
    )
    assert cat(box, "src/app.py") == 'print("hello")\n'
    assert cat(box, "docs/deep/new.md") == "# New\n"
    assert box.run("./bin/go.sh; test ! -e run.sh -a ! -e old.txt").text() == "go\n"


def test_a_patch_that_does_not_fit_changes_nothing(box: Box, log: Log) -> None:
    patch = "*** Begin Patch\n*** Add File: x\n+x\n*** Update File: src/app.py\n@@\n-nope\n+y\n*** End Patch"
    result = done(box, log, "apply_patch", {"input": patch})
    assert not result.passed
    assert result.text.startswith("The patch was not applied: src/app.py: the lines of the chunk")
    assert box.check_output(["git", "status", "--porcelain"], max_bytes=1000) == b""
    assert log.lines[-1][0] == "error"


@pytest.mark.parametrize(
    ("set_up", "path", "words"),
    [
        ("ln -s /etc/hostname link", "link", "goes through a symbolic link"),
        ("ln -s /tmp dirlink", "dirlink/x", "goes through a symbolic link"),
        ("true", "src", "is a directory"),
        ("mkfifo pipe", "pipe", "is neither a file nor a directory"),
        ("head -c 5000000 /dev/zero > big", "big", "is larger than 4 MiB"),
    ],
)
def test_a_patch_touches_only_plain_files(box: Box, log: Log, set_up: str, path: str, words: str) -> None:
    assert box.run(set_up).passed
    result = done(
        box, log, "apply_patch", {"input": f"*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch"}
    )
    assert words in result.text


def test_bytes_that_are_not_text_survive_a_patch(box: Box, log: Log) -> None:
    box.run("printf 'caf\\351\\none\\n' > latin.txt")
    patch = "*** Begin Patch\n*** Update File: latin.txt\n@@\n-one\n+two\n*** End Patch"
    assert done(box, log, "apply_patch", {"input": patch}).passed
    assert box.check_output(["cat", "latin.txt"], max_bytes=100) == b"caf\xe9\ntwo\n"
    missed = done(box, log, "apply_patch", {"input": patch})
    missed.text.encode()  # what goes back to the model can be sent


def test_half_a_character_in_a_patch_is_replaced(box: Box, log: Log) -> None:
    raw = '{"input": "*** Begin Patch\\n*** Add File: x\\n+a\\ud83d\\n*** End Patch"}'
    assert done(box, log, "apply_patch", raw).passed
    assert cat(box, "x") == "a?\n"


def test_a_plan_is_shown(box: Box, log: Log) -> None:
    steps = [{"step": "look", "status": "completed"}, {"step": "mend", "status": "in_progress"}]
    assert done(box, log, "update_plan", {"plan": steps}).passed
    assert log.lines == [("plan", "✓ look\n▸ mend")]


def finish(line: int, quote: str, path: str = "src/lines.txt") -> dict[str, object]:
    return {"title": "T", "summary": "A", "citations": [{"path": path, "line": line, "quote": quote}]}


def test_a_finish_with_true_citations_is_accepted(box: Box, log: Log) -> None:
    result = done(box, log, "finish", finish(3, "line  three"))
    assert result.solution is not None
    assert result.solution.citations[0].line == 3


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (finish(1, "line nine"), "the quote for src/lines.txt:1 is on line 9; line 1 is “line one”"),
        (finish(1, "line zero"), "is not a line of the file; line 1 is “line one”"),
        (finish(99, "x"), "past the end of the file, which has 10 lines"),
        (finish(1, "x", "no.txt"), "names a file that does not exist"),
        (finish(1, "x", ".git/config"), "cannot be looked up"),
    ],
)
def test_a_finish_with_a_wrong_citation_is_refused(
    box: Box, log: Log, fields: dict[str, object], words: str
) -> None:
    result = done(box, log, "finish", fields)
    assert result.solution is None
    assert words in result.text


def test_a_finish_beside_other_work_is_refused(box: Box, log: Log) -> None:
    assert "call it alone" in done(box, log, "finish", {"title": "T", "summary": "A"}, alone=False).text
