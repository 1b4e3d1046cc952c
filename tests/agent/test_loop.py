"""Whole tasks: a scripted model over HTTP, the real client, a real box."""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dayhand.agent.guard import WorkLimits
from dayhand.agent.loop import send_back, solve
from dayhand.errors import LeaseLost, ModelError, SandboxError, TaskStopped
from dayhand.ledger.journal import Journal as LedgerJournal
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import TaskLog
from dayhand.sandbox.base import Box
from dayhand.scripted_model.moves import FOREVER, Fault, Finish, Patch, Plan, Say, Script, Shell, ToolCall
from dayhand.task import Ask, Solution, TaskKind
from tests.agent.conftest import Journal, Killed, Log, Play, Played, both_apis
from tests.tasks import make_task

TASK = make_task(
    installation=1,
    title="Say hello",
    body="It says hi.",
    ask=Ask(TaskKind.FIX, "It says hi.", "ann"),
    created_at=0.0,
)
PATCH = '*** Begin Patch\n*** Update File: src/app.py\n@@\n-print("hi")\n+print("hello")\n*** End Patch'
DONE = Finish("Say hello", "It said hi.", ({"path": "src/app.py", "line": 1, "quote": 'print("hello")'},))
STORY = (
    [Say("I look first."), Plan((("look", "in_progress"),)), Shell("cat src/app.py")],
    [Patch(PATCH)],
    [Shell("python3 src/app.py")],
    [DONE],
)
Boxes = Callable[[], Box]


def work(played: Played, box: Box, journal: Journal, log: Log, **fields: int) -> Solution:
    return solve(
        TASK,
        box,
        played.model,
        briefing="python3 is there",
        journal=journal,
        log=log,
        limits=WorkLimits(**fields),
    )


@both_apis
def test_a_task_goes_from_the_ask_to_an_accepted_finish(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play(*STORY)
    solution = work(played, box, journal, log)
    assert solution.title == "Say hello"
    assert solution.citations[0].path == "src/app.py"
    assert box.run("python3 src/app.py").text() == "hello\n"
    assert played.server.count == 4
    assert (solution.usage.turns, solution.usage.scripted) == (4, True)
    assert solution.usage.dollars == pytest.approx(
        (solution.usage.input_tokens * 2 + solution.usage.output_tokens * 10) / 1e6
    )
    assert ("model", "I look first.") in log.lines
    assert ("output", "hello\n") in log.lines


@both_apis
def test_each_request_begins_with_the_whole_one_before(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play(*STORY)
    work(played, box, journal, log)
    bodies = [json.loads(body) for body in played.server.bodies]
    for before, after in itertools.pairwise(bodies):
        assert before["tools"] == after["tools"]
        for name in {"input", "messages"} & before.keys():
            assert json.dumps(after[name]).startswith(json.dumps(before[name])[:-1])


def test_a_reply_of_several_calls_is_answered_in_their_order(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play(*STORY)
    work(played, box, journal, log)
    inputs = [json.loads(body)["input"] for body in played.server.bodies]
    assert [item["type"] for item in inputs[1][3:]] == [
        "message", "function_call", "function_call", "function_call_output", "function_call_output",
    ]  # fmt: skip


def test_the_agents_own_view_of_its_change_is_left_alone(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play([Patch(PATCH)], [Shell("git diff --stat; git status --short")], [DONE])
    work(played, box, journal, log)
    assert any(
        kind == "output" and "1 file changed" in text and " M src/app.py" in text for kind, text in log.lines
    )


def kinds(journal: Journal) -> list[str]:
    return [name for name, _ in journal.written]


def test_a_reply_is_journalled_before_it_is_acted_on(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    work(play(*STORY), box, journal, log)
    assert kinds(journal) == ["reply", "results", "checkpoint"] * 3 + ["reply"]


class ExportCounter:
    """A box that counts how often its work tree is exported."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self.exports = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._box, name)

    def check_output(self, command: Sequence[str], **options: Any) -> bytes:
        written = self._box.check_output(command, **options)
        self.exports += b"\0PACK" in written or b"\nPACK" in written
        return written


def test_only_a_changed_work_tree_is_exported_and_each_turn_has_its_checkpoint(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    reads = [[Shell(f"cat src/app.py # {number}")] for number in range(3)]
    counter = ExportCounter(box)
    work(play(*reads, [Patch(PATCH)], *reads, [DONE]), counter, journal, log)  # type: ignore[arg-type]
    assert counter.exports == 2, "as it was at first, and after the patch"
    assert [turn for name, turn in journal.written if name == "checkpoint"] == [1, 2, 3, 4, 5, 6, 7]
    assert journal.kept
    assert b"PACK" in journal.kept[1]


@pytest.mark.parametrize(
    ("play", "writes"),
    [("/v1/responses", write) for write in range(1, 10)] + [("/v1/chat/completions", 4)],
    indirect=["play"],
)
def test_a_killed_task_goes_on_elsewhere_without_asking_again(
    play: Play, boxes: Boxes, log: Log, writes: int
) -> None:
    """Killed right after each of the journal's writes in turn."""
    story = (
        [Shell("echo x >> count.txt")],
        [Patch(PATCH)],
        [Shell("cat count.txt; python3 src/app.py")],
        [DONE],
    )
    played = play(*story)
    journal = Journal(dies_after=writes)
    with pytest.raises(Killed):
        work(played, boxes(), journal, log)
    journal.dies_after = 0
    second = boxes()
    solution = work(played, second, journal, log)
    assert solution.title == "Say hello"
    assert played.server.count == 4  # no reply was paid for twice
    assert solution.usage.turns == 4
    assert second.run("cat count.txt; python3 src/app.py").text() == "x\nhello\n"
    assert "x\\nhello" in played.server.bodies[-1].decode()


ENDLESS = ToolCall(
    "shell",
    json.dumps({"command": "echo x >> made; sleep 600", "timeout_ms": 600_000, "yield_time_ms": 300}),
)


def test_the_model_is_told_that_a_killed_workers_session_is_gone(
    play: Play, boxes: Boxes, journal: Journal, log: Log
) -> None:
    number = zlib.crc32(b"call_0_0") % 90_000 + 10_000
    poll = ToolCall("session", json.dumps({"session_id": number, "yield_time_ms": 300}))
    played = play([ENDLESS], [poll], [poll], [Finish("Nothing", "It never ends.")])
    journal.dies_after = 4  # two turns
    with pytest.raises(Killed):
        work(played, boxes(), journal, log)
    journal.dies_after = 0
    second = boxes()
    assert work(played, second, journal, log).title == "Nothing"
    *_, last = played.server.bodies
    told = [item for item in json.loads(last)["input"] if "output" in item]
    assert [item["output"].startswith(f"Session {number} is still running") for item in told] == [1, 1, 0]
    assert told[-1]["output"].startswith(f"There is no session {number}: ")
    assert "A command that was still running has ended" in last.decode()
    assert second.run("test ! -e made").passed


def test_the_end_of_a_task_ends_its_command_in_the_background(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    with pytest.raises(ModelError):
        work(play([ENDLESS]), box, journal, log, turns=1)
    assert box.run("cat made; cat /proc/[0-9]*/comm | grep -c sleep").text() == "x\n0\n"


def test_a_patch_before_a_command_that_goes_on_is_kept_with_its_end(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    number = zlib.crc32(b"call_0_1") % 90_000 + 10_000
    kill = ToolCall("session", json.dumps({"session_id": number, "kill": True}))
    work(play([Patch(PATCH), ENDLESS], [kill], [DONE]), box, journal, log)
    assert journal.kept is not None
    assert journal.kept[0] == 2


def test_a_finished_journal_gives_the_same_solution_without_asking(
    play: Play, boxes: Boxes, journal: Journal, log: Log
) -> None:
    played = play(*STORY)
    first = work(played, boxes(), journal, log)
    assert work(played, boxes(), journal, log) == first
    assert played.server.count == 4


def test_a_finish_that_is_sent_back_goes_on_in_another_box(
    play: Play, boxes: Boxes, journal: Journal, log: Log
) -> None:
    played = play(*STORY)
    work(played, boxes(), journal, log)
    assert send_back(journal, "The tests fail.", 1)
    second = boxes()
    solution = work(played, second, journal, log)
    assert (played.server.count, solution.usage.turns) == (5, 5)
    assert second.run("python3 src/app.py").text() == "hello\n"
    before, after = (json.loads(body)["input"] for body in played.server.bodies[-2:])
    assert after[: len(before)] == before
    assert "The tests fail." in json.dumps(after[len(before) :])
    assert not send_back(journal, "Once more.", 1), "as often as it may"


def test_an_unknown_tool_and_bad_arguments_come_back_to_the_model(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play([ToolCall("frob", "{}"), ToolCall("shell", '{"command": ')], [DONE], [Patch(PATCH)], [DONE])
    assert work(played, box, journal, log).title == "Say hello"
    outputs = [item["output"] for item in json.loads(played.server.bodies[-1])["input"] if "output" in item]
    assert "There is no tool “frob”" in outputs[0]
    assert "not JSON" in outputs[1]
    assert (
        "is not a line of the file" in outputs[2]
    )  # a finish before the work: its citation was not true yet


@pytest.mark.parametrize(
    ("quiet", "words"),
    [
        (Fault("empty"), "Your reply was empty"),
        (Fault("cut"), "length limit"),
        (Say("All done!"), "You called no tool"),
    ],
)
def test_a_reply_without_a_call_is_nudged(
    play: Play, box: Box, journal: Journal, log: Log, quiet: Fault | Say, words: str
) -> None:
    played = play([quiet, Patch(PATCH)] if isinstance(quiet, Fault) else [quiet], [Patch(PATCH)], [DONE])
    assert work(played, box, journal, log).title == "Say hello"
    assert words in played.server.bodies[1].decode()


def test_a_model_that_only_talks_ends_as_a_named_failure(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play([Say("I am done.")])
    with pytest.raises(ModelError, match=r"stopped calling tools and did not finish.*I am done"):
        work(played, box, journal, log)
    assert played.server.count == 4


def test_a_model_that_is_always_empty_ends_as_a_named_failure(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    with pytest.raises(ModelError, match="stopped calling tools"):
        work(play([Fault("empty", times=FOREVER)]), box, journal, log)


def test_nonsense_for_ever_ends_as_a_named_failure(play: Play, box: Box, journal: Journal, log: Log) -> None:
    played = play([Fault("nonsense", body="<html>busy</html>", times=FOREVER)])
    with pytest.raises(ModelError, match="invalid JSON"):
        work(played, box, journal, log)
    assert any(kind == "error" and "Retrying in" in text for kind, text in log.lines)


def test_a_model_that_repeats_a_failing_call_is_stopped(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play([Shell("cat nowhere.txt")])
    with pytest.raises(
        ModelError, match="repeating itself: its call to shell failed in the same way 4 times"
    ):
        work(played, box, journal, log)
    assert played.server.count == 4
    assert "Try something else" in played.server.bodies[-1].decode()


def test_a_model_that_repeats_a_passing_call_is_stopped_later(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play([Shell("ls")])
    with pytest.raises(ModelError, match="worked in the same way 8 times"):
        work(played, box, journal, log)


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([Shell("false"), Shell("ls")], "its last 2 calls ended in the same way 8 times"),
        ([Shell("ls"), Shell("ls src"), Shell("false")], "its last 3 calls ended in the same way 8 times"),
    ],
)
def test_a_model_that_goes_in_circles_is_stopped(
    play: Play, box: Box, journal: Journal, log: Log, turns: list[Shell], said: str
) -> None:
    circle = Script("circle", lambda _: True, lambda state: [turns[state.turn % len(turns)]])
    with pytest.raises(ModelError, match=said):
        work(play(plays=circle), box, journal, log)


def test_a_flaky_test_that_is_run_again_now_and_then_is_no_repetition(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    between = ("cat src/app.py", "ls", "git log --oneline", "ls src", "cat run.sh", "git status")
    story = [[Shell(command)] for look in between for command in ("false", look)]
    assert work(play(*story, [Patch(PATCH)], [DONE]), box, journal, log).title == "Say hello"


def test_the_same_failing_check_after_each_change_is_no_repetition(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    steps = [[Shell(f"echo {n} >> notes.txt"), Shell("false")] for n in range(6)]
    played = play(*steps, [Patch(PATCH)], [DONE])
    assert work(played, box, journal, log).title == "Say hello"


def test_a_model_that_never_ends_is_warned_and_stopped(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play(*[[Shell(f"echo {n}")] for n in range(20)])
    with pytest.raises(ModelError, match="did not finish within 8 turns"):
        work(played, box, journal, log, turns=8)
    assert played.server.count == 8
    assert "You have 5 turns left" in played.server.bodies[3].decode()
    assert "You have 5 turns left" not in played.server.bodies[2].decode()


def test_a_work_tree_that_cannot_be_saved_is_reported_and_then_a_failure(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play(
        [Shell("mv .git /tmp/ && echo moved || rm -rf .git")], [Shell("ls")], [Shell("ls src")], [DONE]
    )
    with pytest.raises(SandboxError):
        work(played, box, journal, log)
    assert "cannot be saved as it is" in played.server.bodies[1].decode()


def claimed(ledger: Ledger, worker: str) -> tuple[LedgerJournal, TaskLog, Claim]:
    claim = ledger.claim(TASK.id, worker)
    assert claim is not None
    return LedgerJournal(ledger.redis, TASK.id, claim), TaskLog(ledger, claim), claim


def test_another_worker_goes_on_from_what_redis_holds(play: Play, boxes: Boxes, ledger: Ledger) -> None:
    ledger.open(TASK, delivery="d-1", thread="acme/shop#7:fix")
    played = play([Shell("echo x >> count.txt")], [Fault("status", 401, times=1), Patch(PATCH)], [DONE])
    memory, log, claim = claimed(ledger, "one")
    with pytest.raises(ModelError, match="rejected the API key"):
        solve(TASK, boxes(), played.model, briefing="", journal=memory, log=log)
    claim.release()
    memory, log, _ = claimed(ledger, "two")
    second = boxes()
    solution = solve(TASK, second, played.model, briefing="", journal=memory, log=log)
    assert solution.usage.turns == 3
    assert played.server.count == 4  # three replies and the refusal
    assert second.run("cat count.txt; python3 src/app.py").text() == "x\nhello\n"
    assert str(memory.turns()).count("Your sandbox was replaced") == 1


def test_a_worker_that_lost_its_lease_stops_at_once(play: Play, boxes: Boxes, ledger: Ledger) -> None:
    ledger.open(TASK, delivery="d-1", thread="acme/shop#7:fix")
    memory, log, claim = claimed(ledger, "one")
    claim.release()
    played = play(*STORY)
    with pytest.raises(LeaseLost):
        solve(TASK, boxes(), played.model, briefing="", journal=memory, log=log)
    assert played.server.count == 0


def test_a_person_can_stop_the_work_between_turns(play: Play, boxes: Boxes, ledger: Ledger) -> None:
    ledger.open(TASK, delivery="d-1", thread="acme/shop#7:fix")
    memory, log, _ = claimed(ledger, "one")
    log.listen(lambda note: ledger.ask_to_stop(TASK.id, "ann") if note.kind == "output" else None)
    played = play(*STORY)
    with pytest.raises(TaskStopped, match="ann stopped"):
        solve(TASK, boxes(), played.model, briefing="", journal=memory, log=log)
    assert played.server.count == 1
