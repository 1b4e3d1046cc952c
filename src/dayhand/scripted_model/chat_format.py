"""Reads requests and writes replies as Chat Completions, by way of the Responses format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def as_responses_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request as the Responses API would get it."""
    items: list[dict[str, Any]] = []
    for message in body.get("messages", ()):
        if message["role"] == "tool":
            output = {"type": "function_call_output", "call_id": message["tool_call_id"]}
            items.append({**output, "output": message["content"]})
            continue
        if message.get("content"):
            items.append({"type": "message", "role": message["role"], "content": message["content"]})
        elif message["role"] == "assistant":
            items.append({"type": "reasoning"})
        calls = message.get("tool_calls", ())
        items += [{"type": "function_call", "call_id": call["id"], **call["function"]} for call in calls]
    return {**body, "input": items}


def completion_for(response: Mapping[str, Any]) -> dict[str, Any]:
    """A whole completion with the items of a response."""
    message: dict[str, Any] = {"role": "assistant", "content": None}
    calls: list[dict[str, Any]] = []
    for item in response["output"]:
        if item["type"] == "message":
            (part,) = item["content"]
            if part["type"] == "refusal":
                message["refusal"] = part["refusal"]
            else:
                message["content"] = part["text"]
        else:
            function = {"name": item["name"], "arguments": item["arguments"]}
            calls.append(
                {"index": len(calls), "id": item["call_id"], "type": "function", "function": function}
            )
    if calls:
        message["tool_calls"] = calls
    ending = "length" if response["status"] == "incomplete" else "tool_calls" if calls else "stop"
    usage = response["usage"]
    return {
        "id": "chatcmpl_scripted",
        "object": "chat.completion",
        "created": 0,
        "model": response["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": ending, "logprobs": None}],
        "usage": {
            "prompt_tokens": usage["input_tokens"],
            "completion_tokens": usage["output_tokens"],
            "total_tokens": usage["total_tokens"],
            "prompt_tokens_details": usage["input_tokens_details"],
        },
    }


def chunks_for(completion: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The chunks of a streamed completion: text by lines, the arguments of calls in two pieces, usage at the end."""
    (choice,) = completion["choices"]
    message = choice["message"]
    head = {**completion, "object": "chat.completion.chunk", "usage": None}

    def chunk(delta: Mapping[str, Any], ending: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": dict(delta), "finish_reason": ending}]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in (message["content"] or "").splitlines(keepends=True):
        yield chunk({"content": piece})
    if "refusal" in message:
        yield chunk({"refusal": message["refusal"]})
    for call in message.get("tool_calls", ()):
        function = call["function"]
        half = len(function["arguments"]) // 2
        begun = {**function, "arguments": function["arguments"][:half]}
        rest = {"index": call["index"], "function": {"arguments": function["arguments"][half:]}}
        yield chunk({"tool_calls": [{**call, "function": begun}]})
        yield chunk({"tool_calls": [rest]})
    yield chunk({}, choice["finish_reason"])
    yield {**head, "choices": [], "usage": completion["usage"]}
