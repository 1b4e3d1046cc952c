"""The client against a real server, by both APIs, that fails in every way that we know of."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dayhand.agent.model.base import Item, Reply
from dayhand.agent.model.client import ModelClient
from dayhand.agent.model.feature_store import RedisFeatureStore
from dayhand.agent.model.items import as_function, message
from dayhand.agent.model.remote import Style
from dayhand.agent.model.retry import RetryPolicy
from dayhand.agent.model.server_features import ModelRequest, ServerFeatures
from dayhand.errors import ModelError, TaskStopped
from dayhand.ledger.ledger import Ledger
from dayhand.scripted_model.moves import FOREVER, Fault, Patch, Say, Shell, ToolCall
from dayhand.scripted_model.responses_format import items_for, response_for
from dayhand.scripted_model.server import CHAT
from tests.agent.conftest import ListenerRecorder, Play, Played, both_apis

ITEMS = [message("system", "constant"), message("user", "do it")]
CUSTOM: Item = {"type": "custom", "name": "apply_patch", "description": "patches", "format": {"type": "text"}}


def ask(played: Played, recorder: ListenerRecorder, tools: tuple[Item, ...] = (CUSTOM,)) -> Reply:
    return played.model.reply(ITEMS, tools, cache_key="task-1", listener=recorder.listener)


def error_body(message: str, code: str | None = None) -> str:
    return json.dumps({"error": {"message": message, "code": code, "type": None}})


@both_apis
def test_reads_words_calls_and_usage_of_a_streamed_reply(play: Play, recorder: ListenerRecorder) -> None:
    played = play([Say("I look\nfirst."), Shell("ls"), Patch("*** Begin Patch")])
    reply = ask(played, recorder)
    assert recorder.words == ["I look\n", "first."]
    assert reply.text == "I look\nfirst."
    assert [(call.name, call.custom) for call in reply.calls] == [("shell", False), ("apply_patch", False)]
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
    assert body["tools"] == [as_function(CUSTOM)]


@both_apis
def test_effort_and_verbosity_are_sent_and_left_out_where_they_are_refused(
    play: Play, recorder: ListenerRecorder
) -> None:
    refusals = [
        Fault("status", 400, error_body("Unsupported parameter: 'reasoning_effort' / 'reasoning.effort'")),
        Fault("status", 400, error_body("Unsupported parameter: 'text.verbosity'")),
    ]
    played = play([*refusals, Say("here")])
    played.model._style = Style("low", "high")
    reply = played.model.reply(ITEMS, (), cache_key="k", listener=recorder.listener, effort="high")
    assert reply.text == "here"
    first, second, third = (json.loads(body) for body in played.server.bodies)
    names = ("reasoning", "text", "reasoning_effort", "verbosity")
    assert [first[name] for name in names if name in first] in (
        [{"effort": "high"}, {"verbosity": "high"}],
        ["high", "high"],
    ), "the repository's effort wins"
    assert len([name for name in names if name in second]) == 1
    assert not set(names) & third.keys()
    assert recorder.faults == []


def test_only_openais_own_service_is_sent_custom_tools() -> None:
    """Others drop them without a word, which shows too late: the cached prompt begins with the tools."""
    addresses = (
        "",
        "https://api.openai.com/v1",
        "https://x.openai.azure.com/openai/v1",
        "http://127.0.0.1:1/v1",
    )
    clients = [ModelClient(address) for address in addresses]
    assert [client.is_openai for client in clients] == [True, True, True, False]
    sent = [
        ServerFeatures(custom_tools=client.is_openai).adapt(ModelRequest({"input": [], "tools": [CUSTOM]}))
        for client in clients
    ]
    assert [request.body["tools"][0]["type"] for request in sent] == [
        "custom",
        "custom",
        "custom",
        "function",
    ]


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


@both_apis
@pytest.mark.parametrize(("fault", "slept"), RECOVERED)
def test_recovers_after_waiting_as_long_as_it_is_told(
    play: Play, recorder: ListenerRecorder, fault: Fault, slept: list[float]
) -> None:
    played = play([fault, Say("here")])
    assert ask(played, recorder).text == "here"
    assert sum(played.clock.slept) == pytest.approx(sum(slept), abs=1e-6)
    assert [fault.rsplit(" ", 2)[1] for fault in recorder.faults] == [f"{seconds:.0f}" for seconds in slept]
    assert "Retrying in" in recorder.faults[0]


@pytest.mark.timeout(120)
def test_recovers_from_a_stream_that_stalls(play: Play, recorder: ListenerRecorder) -> None:
    played = play(
        [Fault("stall"), Say("here")], retry_policy=RetryPolicy(idle_timeout=1.0, jitter=lambda: 0.5)
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
        Fault("nonsense", body="[1]", times=FOREVER), 3, "JSON that is not an object", "OPENAI_BASE_URL", id="nonsense",
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
    played = play([Say("x")], retry_policy=RetryPolicy(max_connects=2, jitter=lambda: 0.5))
    played.server.__exit__(None, None, None)
    with pytest.raises(
        ModelError, match=r"no connection to the model server at 127\.0\.0\.1:\d+: .* 2 times"
    ):
        ask(played, recorder)


def test_the_api_that_a_server_has_is_found_once_and_stored(
    play: Play, recorder: ListenerRecorder, ledger: Ledger
) -> None:
    """A missing endpoint is no fault: the other one is asked at once, and by every worker from then on."""
    store = RedisFeatureStore(ledger.redis, "http://here/v1", "test-model")
    played = play([Say("here")], feature_store=store)
    played.server.endpoint = CHAT
    assert ask(played, recorder).text == "here"
    assert store.recall() == {"the Responses API"}
    assert (recorder.faults, played.clock.slept) == ([], [])
    again = play([Say("here")], feature_store=store)
    again.server.endpoint = CHAT
    assert ask(again, recorder).text == "here"
    assert (played.server.refused, again.server.refused) == (1, 0)
    again.server.endpoint = "/v1/responses"  # it was updated
    assert ask(again, recorder).text == "here"


@pytest.mark.parametrize("said", ["404", "405", "501", "400"])
def test_a_server_with_neither_api_is_named_with_what_to_do(
    play: Play, recorder: ListenerRecorder, said: str
) -> None:
    required = error_body("'messages' is required")
    played = play([Fault("status", int(said), required, times=FOREVER)])
    played.server.endpoint = ""
    with pytest.raises(ModelError) as caught:
        ask(played, recorder)
    assert "offers neither /responses (4" in str(caught.value)
    assert "nor /chat/completions (4" in str(caught.value)
    assert "run a LiteLLM proxy" in caught.value.advice
    assert played.clock.slept == []


@both_apis
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
    assert played.clock.slept == [1.0]
