"""Histories that outgrow the context window: they are compacted, and the work continues."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import pytest

from dayhand.agent.compaction import COMPACTED, FULL_SHARE, HANDOVER_REQUEST, IMAGE_TOKENS, History, tokens
from dayhand.agent.model.base import Item, Reply
from dayhand.agent.model.items import message
from dayhand.errors import ContextOverflow
from dayhand.ledger.journal import Journal as LedgerJournal
from dayhand.ledger.journal import Journalled
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.sandbox.base import Box
from dayhand.scripted_model.moves import FOREVER, Fault, Move, Patch, Plan, Say, Script, ScriptState, Shell
from dayhand.usage import Usage
from tests.agent.conftest import Journal, Killed, Log, Play, Played
from tests.agent.test_loop import DONE, PATCH, TASK, work

LONG = "seq -f 'line %06.0f of a long output' 1 2000"  # 40 KB reach the model: about 10,000 tokens
HANDOVER = "I found the greeting in src/app.py and changed it."
WINDOW = 14_000
Boxes = Callable[[], Box]


def forgetful(before: list[list[Move]], after: list[list[Move]], handover: Move | None = None) -> Script:
    """Plays ``before``, writes a handover when it is asked for one, then plays ``after``."""

    def play(state: ScriptState) -> list[Move]:
        if HANDOVER_REQUEST in state.new_text:
            return [handover or Say(HANDOVER)]
        turns = after if COMPACTED in state.prompt else before
        return turns[min(state.turn, len(turns) - 1)]

    return Script("forgetful", lambda _: True, play)


PLAN = Plan((("look", "completed"), ("greet", "in_progress")))
GROWS = forgetful(
    [[PLAN, Shell("echo first-result; echo note > note.txt")], [Patch(PATCH)], [Shell(LONG)], [Shell("echo never")]],
    [[Shell("python3 src/app.py; rm note.txt")], [DONE]],
)  # fmt: skip


def inputs(played: Played) -> list[list[Item]]:
    return [json.loads(body)["input"] for body in played.server.bodies]


def replaced(played: Played) -> str:
    """The message that the history was replaced by."""
    (text,) = {
        part["text"]
        for items in inputs(played)
        for item in items
        for part in item.get("content", ())
        if COMPACTED in part["text"]
    }
    return str(text)


@pytest.mark.parametrize(
    ("window", "refuses_above"), [(WINDOW, 0), (0, 12_000)], ids=["before it is full", "on overflow"]
)
def test_the_history_is_replaced_once_and_the_work_goes_on(
    play: Play, box: Box, journal: Journal, log: Log, window: int, refuses_above: int
) -> None:
    played = play(plays=GROWS, window=window, refuses_above=refuses_above)
    solution = work(played, box, journal, log)
    assert solution.title == "Say hello"
    assert box.run("python3 src/app.py; ls").text() == "hello\nold.txt\nrun.sh\nsrc\n"
    assert [*journal.shorter] == [4]
    opening = inputs(played)[0]
    whole = inputs(played)[-1]
    assert whole[: len(opening)] == opening
    assert whole[len(opening)] == message("user", replaced(played))
    assert [text for kind, text in log.lines if kind == "say"][-1].startswith("It is replaced by")
    assert ("model", HANDOVER) in log.lines


def test_what_is_kept_is_the_task_the_plan_the_changed_files_and_the_last_results(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play(plays=GROWS, window=WINDOW)
    work(played, box, journal, log)
    text = replaced(played)
    assert HANDOVER in text
    assert "- completed: look\n- in_progress: greet" in text
    assert " M src/app.py\n?? note.txt\n" in text
    assert "src/app.py | 2 +-" in text
    assert "first-result" in text
    assert "line 000001 of a long output" in text
    assert "line 002000 of a long output" in text
    assert tokens([message("user", text)]) < WINDOW / 4


def test_what_was_sent_changes_only_at_the_compaction(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play(plays=GROWS, window=WINDOW)
    work(played, box, journal, log)
    sent = inputs(played)
    grown = [
        json.dumps(after).startswith(json.dumps(before)[:-1]) for before, after in itertools.pairwise(sent)
    ]
    assert grown == [
        True,
        True,
        True,
        False,
        True,
    ]  # the request for the handover goes on from what was there
    bodies = [json.loads(body) for body in played.server.bodies]
    assert {json.dumps(body["tools"]) for body in bodies} == {json.dumps(bodies[0]["tools"])}
    assert [body.get("tool_choice") for body in bodies] == [None, None, None, "none", None, None]


def test_a_history_that_was_just_replaced_is_not_replaced_again_before_it_grows() -> None:
    history = History([message("user", "x" * 4 * 900)], Usage())
    assert history.is_nearly_full(1000)
    history.replace(2, history.items, Usage())
    assert not history.is_nearly_full(1000)
    history.add_results([message("user", "y" * 4 * 200)])
    assert history.is_nearly_full(1000)


def test_without_a_known_window_a_history_is_never_full() -> None:
    assert not History([message("user", "x" * 10_000_000)], Usage()).is_nearly_full(0)


def test_the_servers_own_count_is_believed_and_what_came_since_is_added() -> None:
    history = History([message("user", "short")], Usage())
    history.add_reply(Reply((), (), "", Usage(input_tokens=int(10_000 * FULL_SHARE) - 100, output_tokens=50)))
    assert not history.is_nearly_full(10_000)
    history.add_results([message("user", "x" * 4 * 60)])
    assert history.is_nearly_full(10_000)


def test_an_image_counts_as_an_image_and_not_as_its_bytes() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 1_000_000}
    shown = {"type": "function_call_output", "call_id": "c", "output": [image]}
    assert IMAGE_TOKENS < tokens([shown]) < IMAGE_TOKENS + 100


def test_without_a_handover_the_calls_are_listed(play: Play, box: Box, journal: Journal, log: Log) -> None:
    """The server refuses the handover as well: the model is not asked a second time for it."""
    story = forgetful(
        [[Shell("echo first-result")], [Patch(PATCH)], [Shell(LONG)]],
        [[DONE]],
        Fault("status", 400, '{"error": {"code": "context_length_exceeded", "message": "no"}}', times=FOREVER),
    )  # fmt: skip
    played = play(plays=story, refuses_above=12_000)
    assert work(played, box, journal, log).title == "Say hello"
    text = replaced(played)
    assert '- {"command": "echo first-result"}' not in text
    assert 'shell {"command": "echo first-result"} → Exit code: 0' in text
    assert 'apply_patch {"input": "*** Begin Patch' in text
    assert sum(HANDOVER_REQUEST in body.decode() for body in played.server.bodies) == 1
    assert any("wrote no handover" in said for kind, said in log.lines if kind == "error")


def test_after_an_overflow_the_handover_is_asked_for_with_what_could_still_be_read(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    steps = [[Shell(f"echo step-{n}; {LONG}")] for n in range(4)]
    played = play(plays=forgetful(steps, [[Patch(PATCH)], [DONE]]), refuses_above=35_000)
    assert work(played, box, journal, log).title == "Say hello"
    *answered, refused, asked, _, _ = inputs(played)
    assert asked == [*answered[-1], message("user", HANDOVER_REQUEST)]
    assert len(refused) > len(asked)
    assert "step-2; seq" in replaced(played)  # what it was not shown any more is among the last results
    assert "line 002000" in replaced(played)


def test_an_overflow_right_after_a_compaction_is_a_named_failure(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    overflow = Fault(
        "status", 400, '{"error": {"code": "context_length_exceeded", "message": "no"}}', times=FOREVER
    )
    played = play(plays=forgetful([[Patch(PATCH)], [overflow]], [[overflow]]))  # fmt: skip
    with pytest.raises(ContextOverflow, match="does not fit in the model's context window"):
        work(played, box, journal, log)
    assert played.server.count == 4  # the patch, the overflow, the handover, the overflow
    assert journal.kept
    assert box.run("python3 src/app.py").text() == "hello\n"
    with pytest.raises(ContextOverflow):  # and its successor knows that it was done before
        work(played, box, journal, log)
    assert played.server.count == 5


def test_a_task_that_is_killed_around_a_compaction_goes_on_with_the_same_history(
    play: Play, boxes: Boxes, log: Log
) -> None:
    undisturbed = play(plays=GROWS, window=WINDOW)
    expected = work(undisturbed, boxes(), Journal(), log)
    for writes in range(7, 14):
        journal = Journal(dies_after=writes)
        played = play(plays=GROWS, window=WINDOW)
        with pytest.raises(Killed):
            work(played, boxes(), journal, log)
        journal.dies_after = 0
        box = boxes()
        solution = work(played, box, journal, log)
        assert played.server.count == undisturbed.server.count, f"asked for twice, killed after {writes}"
        assert (solution.title, solution.usage.turns) == (expected.title, expected.usage.turns)
        assert solution.usage.dollars == pytest.approx(expected.usage.dollars, rel=0.05)
        assert box.run("python3 src/app.py; ls").text() == "hello\nold.txt\nrun.sh\nsrc\n"
        for before, after in itertools.pairwise(inputs(played)):
            grown = json.dumps(after).startswith(json.dumps(before)[:-1])
            assert grown or after[:4] == [*before[:3], message("user", replaced(played))]


def test_redis_holds_a_compaction_for_the_next_worker(ledger: Ledger) -> None:
    ledger.open(TASK, delivery="d-1", thread="acme/shop#7:fix")
    memory = LedgerJournal(ledger.redis, TASK.id, claimed(ledger))
    memory.write_reply(1, [], Usage())
    memory.write_compaction(2, [message("user", "„shorter“")], Usage(input_tokens=5))
    assert memory.compactions() == {2: Journalled((message("user", "„shorter“"),), Usage(input_tokens=5))}
    assert [entry.turn for entry in memory.turns()] == [1]


def claimed(ledger: Ledger) -> Claim:
    claim = ledger.claim(TASK.id, "one")
    assert claim is not None
    return claim
