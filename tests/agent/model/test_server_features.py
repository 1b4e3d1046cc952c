"""Unsupported features: learnt from a real server's rejections, left out of requests, and stored in Redis."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dayhand.agent.model.base import Item
from dayhand.agent.model.feature_store import RedisFeatureStore
from dayhand.agent.model.items import message
from dayhand.agent.model.server_features import IMAGE_PLACEHOLDER, ModelRequest, ServerFeatures
from dayhand.errors import ModelError
from dayhand.ledger import keys
from dayhand.ledger.ledger import Ledger
from dayhand.scripted_model.chat_format import completion_for
from dayhand.scripted_model.moves import FOREVER, Fault, Say
from dayhand.scripted_model.responses_format import items_for, response_for
from tests.agent.conftest import ListenerRecorder, Play, Played

CUSTOM: Item = {"type": "custom", "name": "apply_patch", "description": "patches", "format": {"type": "text"}}
SHELL: Item = {"type": "function", "name": "shell", "parameters": {"type": "object", "properties": {}}}
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
SEEN: list[Item] = [
    message("user", "look"),
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
    {"type": "function_call", "call_id": "c", "name": "view_image", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": [PICTURE]},
]


HELLO = response_for(items_for([Say("hello")], turn=0, custom=False), sent=4)
ANSWERS = {"/v1/responses": HELLO, "/v1/chat/completions": completion_for(HELLO)}


def refusal(said: str, status: int = 400, times: float = 1) -> Fault:
    return Fault("status", status, json.dumps({"error": {"message": said}}), times=times)


def ask(played: Played, recorder: ListenerRecorder) -> None:
    played.model.reply(SEEN, (SHELL, CUSTOM), cache_key="task-1", listener=recorder.listener)


def bodies(played: Played) -> list[dict[str, Any]]:
    return [json.loads(body) for body in played.server.bodies]


@pytest.mark.parametrize(
    ("said", "lacking"),
    [
        ("image input is not supported - hint: you may need to provide the mmproj", "images"),
        ("Unknown parameter: 'include'", "encrypted reasoning"),
        ("Unrecognized request argument: prompt_cache_key", "prompt_cache_key"),
        ("parallel tool calls are not supported", "parallel tool calls"),
        ("input[1]: unknown item type 'reasoning'", "reasoning items"),
        ("item['content'] is not an array", "reasoning items"),
        ("streaming is not available", "streaming"),
        ("extra field: store", "store"),
    ],
)
def test_a_rejected_feature_is_left_out_and_stored_for_every_worker(
    play: Play, recorder: ListenerRecorder, ledger: Ledger, said: str, lacking: str
) -> None:
    store = RedisFeatureStore(ledger.redis, "http://here/v1", "test-model")
    first = play([refusal(said), Say("done")], feature_store=store)
    ask(first, recorder)
    assert (first.server.count, first.clock.slept, recorder.faults) == (2, [], [])
    assert store.recall() == {lacking}
    second = play(
        [Say("done")], feature_store=RedisFeatureStore(ledger.redis, "http://here/v1", "test-model")
    )
    ask(second, recorder)
    assert bodies(second) == bodies(first)[1:], "another worker asks at once as the first one learnt to"


def test_what_was_learnt_is_forgotten_after_a_day_and_never_held_against_another_model(
    ledger: Ledger,
) -> None:
    RedisFeatureStore(ledger.redis, "http://here/v1", "small").learn(["images"])
    assert 23 * 3600 < ledger.redis.ttl(keys.missing_features("http://here/v1", "small")) <= 24 * 3600
    assert RedisFeatureStore(ledger.redis, "http://here/v1", "large").recall() == frozenset()
    assert RedisFeatureStore(ledger.redis, "http://there/v1", "small").recall() == frozenset()


def test_nothing_is_stored_if_leaving_the_feature_out_does_not_help(
    play: Play, recorder: ListenerRecorder, ledger: Ledger
) -> None:
    store = RedisFeatureStore(ledger.redis, "http://here/v1", "test-model")
    played = play([refusal("tools[0].parameters is no schema", times=FOREVER)], feature_store=store)
    with pytest.raises(ModelError, match="is no schema"):
        ask(played, recorder)
    assert store.recall() == frozenset()


@pytest.mark.parametrize(
    ("said", "lacking"),
    [
        ("The image data you provided does not represent a valid image.", frozenset()),
        ("Failed to load image or audio file", frozenset()),
        ("invalid_image_format", frozenset()),
        ("image input is not supported", {"images"}),
    ],
)
def test_one_bad_image_is_left_out_and_not_stored_for_the_server(
    play: Play, recorder: ListenerRecorder, ledger: Ledger, said: str, lacking: frozenset[str]
) -> None:
    store = RedisFeatureStore(ledger.redis, "http://here/v1", "test-model")
    played = play([refusal(said), Say("done")], feature_store=store)
    ask(played, recorder)
    assert bodies(played)[1]["input"][-1]["output"] == IMAGE_PLACEHOLDER
    assert store.recall() == lacking


@pytest.mark.parametrize(
    "said",
    ["Invalid value: 'custom'. Supported values are: 'function'.", "'type' of tool must be 'function'"],
)
def test_a_server_that_refuses_custom_tools_gets_functions_and_a_history_of_functions(said: str) -> None:
    features = ServerFeatures(custom_tools=True)
    called: list[Item] = [
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "apply_patch", "input": "*** é"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "Done"},
    ]
    request = ModelRequest({"input": called, "tools": [CUSTOM]})
    assert features.adapt(request) == request
    assert features.learn_from(said, request)
    plain = features.adapt(request).body
    assert [tool["type"] for tool in plain["tools"]] == ["function"]
    assert plain["input"] == [
        {"type": "function_call", "call_id": "c", "name": "apply_patch", "arguments": '{"input": "*** é"}'},
        {"type": "function_call_output", "call_id": "c", "output": "Done"},
    ]


@pytest.mark.parametrize("endpoint", ["/v1/responses", "/v1/chat/completions"])
def test_the_tools_never_change_while_a_server_repeats_none_of_them(
    play: Play, recorder: ListenerRecorder, endpoint: str
) -> None:
    played = play([Fault("nonsense", body=json.dumps(ANSWERS[endpoint])), Say("hello")])
    played.server.endpoint = endpoint
    ask(played, recorder)
    ask(played, recorder)
    first, second = bodies(played)
    assert first["tools"] == second["tools"]


def test_a_call_that_is_not_json_does_not_make_every_later_request_fail(
    play: Play, recorder: ListenerRecorder
) -> None:
    said = "Failed to parse tool call arguments as JSON: [json.exception.parse_error.101] parse error"
    played = play([refusal(said, 500), Say("done")])
    cut: Item = {"type": "function_call", "call_id": "c", "name": "shell", "arguments": '{"command": "l'}
    fine = {**cut, "arguments": '{"command": "ls"}'}
    played.model.reply([cut, fine], (SHELL,), cache_key="task-1", listener=recorder.listener)
    refused, taken = bodies(played)
    assert refused["input"] == [cut, fine]
    assert json.loads(taken["input"][0]["arguments"]) == {"malformed": '{"command": "l'}
    assert taken["input"][1] == fine
    assert recorder.faults == []


def test_a_server_that_only_failed_is_asked_again_as_it_was(play: Play, recorder: ListenerRecorder) -> None:
    played = play([refusal("an image of the disk could not be read", 500), Say("done")])
    ask(played, recorder)
    assert bodies(played)[0] == bodies(played)[1]
    assert len(recorder.faults) == 1


def test_a_model_that_cannot_see_images_gets_a_placeholder(play: Play, recorder: ListenerRecorder) -> None:
    played = play([refusal("this model has no vision"), Say("done")])
    assert played.model.supports_images, "tried until it is refused"
    ask(played, recorder)
    assert not played.model.supports_images
    refused, taken = bodies(played)
    assert refused["input"][-1]["output"] == [PICTURE]
    assert taken["input"][-1]["output"] == IMAGE_PLACEHOLDER


def test_a_server_that_does_not_know_tool_choice_is_asked_in_words_alone(
    play: Play, recorder: ListenerRecorder
) -> None:
    played = play([refusal("unsupported: tool_choice"), Say("done")])
    played.model.reply(SEEN, (SHELL,), cache_key="task-1", listener=recorder.listener, tool_choice="shell")
    refused, taken = bodies(played)
    assert refused["tool_choice"] == {"type": "function", "name": "shell"}
    assert "tool_choice" not in taken


def test_several_unsupported_features_are_learnt_one_after_the_other(
    play: Play, recorder: ListenerRecorder
) -> None:
    played = play([refusal("no parallel calls"), refusal("unknown field include", 422), Say("done")])
    ask(played, recorder)
    last = bodies(played)[-1]
    assert not {"parallel_tool_calls", "include"} & last.keys()
    assert "prompt_cache_key" in last
