"""Server-sent events in every form that gateways send them in, read by event and not by line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dayhand.agent.model import chat, responses
from dayhand.agent.model.events import read_events
from dayhand.agent.model.retry import ModelFault

ITEM = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a\u2028b"}]}
CALL = {"type": "function_call", "call_id": "c", "name": "shell", "arguments": "{}"}
RESPONSE = {"status": "completed", "output": [ITEM], "usage": {"input_tokens": 5}, "created_at": 1.5}
DONE_ITEM = json.dumps({"type": "response.output_item.done", "item": ITEM})
COMPLETED = json.dumps({"type": "response.completed", "response": RESPONSE}, ensure_ascii=False)
DELTA = json.dumps({"type": "response.output_text.delta", "delta": "a\u2028b"})
LATER = {**RESPONSE, "output": []}
SPREAD = "".join(f"data: {line}\n" for line in json.dumps(json.loads(COMPLETED), indent=1).splitlines())

FORMS = {
    "as it is written": f"event: response.completed\ndata: {COMPLETED}\n\n",
    "CRLF": f"event: response.completed\r\ndata: {COMPLETED}\r\n\r\n",
    "CR": f"event: response.completed\rdata: {COMPLETED}\r\r",
    "no space after the colon": f"data:{COMPLETED}\n\n",
    "a byte order mark": f"\ufeffdata: {DONE_ITEM}\n\ndata: {COMPLETED}\n\n",
    "comments": f": keep-alive\n\n:\n\n: OPENROUTER PROCESSING\n\ndata: {COMPLETED}\n\n",
    "ids and retry times": f"id: 1\nretry: 3000\nevent: response.completed\ndata: {COMPLETED}\n\n",
    "empty data": f"data: \n\ndata:\n\ndata\n\ndata: {COMPLETED}\n\n",
    "a ping that is not JSON": f"event: ping\ndata: ping\n\ndata: ping\n\ndata: {COMPLETED}\n\n",
    "a ping that is JSON": f'event: ping\ndata: {{"type": "ping"}}\n\ndata: {COMPLETED}\n\n',
    "one event over several lines": f"event: response.completed\n{SPREAD}\n",
    "the type on the event line only": f"event: response.completed\ndata: {json.dumps({'response': RESPONSE})}\n\n",
    "[DONE] after the end": f"data: {COMPLETED}\n\ndata: [DONE]\n\n",
    "[DONE] instead of the end": f"data: {DONE_ITEM}\n\ndata: [DONE]\n\n",
    "no empty line at the end": f"data: {COMPLETED}",
    "unknown events": f'data: {{"type": "response.frobnicate.delta", "delta": {{"a": 1}}}}\n\ndata: {COMPLETED}\n\n',
    "items left out of the last event": f"data: {DONE_ITEM}\n\ndata: {json.dumps({'type': 'response.completed', 'response': LATER})}\n\n",
    "only its text, and [DONE]": f"data: {DELTA}\n\ndata: [DONE]\n\n",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_a_stream_of_any_form_gives_its_response(form: str, size: int) -> None:
    raw, words = FORMS[form].encode(), []
    chunks = [raw[at : at + size] for at in range(0, len(raw), size)]
    response = responses.read_stream(read_events(chunks), words.append)
    (item,) = response["output"]
    assert item["content"][0]["text"] == "a\u2028b"
    assert "".join(words) == "a\u2028b" or form == "[DONE] instead of the end"


def test_a_stream_of_nothing_but_pieces_does_not_grow_with_the_square_of_its_length() -> None:
    chunks = [b"data: {", *([b'"k": 1, ' * 1000] * 2000), b'"type": "x"}\n\n']
    assert [event and event["type"] for event in read_events(chunks)] == ["x"]


BROKEN = {
    "cut off": (f"data: {DONE_ITEM}\n\n", "in the middle of its reply"),
    "cut off in an event": (f"data: {COMPLETED[:50]}", "invalid JSON"),
    "HTML": ("<html>\nPlease sign in\n</html>\n", "in the middle of its reply"),
    "without a response": ('data: {"type": "response.completed"}\n\n', "without a response"),
    "an error event": ('event: error\ndata: {"error": {"code": "server_error", "message": "no"}}\n\n', "(server_error): no"),
    "a failed response": ('data: {"type": "response.failed", "response": {"error": {"code": "x", "message": "no"}}}\n\n', "(x): no"),
    "an error without a type": ('data: {"error": {"code": 500, "message": "no slot", "type": "server_error"}}\n\n', "(server_error): no slot"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_stream_that_fails_says_why(raw: str, said: str) -> None:
    with pytest.raises(ModelFault) as caught:
        responses.read_stream(read_events([raw.encode()]), print)
    assert said in str(caught.value)


def test_a_stream_without_end_is_left() -> None:
    with pytest.raises(ModelFault, match="longer than 128 MiB"):
        for _ in read_events(b": x" * 1_000_000 for _ in range(60)):
            pass


def chunk(delta: dict[str, Any], ending: str | None = None, **fields: Any) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": ending}], **fields})


def call(arguments: object, **fields: Any) -> dict[str, Any]:
    name = fields.pop("name", None)
    return {**fields, "function": {"arguments": arguments, **({"name": name} if name else {})}}


LS = {"name": "shell", "arguments": '{"command": "ls"}'}
PWD = {"name": "shell", "arguments": '{"command": "pwd"}'}
HALVES = ('{"command":', ' "ls"}')
CHAT_FORMS: dict[str, tuple[list[str], list[dict[str, str]]]] = {
    "by index": (
        [chunk({"tool_calls": [call(HALVES[0], index=0, id="a", name="shell")]}), chunk({"tool_calls": [call(HALVES[1], index=0)]}),
         chunk({"tool_calls": [call('{"command": "pwd"}', index=1, id="b", name="shell")]})],
        [LS, PWD],
    ),
    "two at once": (
        [chunk({"tool_calls": [call('{"command": "ls"}', index=0, id="a", name="shell"), call('{"command": "pwd"}', index=1, id="b", name="shell")]})],
        [LS, PWD],
    ),
    "whole calls, all at index 0": (
        [chunk({"tool_calls": [call('{"command": "ls"}', index=0, id="a", name="shell")]}), chunk({"tool_calls": [call('{"command": "pwd"}', index=0, id="b", name="shell")]})],
        [LS, PWD],
    ),
    "no index": (
        [chunk({"tool_calls": [call(HALVES[0], id="a", name="shell")]}), chunk({"tool_calls": [call(HALVES[1])]}),
         chunk({"tool_calls": [call('{"command": "pwd"}', id="b", name="shell")]})],
        [LS, PWD],
    ),
    "no id": ([chunk({"tool_calls": [call('{"command": "ls"}', index=0, name="shell")]})], [LS]),
    "null arguments first": ([chunk({"tool_calls": [call(None, index=0, id="a", name="shell")]}), chunk({"tool_calls": [call('{"command": "ls"}', index=0)]})], [LS]),
    "an object": ([chunk({"tool_calls": [call({"command": "ls"}, index=0, id="a", name="shell")]})], [LS]),
    "the name again in each piece": (
        [chunk({"tool_calls": [call(HALVES[0], index=0, id="a", name="shell")]}), chunk({"tool_calls": [call(HALVES[1], index=0, id="a", name="shell")]})],
        [LS],
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", CHAT_FORMS)
@pytest.mark.parametrize("ending", ["done", "finish", "usage"])
def test_the_pieces_of_a_chat_completions_calls_are_put_together(form: str, ending: str) -> None:
    chunks, expected = CHAT_FORMS[form]
    last = {"done": [], "finish": [chunk({}, "tool_calls")], "usage": [chunk({}, "stop"), '{"choices": [], "usage": {"prompt_tokens": 7}}']}[ending]  # fmt: skip
    lines = [*chunks, *last, *(["[DONE]"] if ending != "finish" else [])]
    raw = "".join(f": ping\n\ndata: {line}\n\n" for line in lines).encode()
    response = chat.read_stream(read_events([raw]), print)
    calls = [{"name": item["name"], "arguments": item["arguments"]} for item in response["output"]]
    assert calls == expected
    assert response["usage"]["input_tokens"] == (7 if ending == "usage" else None)


def test_a_chat_completion_that_is_cut_or_fails_is_no_whole_one() -> None:
    begun = chunk({"content": "I would"})
    for lines, said in (
        ([begun], "in the middle of its reply"),
        ([begun, '{"error": {"code": "x", "message": "no"}}'], "(x): no"),
        ([begun, '{"error": {"message": "prompt is too long"}}'], "does not fit"),
    ):
        with pytest.raises(ModelFault) as caught:
            chat.read_stream(read_events([f"data: {line}\n\n".encode() for line in lines]), print)
        assert said in str(caught.value)
    cut = chunk({"tool_calls": [call('{"comm', index=0, id="a", name="shell")]}, "length")
    response = chat.read_stream(read_events([f"data: {cut}\n\n".encode()]), print)
    assert (response["status"], response["output"][0]["status"]) == ("incomplete", "incomplete")
    filtered = chat.read_stream(read_events([f"data: {chunk({}, 'content_filter')}\n\n".encode()]), print)
    assert filtered["incomplete_details"] == {"reason": "content_filter"}
