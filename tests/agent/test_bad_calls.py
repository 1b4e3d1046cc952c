"""Absurd replies: each is explained to the model or ends as a named failure, at little cost."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from dayhand.agent.model import prices
from dayhand.agent.model.base import Call
from dayhand.agent.model.items import ParagraphWriter
from dayhand.agent.tools.apply_patch import PatchError, parse
from dayhand.agent.tools.call_parser import InvalidCall, parse_call
from dayhand.errors import ModelError, SettingsError
from dayhand.sandbox.base import Box
from dayhand.scripted_model.moves import Fault, Finish, Move, Patch, Say, Shell, ToolCall
from dayhand.scripted_model.responses_format import items_for, response_for
from dayhand.task import Solution
from tests.agent.conftest import Journal, ListenerRecorder, Log, Play
from tests.agent.test_loop import DONE, PATCH, work

DIGITS = "9" * 5_000  # more than Python makes a number of
DEEP = "[" * 50_000 + "]" * 50_000


def finish(**fields: object) -> str:
    return json.dumps({"title": "T", "summary": "A", **fields})


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("shell", DIGITS, "cannot be read"),
        ("shell", f'{{"command": {DEEP}}}', "cannot be read"),
        ("finish", f'{{"title": "T", "summary": "A", "citations": [{{"path": "a", "line": {DIGITS}}}]}}', "cannot be read"),
        ("finish", finish(citations=[{"path": "a", "line": DIGITS, "quote": "x"}]), "citation 1 must be"),
        ("finish", finish(citations=[{"path": "a", "line": 10**30, "quote": "x"}]), "citation 1 must be"),
        ("finish", finish(citations=[{"path": "a", "line": -1, "quote": "x"}]), "citation 1 must be"),
        ("finish", finish(citations=[{"path": "a", "line": 1, "quote": "x"}] * 51), "more than 50 “citations”"),
        ("finish", finish(questions=["?"] * 21), "more than 20 “questions”"),
        ("finish", finish(summary="a" * 18_001), "“summary” has 18001 characters; the limit is 18000"),
        ("finish", finish(title="\u200b\u2066\x00"), "“title” must be a string of one line"),
        ("session", json.dumps({"session_id": DIGITS}), "“session_id” must be the number"),
        ("shell", '{"command": "ls", "timeout_ms": NaN}', "“timeout_ms” must be a number"),
    ],
)  # fmt: skip
def test_absurd_arguments_are_invalid(name: str, arguments: str, words: str) -> None:
    with pytest.raises(InvalidCall, match=words):
        parse_call(Call("c", name, arguments))


def test_a_title_keeps_what_a_reader_sees() -> None:
    request = parse_call(Call("c", "finish", finish(title="Mend \u202eit\x00 for 家 🙂\x1b")))
    assert isinstance(request, Solution)
    assert request.title == "Mend it for 家 🙂"


@pytest.mark.parametrize("milliseconds", ["1" + "0" * 400, "Infinity", "1e999"])
def test_an_endless_time_limit_is_the_longest(milliseconds: str) -> None:
    request = parse_call(Call("c", "shell", f'{{"command": "ls", "timeout_ms": {milliseconds}}}'))
    assert request.seconds == 900  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["shéll", "壳", "shell\u200b", "s" * 1_000_000, "../shell", "shell\x00"])
def test_a_tool_with_a_strange_name_is_unknown(
    play: Play, box: Box, journal: Journal, log: Log, name: str
) -> None:
    played = play([ToolCall(name, "{}")], [Patch(PATCH)], [DONE])
    assert work(played, box, journal, log).title == "Say hello"
    (told,) = [text for kind, text in log.lines if "There is no tool" in text]
    assert len(told) < 500


def test_two_hundred_calls_in_one_reply_are_done_in_their_order(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    calls: list[Move] = [Shell(f"echo {n} >> order") for n in range(40)]
    calls += [
        ToolCall("update_plan", json.dumps({"plan": [{"step": f"{n}", "status": "pending"}]}))
        for n in range(160)
    ]
    played = play(calls, [Patch(PATCH)], [DONE])
    work(played, box, journal, log)
    assert box.run("cat order").text().split() == [str(n) for n in range(40)]
    items = json.loads(played.server.bodies[1])["input"]
    made = [item["call_id"] for item in items if item["type"] == "function_call"]
    assert [item["call_id"] for item in items if item["type"] == "function_call_output"] == made
    assert len(made) == 200
    assert [name for name, _ in journal.written].count("checkpoint") == 2, "one for each reply that wrote"


def test_the_same_call_many_times_in_one_reply_is_a_repetition(
    play: Play, box: Box, journal: Journal, log: Log
) -> None:
    played = play([Shell("ls")] * 12)
    with pytest.raises(ModelError, match="its call to shell worked in the same way 8 times"):
        work(played, box, journal, log)


def test_megabytes_of_text_are_logged_in_pieces(play: Play, box: Box, journal: Journal, log: Log) -> None:
    played = play([Say(f"{'word ' * 20}\n" * 30_000), Patch(PATCH)], [DONE])
    began = time.process_time()
    assert work(played, box, journal, log).title == "Say hello"
    assert time.process_time() - began < 20, "it was minutes for the first megabyte"
    assert max(len(text) for kind, text in log.lines if kind == "model") <= 8_100
    assert "".join(text for kind, text in log.lines if kind == "model").count("word") == 600_000


def test_text_without_line_ends_is_logged_in_pieces_too() -> None:
    told: list[str] = []
    words = ParagraphWriter(told.append)
    for _ in range(1_000):
        words.feed("x" * 99)
    words.flush()
    assert sum(map(len, told)) == 99_000
    assert max(map(len, told)) < 8_200


def test_deeply_nested_json_is_an_invalid_reply(play: Play, recorder: ListenerRecorder) -> None:
    played = play([Fault("nonsense", body=f'{{"output": {DEEP}}}', times=99)])
    with pytest.raises(ModelError, match="invalid JSON"):
        played.model.reply([], [], cache_key="k", listener=recorder.listener)


def answering(usage: object, **fields: object) -> Fault:
    """A whole response with this usage; None: without any."""
    items = items_for([Say("hm")], turn=0, custom=False)
    response: dict[str, Any] = {**response_for(items, sent=4_000), **fields, "usage": usage}
    return Fault(
        "nonsense", body=json.dumps({k: v for k, v in response.items() if k != "usage" or v is not None})
    )


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        {},
        {"prompt_tokens": 5, "completion_tokens": 5},
        {"input_tokens": -5, "output_tokens": 5},
        {"input_tokens": 10**30, "output_tokens": 5},
        {"input_tokens": True, "output_tokens": True},
        {"input_tokens": "1000", "output_tokens": 5},
    ],
)
def test_an_impossible_usage_counts_as_unknown_and_no_price_is_guessed(
    play: Play, recorder: ListenerRecorder, usage: object
) -> None:
    played = play([answering(usage)])
    reply = played.model.reply([], [], cache_key="k", listener=recorder.listener)
    assert (reply.usage.input_tokens, reply.usage.dollars) == (0, None)


def test_no_more_can_be_cached_than_was_read(play: Play, recorder: ListenerRecorder) -> None:
    details = {"cached_tokens": 5_000, "cache_write_tokens": 2_000}
    played = play([answering({"input_tokens": 1_000, "output_tokens": 0, "input_tokens_details": details})])
    reply = played.model.reply([], [], cache_key="k", listener=recorder.listener)
    assert reply.usage.dollars == pytest.approx(1_000 * 2 / 1e6)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_nan_and_infinity_do_not_stop_the_next_request(
    play: Play, box: Box, journal: Journal, log: Log, number: str
) -> None:
    items = items_for([Patch(PATCH)], turn=0, custom=True)
    strange = json.dumps(response_for([{**items[0], "score": 12.5}], sent=40)).replace("12.5", number)
    played = play([Fault("nonsense", body=strange)], [DONE])
    assert work(played, box, journal, log).title == "Say hello"


@pytest.mark.parametrize("price", ["-1", "nan", "inf", "true", '"1"'])
def test_an_impossible_price_is_refused(tmp_path: Any, price: str) -> None:
    own = tmp_path / "prices.toml"
    own.write_text(f"[m]\ninput = {price}\noutput = 1\n")
    with pytest.raises(SettingsError, match="input must be a finite number"):
        prices.load(own)


@pytest.mark.parametrize("path", [".git/config", ".GIT/hooks/pre-commit", "a/.git/config", "./.git/x"])
def test_gits_own_files_cannot_be_patched(
    play: Play, box: Box, journal: Journal, log: Log, path: str
) -> None:
    bad = Patch(f"*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch")
    work(play([bad], [Patch(PATCH)], [DONE]), box, journal, log)
    assert any("belongs to git and cannot be patched" in text for kind, text in log.lines if kind == "error")


def test_a_patch_of_thousands_of_files_is_refused_before_any_is_read() -> None:
    many = "".join(f"*** Delete File: f{n}\n" for n in range(301))
    with pytest.raises(PatchError, match="more than 300 files"):
        parse(f"*** Begin Patch\n{many}*** End Patch")


def test_finish_beside_other_calls_is_not_accepted(play: Play, box: Box, journal: Journal, log: Log) -> None:
    played = play([Patch(PATCH), DONE], [Finish("Say hello", "Done.")])
    assert work(played, box, journal, log).summary == "Done."
    assert "call it alone" in played.server.bodies[1].decode()
