"""What a task's work may use: money, minutes, tokens and turns, with a real box and a scripted model over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dayhand.agent.budget import FINAL_REPLY, FINISH_UP, REPOSITORY_SETTING, Budget, lower_limits
from dayhand.agent.compaction import History
from dayhand.agent.guard import WorkLimits
from dayhand.agent.loop import solve
from dayhand.agent.model.base import Item, Reply
from dayhand.agent.model.items import message
from dayhand.errors import LimitReached
from dayhand.sandbox.base import Box
from dayhand.scripted_model.moves import (
    Fault,
    Finish,
    Move,
    Patch,
    Plan,
    Say,
    Script,
    ScriptState,
    Shell,
    ToolCall,
)
from dayhand.task import Ask, Solution, TaskKind
from dayhand.usage import Limit, Resource, Usage
from tests.agent.conftest import Journal, Killed, Log, Play, Played
from tests.agent.test_loop import DONE, PATCH, TASK

LEFT = Finish("Say hello", "It said hi. The tests are left.")
Boxes = Callable[[], Box]


def limit(means: Resource, most: float) -> Limit:
    return Limit(means, most, f"the limit of {means}")


def cancelled_by(*turns: list[Move], **heeds: list[Move]) -> Script:
    """Plays these turns, the last one with another plan each time; and what is to follow once words are said to it."""
    said = {"last": "is the last one", "near": FINISH_UP}

    def play(state: ScriptState) -> list[Move]:
        for name, moves in heeds.items():
            if said[name] in state.new_text:
                return moves
        return turns[state.turn] if state.turn < len(turns) else [Plan(((f"step {state.turn}", "pending"),))]

    return Script("heeding", lambda _: True, play)


def work(
    played: Played,
    box: Box,
    journal: Journal,
    log: Log,
    *limits: Limit,
    kind: TaskKind = TaskKind.FIX,
    **fields: Any,
) -> Solution:
    work_limits = WorkLimits(limits=limits, clock=played.clock.time, **fields)
    task = replace(TASK, ask=Ask(kind, "It says hi.", "ann"))
    return solve(task, box, played.model, briefing="", journal=journal, log=log, limits=work_limits)


def asked(played: Played) -> list[dict[str, Any]]:
    return [json.loads(body) for body in played.server.bodies]


def told(items: list[Item]) -> list[str]:
    """What the model was told besides its results."""
    texts = [item["content"][0]["text"] for item in items if item.get("role") == "user"]
    return texts[2:]  # after the place and the request


@pytest.mark.parametrize(
    ("what", "near"),
    [
        (limit(Resource.TOKENS, 47_000), "tokens left. "),
        (limit(Resource.MONEY, 0.09), "You have $0.0"),
        (limit(Resource.MINUTES, 30), "minutes left. "),
    ],
    ids=["tokens", "money", "minutes"],
)
def test_the_model_is_warned_once_and_then_has_a_final_reply(
    play: Play, box: Box, journal: Journal, log: Log, what: Limit, near: str
) -> None:
    busy = [
        [Fault("status", 429, headers={"Retry-After": "100"}), Plan(((f"step {n}", "pending"),))]
        for n in range(40)
    ]
    played = play(plays=cancelled_by([Patch(PATCH)], *busy, last=[LEFT]))
    solution = work(played, box, journal, log, what)
    assert solution.limit_hit is not None
    assert (solution.limit_hit.limit, solution.limit_hit.exceeded) == (what, True)
    assert 0.8 * what.maximum < solution.limit_hit.used <= what.maximum
    *before, last = asked(played)
    first, second = told(last["input"])
    assert near in first
    assert second == FINAL_REPLY.format(what.resource)
    assert last["tool_choice"] == {"type": "function", "name": "finish"}
    assert all("tool_choice" not in body for body in before)
    assert last["tools"] == before[0]["tools"], "the cached prefix holds"
    assert last["input"][: len(before[-1]["input"])] == before[-1]["input"]
    assert ("say", f"The model is told: {second}") in log.lines


def test_a_model_that_finishes_once_warned_has_not_exceeded_the_limit(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    solution = work(play(plays=cancelled_by([Patch(PATCH)], near=[LEFT])), box, journal, log, turns=9)
    assert solution.limit_hit is not None
    assert (solution.limit_hit.limit.resource, solution.limit_hit.used, solution.limit_hit.exceeded) == (
        Resource.TURNS,
        5,
        False,
    )


def test_a_model_that_finishes_before_has_hit_no_limit(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play([Patch(PATCH)], [DONE])
    assert work(played, box, journal, log, limit(Resource.MONEY, 5)).limit_hit is None


def test_no_call_is_run_for_the_final_reply(play: Play, box: Box, journal: Journal, log: Log) -> None:
    moves = [Shell("echo no > made"), Patch(PATCH), LEFT]
    solution = work(play(plays=cancelled_by(last=moves)), box, journal, log, turns=4)
    assert solution.summary == LEFT.account
    assert box.run("test ! -e made && grep -q 'print(\"hi\")' src/app.py").passed


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        ([Shell("ls")], r"within 4 turns\.$"),
        ([Say("I was nearly there.")], "Its last message: “I was nearly there.”"),
        ([ToolCall("finish", '{"title": "", "summary": "x"}')], r"within 4 turns\.$"),
    ],
)
def test_a_final_reply_that_is_not_a_finish_is_a_named_failure(
    play: Play, box: Box, journal: Journal, log: Log, moves: list[Move], words: str
) -> None:
    played = play(plays=cancelled_by(last=moves))
    with pytest.raises(LimitReached, match=words) as failed:
        work(played, box, journal, log, turns=4)
    assert played.server.count == 4
    assert failed.value.advice == "Ask for a smaller step, or raise DAYHAND_MAX_TURNS."


def test_a_server_that_does_not_know_how_to_choose_a_tool_is_asked_all_the_same(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    refusal = Fault("status", 400, json.dumps({"error": {"message": "unknown field tool_choice"}}))
    played = play(plays=cancelled_by(last=[refusal, LEFT]))
    assert work(played, box, journal, log, turns=4).summary == LEFT.account
    assert "tool_choice" not in asked(played)[-1]


def test_one_reply_that_takes_more_than_is_left_for_another_ends_the_work(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play(plays=cancelled_by([Patch(PATCH)]))
    with pytest.raises(
        LimitReached, match=r"within \$0\.0060 \(\$0\.00\d\d used, and one more reply may cost more"
    ):
        work(played, box, journal, log, limit(Resource.MONEY, 0.006))
    assert played.server.count == 1
    assert box.run("grep -q hello src/app.py").passed


def test_what_a_dead_worker_spent_counts(play: Play, boxes: Boxes, log: Log) -> None:
    def spend(dies_after: int) -> int:
        waits = [Fault("status", 429, headers={"Retry-After": "130"}), Plan((("wait", "pending"),))]
        played = play(plays=cancelled_by([Patch(PATCH)], waits, waits, waits))
        journal = Journal(dies_after)
        limits = (limit(Resource.MONEY, 0.11), limit(Resource.MINUTES, 10))
        if dies_after:
            with pytest.raises(Killed):
                work(played, boxes(), journal, log, *limits)
            journal.dies_after = 0
            played.clock.now += 86_400  # nobody had it for a day: that is no work
        with pytest.raises(LimitReached):
            work(played, boxes(), journal, log, *limits)
        usages = [entry.usage for entry in journal.turns()]
        assert sum(usage.seconds for usage in usages) == 390
        assert 0.09 < sum(usage.dollars or 0.0 for usage in usages) < 0.11
        return played.server.count

    assert spend(dies_after=5) == spend(dies_after=0)


def test_a_final_reply_to_a_dead_worker_is_final(play: Play, boxes: Boxes, log: Log) -> None:
    played = play(plays=cancelled_by([Patch(PATCH)], last=[LEFT]))
    journal = Journal(dies_after=8)  # right after the last reply
    with pytest.raises(Killed):
        work(played, boxes(), journal, log, turns=4)
    assert journal.written[-1] == ("reply", 4), journal.written
    journal.dies_after = 0
    solution = work(played, boxes(), journal, log, turns=4)
    assert (solution.summary, solution.limit_hit and solution.limit_hit.exceeded) == (LEFT.account, True)
    assert played.server.count == 4


def test_the_model_is_warned_again_after_a_compaction(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    long = [Say("thinking aloud " * 900), Plan((("go on", "pending"),))]
    played = play(plays=cancelled_by([Patch(PATCH)], *[long] * 12, last=[LEFT]), window=9_000)
    solution = work(played, box, journal, log, turns=8)
    assert solution.summary == LEFT.account
    messages = [
        text for body in asked(played) for text in told(body["input"])[-1:] if text.endswith(FINISH_UP)
    ]
    assert journal.shorter, "it was compacted"
    assert len(set(messages)) == 2, messages


def test_our_warnings_have_no_effect_if_a_person_wrote_them(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play(
        [Patch(PATCH)], [Shell(f"echo '{FINAL_REPLY.format('turns')}'; echo '{FINISH_UP}'")], [DONE]
    )
    task = replace(TASK, body=f"{FINAL_REPLY.format('turns')}\n\n{FINISH_UP}")
    solution = solve(task, box, played.model, briefing=FINAL_REPLY.format("turns"), journal=journal, log=log)
    assert solution.limit_hit is None
    assert all("tool_choice" not in body for body in asked(played))


def test_an_unknown_price_is_logged_once_and_the_limit_of_tokens_applies(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play(plays=cancelled_by([Patch(PATCH)]), price=None)
    with pytest.raises(LimitReached, match="within 40,000 tokens"):
        work(played, box, journal, log, limit(Resource.MONEY, 0.01), limit(Resource.TOKENS, 40_000))
    said = [text for _, text in log.lines if "price" in text]
    (line,) = said
    assert line.startswith(
        "The price of test-model is not known, so the limit of $0.0100 cannot be enforced. "
        "What limits the work: 40,000 tokens, 250 turns."
    )


@pytest.mark.parametrize("growth", [1.0, 1.1, 1.2, 1.33])
@pytest.mark.parametrize("maximum", range(60_000, 100_000, 900))
def test_the_warning_is_not_skipped_if_each_reply_costs_more(log: Log, growth: float, maximum: int) -> None:
    history = History([], Usage(dollars=0.0))
    budget = Budget((limit(Resource.TOKENS, maximum),), history, log, clock=lambda: 0.0)  # type: ignore[arg-type]
    texts: list[str] = []
    size = 3_000.0
    while not texts or texts[-1] != FINAL_REPLY.format("tokens"):
        history.add_reply(Reply((), (), "", Usage("m", 1, int(size), 0, 100, None)))
        remarks = budget.remarks()
        history.add_results(remarks)
        texts += told([message("user", ""), message("user", ""), *remarks])
        size *= growth
        if history.usage.input_tokens > maximum:
            return  # a reply cost more than was left, with no room for a final one
    assert texts[0].endswith(FINISH_UP), "it is warned before its final reply"


def test_a_command_ends_with_the_time_for_the_work(play: Play, box: Box, journal: Journal, log: Log) -> None:
    played = play(plays=cancelled_by([Patch(PATCH), Shell("echo begun; sleep 600")], last=[LEFT]))
    # By the real clock. A tenth is left for the final reply: on a busy machine it takes more than half a second.
    work_limits = WorkLimits(limits=(limit(Resource.MINUTES, 0.15),))
    solution = solve(TASK, box, played.model, briefing="", journal=journal, log=log, limits=work_limits)
    assert solution.summary == LEFT.account
    *_, last = asked(played)
    (output,) = [item["output"] for item in last["input"] if "begun" in str(item.get("output"))]
    assert re.match(r"stopped after \d s: the time for this task is used up\.\nExit code: None\n", output), (
        output
    )


def test_once_the_time_is_used_up_no_command_is_started(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    late = [Fault("status", 429, headers={"Retry-After": "545"}), Shell("echo late > made")]
    played = play(plays=cancelled_by(late, last=[LEFT]))
    assert work(played, box, journal, log, limit(Resource.MINUTES, 10)).summary == LEFT.account
    assert "The command was not run: the time for this task is used up." in json.dumps(
        asked(played)[-1], ensure_ascii=False
    )
    assert box.run("test ! -e made").passed


@pytest.mark.parametrize(
    ("moves", "kind", "turns"),
    [
        ([Shell("ls; true {}")], TaskKind.FIX, [4, 8]),
        ([Patch(PATCH)], TaskKind.FIX, []),
        ([Shell("ls; true {}")], TaskKind.FOLLOW_UP, []),
    ],
    ids=["a fix without a change", "a fix with one", "a question"],
)
def test_the_model_is_told_if_a_fix_changes_nothing_for_long(
    play: Play, box: Box, journal: Journal, log: Log, moves: list[Move], kind: TaskKind, turns: list[int]
) -> None:
    rest = [[Shell(f"ls; true {n}")] for n in range(9)]
    played = play(moves, *rest, [Finish("Nothing", "There is nothing.")])
    work(played, box, journal, log, kind=kind, idle_turns=4)
    messages = [text for text in told(asked(played)[-1]["input"]) if "without changing the work tree" in text]
    assert [int(text.split()[3]) for text in messages] == turns


def test_a_successor_knows_that_something_was_changed(play: Play, boxes: Boxes, log: Log) -> None:
    played = play([Patch(PATCH)], *[[Plan(((f"step {n}", "pending"),))] for n in range(6)], [DONE])
    journal = Journal(dies_after=4)
    with pytest.raises(Killed):
        work(played, boxes(), journal, log, idle_turns=4)
    journal.dies_after = 0
    work(played, boxes(), journal, log, idle_turns=4)
    assert "without changing the work tree" not in json.dumps(told(asked(played)[-1]["input"]))


def test_a_repository_can_lower_limits_but_not_raise_them() -> None:
    money, minutes = Limit(Resource.MONEY, 5, "A"), Limit(Resource.MINUTES, 60, "B")
    assert lower_limits((money, minutes), {"money": 9.5, "minutes": 60}, REPOSITORY_SETTING) == (
        money,
        minutes,
    )
    assert lower_limits((money, minutes), {"money": 1.5}, REPOSITORY_SETTING) == (
        Limit(
            Resource.MONEY, 1.5, "`[limits] money` in `.dayhand.toml` on the default branch, to $5.00 at most"
        ),
        minutes,
    )
    assert lower_limits((), {"minutes": 2}, REPOSITORY_SETTING) == (
        Limit(Resource.MINUTES, 2, "`[limits] minutes` in `.dayhand.toml` on the default branch"),
    )
