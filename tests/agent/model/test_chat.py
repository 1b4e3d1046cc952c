"""How items become the messages of Chat Completions, and what of a reply must come back with the next request."""

from __future__ import annotations

import itertools
import json
from typing import Any

from dayhand.agent.model import chat, responses
from dayhand.agent.model.base import Item
from dayhand.agent.model.items import message, repaired
from dayhand.agent.tools.schema import TOOLS

PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
MESSAGE = {
    "role": "assistant",
    "content": "I look.",
    "reasoning_content": "Hm.",
    "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "shell", "arguments": "{}"}, "extra_content": {"google": {"thought_signature": "s"}}},
        {"id": "b", "type": "function", "function": {"name": "view_image", "arguments": "{}"}},
    ],
}  # fmt: skip


def body(items: list[Item], **fields: Any) -> dict[str, Any]:
    return {"model": "m", "stream": True, "stream_options": {"include_usage": True}, "parallel_tool_calls": True,
            "prompt_cache_key": "k", "store": False, "include": ["x"], "tools": [*TOOLS], "input": items, **fields}  # fmt: skip


def history() -> list[Item]:
    reply = chat.read_whole({"choices": [{"message": MESSAGE, "finish_reason": "tool_calls"}]}, print)
    return [
        message("system", "rules"),
        message("user", "do it"),
        *reply["output"],
        {"type": "function_call_output", "call_id": "a", "output": "out"},
        {"type": "function_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "a.png"}, PICTURE]},
        message("user", "You have 3 turns left."),
        {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "*** é"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "Done"},
    ]  # fmt: skip


def test_each_item_has_its_place_in_the_messages() -> None:
    sent = chat.encode(body(history(), tool_choice={"type": "function", "name": "finish"}))
    assert sent["messages"] == [
        {"role": "system", "content": "rules"},
        {"role": "user", "content": "do it"},
        MESSAGE,
        {"role": "tool", "tool_call_id": "a", "content": "out"},
        {"role": "tool", "tool_call_id": "b", "content": "a.png"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE["image_url"]}}]},
        {"role": "user", "content": "You have 3 turns left."},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "apply_patch", "arguments": '{"input": "*** é"}'}}]},
        {"role": "tool", "tool_call_id": "c", "content": "Done"},
    ]  # fmt: skip
    assert [tool["function"]["name"] for tool in sent["tools"]] == [tool["name"] for tool in TOOLS]
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "finish"}}
    assert sent["prompt_cache_key"] == "k"
    assert not {"store", "include", "input"} & sent.keys()


def test_each_request_begins_with_the_messages_of_the_one_before() -> None:
    items = history()
    cuts = [2, 6, 7, 9]  # before each request: an image comes between the outputs and the next reply
    sent = [json.dumps(chat.encode(body(items[:cut]))["messages"]) for cut in cuts]
    for before, after in itertools.pairwise(sent):
        assert after.startswith(before[:-1])


def test_effort_and_verbosity_have_their_own_names_and_servers_without_tools_get_no_rule_about_calls() -> (
    None
):
    sent = chat.encode(body([], tools=[], reasoning={"effort": "high"}, text={"verbosity": "low"}))
    assert (sent["reasoning_effort"], sent["verbosity"]) == ("high", "low")
    assert not {"tools", "parallel_tool_calls", "tool_choice"} & sent.keys()


def test_a_server_of_the_other_api_is_not_sent_what_only_this_one_can_read() -> None:
    sent = responses.encode(body(history()))
    assert "stream_options" not in sent
    assert "reasoning" not in [item["type"] for item in sent["input"]]
    assert "chat_fields" not in json.dumps(sent)


def test_calls_get_ids_of_their_own_and_arguments_as_text() -> None:
    earlier: list[Item] = [{"type": "function_call", "call_id": "call_0", "name": "shell", "arguments": "{}"}]
    reply: list[Item] = [
        {"type": "function_call", "call_id": "call_0", "name": "shell", "arguments": {"command": "ls"}},
        {"type": "function_call", "call_id": "", "name": "shell", "arguments": "{}"},
        {"type": "function_call", "name": "shell", "arguments": "{}"},
        {"type": "function_call", "call_id": "own", "name": "shell", "arguments": "{}"},
    ]
    calls = repaired(reply, earlier)
    assert len({call["call_id"] for call in [*earlier, *calls]}) == 5
    assert calls[3] is reply[3], "what is right stays as it came"
    assert calls[0]["arguments"] == '{"command": "ls"}'
    assert repaired(reply, earlier) == calls, "the same on another worker"
