"""The client of the Responses API against a real server that fails in every way that we know of."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dayhand.agent.model.base import Item, Reply
from dayhand.agent.model.items import message
from dayhand.agent.model.responses import read_events
from dayhand.agent.model.retry import ModelFault, RetryPolicy
from dayhand.errors import ModelError, TaskStopped
from dayhand.scripted_model.moves import FOREVER, Fault, Patch, Say, Shell, ToolCall
from dayhand.scripted_model.responses_format import items_for, response_for
from tests.agent.conftest import ListenerRecorder, Play, Played

ITEMS = [message("system", "constant"), message("user", "do it")]
CUSTOM: Item = {"type": "custom", "name": "apply_patch", "description": "patches", "format": {"type": "text"}}


def ask(played: Played, recorder: ListenerRecorder, tools: tuple[Item, ...] = (CUSTOM,)) -> Reply:
    return played.model.reply(ITEMS, tools, cache_key="task-1", listener=recorder.listener)


def error_body(message: str, code: str | None = None) -> str:
    return json.dumps({"error": {"message": message, "code": code, "type": None}})


def test_reads_words_calls_and_usage_of_a_streamed_reply(play: Play, recorder: ListenerRecorder) -> None:
    played = play([Say("I look\nfirst."), Shell("ls"), Patch("*** Begin Patch")])
    reply = ask(played, recorder)
    assert recorder.words == ["I look\n", "first."]
    assert reply.text == "I look\nfirst."
    assert [(call.name, call.custom) for call in reply.calls] == [("shell", False), ("apply_patch", True)]
    assert json.loads(reply.calls[0].arguments) == {"command": "ls"}
    assert reply.usage.input_tokens == len(played.server.bodies[0]) // 4
    assert reply.usage.dollars == pytest.approx(
        (reply.usage.input_tokens * 2 + reply.usage.output_tokens * 10) / 1e6
    )
    assert reply.usage.scripted


def test_asks_statelessly_with_the_items_as_they_are(play: Play, recorder: ListenerRecorder) -> None:
    played = play([Say("hello")])
    ask(played, recorder)
    body = json.loads(played.server.bodies[0])
    assert body["input"] == ITEMS
    assert body["store"] is False
    assert body["stream"] is True
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["prompt_cache_key"] == "task-1"
    assert body["parallel_tool_calls"] is True
    assert body["tools"] == [CUSTOM]


RECOVERED = [
    pytest.param(
        Fault("status", 429, error_body("slow"), {"Retry-After": "2"}), [2.0], id="429 with Retry-After"
    ),
    pytest.param(
        Fault("status", 429, error_body("slow"), {"Retry-After": "1"}, times=3),
        [1.0] * 3,
        id="429 three times",
    ),
    pytest.param(
        Fault("status", 429, error_body("slow"), {"Retry-After-Ms": "250"}),
        [0.25],
        id="429 with milliseconds",
    ),
    pytest.param(
        Fault("status", 429, error_body("slow"), {"Retry-After": "Fri, 15 Jan 2027 08:00:07 GMT"}),
        [7.0],
        id="429 with a date",
    ),
    pytest.param(Fault("status", 429, error_body("Please try again in 1m2.5s.")), [62.5], id="429 in words"),
    pytest.param(Fault("status", 429, error_body("slow"), times=3), [2.0, 4.0, 8.0], id="429 without a hint"),
    pytest.param(Fault("status", 500, "oops", times=4), [0.5, 1.0, 2.0, 4.0], id="500"),
    pytest.param(
        Fault("status", 503, error_body("busy"), {"Retry-After": "3"}), [3.0], id="503 with Retry-After"
    ),
    pytest.param(Fault("drop", times=2), [0.5, 1.0], id="closed in mid-answer"),
    pytest.param(Fault("nonsense", body="<html>"), [0.5], id="no JSON"),
    pytest.param(Fault("nonsense", body='{"output": 7}', times=2), [0.5, 1.0], id="no list of items"),
    pytest.param(
        Fault("nonsense", body='{"output": [{"type": "function_call"}]}'), [0.5], id="a call without a name"
    ),
    pytest.param(
        Fault("failed", body='{"code": "server_error", "message": "sorry"}'), [0.5], id="failed in the stream"
    ),
    pytest.param(
        Fault("failed", body='{"code": "rate_limit_exceeded", "message": "try again in 9s"}'),
        [9.0],
        id="rate limit in the stream",
    ),
]


@pytest.mark.parametrize(("fault", "slept"), RECOVERED)
def test_recovers_after_waiting_as_long_as_it_is_told(
    play: Play, recorder: ListenerRecorder, fault: Fault, slept: list[float]
) -> None:
    played = play([fault, Say("here")])
    assert ask(played, recorder).text == "here"
    assert sum(played.clock.slept) == pytest.approx(sum(slept))
    assert [fault.rsplit(" ", 2)[1] for fault in recorder.faults] == [f"{seconds:.0f}" for seconds in slept]
    assert "Retrying in" in recorder.faults[0]


@pytest.mark.timeout(10)
def test_recovers_from_a_stream_that_stalls(play: Play, recorder: ListenerRecorder) -> None:
    played = play(
        [Fault("stall"), Say("here")], retry_policy=RetryPolicy(idle_timeout=0.3, jitter=lambda: 0.5)
    )
    assert ask(played, recorder).text == "here"
    assert "stopped responding" in recorder.faults[0]


GIVEN_UP = [
    pytest.param(
        Fault("status", 429, error_body("You exceeded your current quota", "insufficient_quota"), times=FOREVER),
        1, "no credit left", "Add credit", id="insufficient quota",
    ),
    pytest.param(
        Fault("failed", body='{"code": "insufficient_quota", "message": "quota"}', times=FOREVER),
        1, "no credit left", "Add credit", id="insufficient quota in the stream",
    ),
    pytest.param(
        Fault("status", 401, error_body("Incorrect API key provided: sk-test-123", "invalid_api_key"), times=FOREVER),
        1, "rejected the API key (401): Incorrect API key provided: (key)", "OPENAI_API_KEY", id="wrong key",
    ),
    pytest.param(
        Fault("status", 404, error_body("The model `test-model` does not exist", "model_not_found"), times=FOREVER),
        1, "test-model", "DAYHAND_MODEL", id="no such model",
    ),
    pytest.param(
        Fault("status", 400, error_body("too long", "context_length_exceeded"), times=FOREVER),
        1, "does not fit in the model's context window", "smaller step", id="context overflow",
    ),
    *(
        pytest.param(Fault("status", 400, error_body(said, code), times=FOREVER), 1, "does not fit", "", id=who)
        for who, said, code in (
            ("vLLM's", "This model's maximum context length is 4096 tokens. However, you requested 5000", "BadRequestError"),
            ("llama.cpp's", "the request exceeds the available context size, try increasing it", "exceed_context_size_error"),
            ("LiteLLM's", "litellm.ContextWindowExceededError: too many", ""),
            ("without a code", "Your input exceeds the context window of this model.", ""),
        )
    ),
    pytest.param(
        Fault("status", 400, json.dumps({"error": {"code": 400, "message": "9031 tokens", "type": "exceed_context_size_error"}}), times=FOREVER),
        1, "does not fit in the model's context window: 9031", "smaller step", id="context overflow, as llama.cpp says it",
    ),
    pytest.param(
        Fault("status", 400, error_body("bad thing"), times=FOREVER), 1, "(400): bad thing", "", id="bad request",
    ),
    pytest.param(
        Fault("status", 429, error_body("slow"), {"Retry-After": "4000"}, times=FOREVER),
        1, "Waiting 4000 s more", "rate limit of the model service", id="a wait too long",
    ),
    pytest.param(Fault("status", 429, error_body("slow"), times=FOREVER), 19, "slow down", "limit", id="429 for ever"),
    pytest.param(Fault("status", 500, "x", times=FOREVER), 10, "10 times in a row", "is up", id="500 for ever"),
    pytest.param(Fault("drop", times=FOREVER), 10, "broke: peer closed", "is up", id="drops for ever"),
    pytest.param(
        Fault("nonsense", body="[1]", times=FOREVER), 3, "JSON that is not an object", "Responses format", id="nonsense",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "asked", "what", "advice"), GIVEN_UP)
def test_gives_up_with_the_reason_and_advice(
    play: Play, recorder: ListenerRecorder, fault: Fault, asked: int, what: str, advice: str
) -> None:
    played = play([fault])
    with pytest.raises(ModelError) as caught:
        ask(played, recorder)
    assert what in str(caught.value)
    assert advice in caught.value.advice
    assert played.server.count == asked
    assert sum(played.clock.slept) <= 900


def test_gives_up_on_a_server_that_is_not_there(play: Play, recorder: ListenerRecorder) -> None:
    played = play([Say("x")], retry_policy=RetryPolicy(max_attempts=2, jitter=lambda: 0.5))
    played.server.__exit__(None, None, None)
    with pytest.raises(ModelError, match="connection to the model server broke"):
        ask(played, recorder)


def test_a_plain_server_gets_a_patch_as_a_function_with_one_text(
    play: Play, recorder: ListenerRecorder
) -> None:
    refusal = Fault("status", 400, error_body("'type' of tool must be 'function'"))
    played = play([refusal, Patch("*** Begin Patch")])
    assert ask(played, recorder).calls[0].arguments == '{"input": "*** Begin Patch"}'


def test_an_empty_reply_differs_from_a_cut_one(play: Play, recorder: ListenerRecorder) -> None:
    played = play([Fault("empty"), Fault("cut"), ToolCall("frob", "{")])
    empty, cut, odd = ask(played, recorder), ask(played, recorder), ask(played, recorder)
    assert (empty.items, empty.truncated) == ((), False)
    assert (cut.text, cut.truncated) == ("and then I would", True)
    assert (odd.calls[0].name, odd.calls[0].arguments) == ("frob", "{")


def test_an_unknown_model_has_no_price(play: Play, recorder: ListenerRecorder) -> None:
    played = play([Say("x")])
    played.model._price = None
    assert ask(played, recorder).usage.dollars is None


def test_a_server_that_does_not_stream_is_understood_too(play: Play, recorder: ListenerRecorder) -> None:
    items = items_for([Say("all at once"), Shell("ls \ud83d")], turn=0, custom=False)
    played = play([Fault("nonsense", body=json.dumps(response_for(items, sent=400)))])
    reply = ask(played, recorder)
    assert recorder.words == ["all at once"]
    assert reply.calls[0].name == "shell"
    assert reply.usage.input_tokens == 100


@pytest.mark.parametrize("named", [True, False])
def test_a_stream_may_leave_its_items_out_of_the_last_event(named: bool) -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    events = [
        {"type": "response.output_item.done", "item": item},
        {"type": "response.completed", "response": {"output": [item] if named else []}},
    ]
    lines = [line for event in events for line in ("", f"data: {json.dumps(event)}", ": comment")]
    words: list[str] = []
    assert read_events(lines, words.append)["output"] == [item]
    assert words == ["a"]


def test_an_error_in_a_stream_may_be_no_event() -> None:
    said = {"error": {"code": 500, "message": "no slot is free", "type": "server_error"}}
    with pytest.raises(ModelFault, match=r"failed while replying \(server_error\): no slot is free"):
        read_events([f"data: {json.dumps(said)}"], print)


def test_a_stream_that_never_ends_is_left(play: Play, recorder: ListenerRecorder) -> None:
    played = play(
        [Say("\n" * 5)], retry_policy=RetryPolicy(reply_timeout=-1, max_attempts=2, jitter=lambda: 0.5)
    )
    with pytest.raises(ModelError, match="was not complete after"):
        ask(played, recorder)


def test_a_listener_may_end_a_long_wait(play: Play, recorder: ListenerRecorder) -> None:
    played = play([Fault("status", 429, error_body("slow"), {"Retry-After": "600"})])

    def stop() -> None:
        raise TaskStopped("ann stopped this task.")

    with pytest.raises(TaskStopped):
        played.model.reply(ITEMS, (), cache_key="k", listener=replace(recorder.listener, on_wait=stop))
    assert played.clock.slept == [5.0]
