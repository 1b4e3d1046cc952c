"""Reads requests and writes moves in the Responses format, as far as the scripted model needs it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, assert_never

from dayhand.scripted_model.moves import (
    Fault,
    Finish,
    Move,
    Patch,
    Plan,
    Refuse,
    Say,
    ScriptState,
    Shell,
    ToolCall,
)
from dayhand.scripted_model.name import SCRIPTED_MODEL


def read_state(items: object, model: str = "") -> ScriptState:
    """Work out from a request's ``input`` which turn it is, and what was said and printed so far."""
    if isinstance(items, str):
        return ScriptState(0, (), (), items, model)
    turn = 0
    in_reply = False  # whether the previous item is part of a reply of ours
    prompt: list[str] = []
    new_text: list[str] = []
    outputs: list[str] = []
    all_outputs: list[str] = []
    for item in items if isinstance(items, list) else []:
        kind = item.get("type", "message")
        own = kind in ("function_call", "custom_tool_call", "reasoning") or item.get("role") == "assistant"
        if own and not in_reply:
            turn += 1
            outputs = []
            new_text = []
        in_reply = own
        if kind.endswith("_output"):
            outputs.append(_text(item.get("output")))
            all_outputs.append(_text(item.get("output")))
        elif not own:
            new_text.append(_text(item.get("content")))
            prompt += new_text[-1:] if turn == 0 else ()
    return ScriptState(
        turn, tuple(outputs), tuple(all_outputs), "\n".join(prompt), "\n".join(new_text), model
    )


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def items_for(moves: Sequence[Move], *, turn: int, custom: bool) -> list[dict[str, Any]]:
    """Turn moves into output items. ``custom``: whether ``apply_patch`` is a custom tool in this request."""
    items = []
    for n, move in enumerate(moves):
        number = f"{turn}_{n}"
        match move:
            case Say(text):
                items.append(_message(number, {"type": "output_text", "text": text, "annotations": []}))
            case Refuse(text):
                items.append(_message(number, {"type": "refusal", "refusal": text}))
            case Shell(command):
                items.append(_call(number, "shell", json.dumps({"command": command})))
            case Patch(text) if custom:
                items.append(
                    {
                        "type": "custom_tool_call",
                        "id": f"ctc_{number}",
                        "call_id": f"call_{number}",
                        "name": "apply_patch",
                        "input": text,
                        "status": "completed",
                    }
                )
            case Patch(text):
                items.append(_call(number, "apply_patch", json.dumps({"input": text})))
            case Plan(steps):
                plan = [{"step": step, "status": status} for step, status in steps]
                items.append(_call(number, "update_plan", json.dumps({"plan": plan})))
            case Finish():
                fields = {
                    "title": move.title,
                    "summary": move.account,
                    "questions": list(move.questions),
                    "citations": [dict(citation) for citation in move.citations],
                }
                items.append(_call(number, "finish", json.dumps(fields)))
            case ToolCall(name, arguments):
                items.append(_call(number, name, arguments))
            case Fault():
                raise AssertionError("a fault cannot be written as items")
            case _:
                assert_never(move)
    return items


def _message(number: str, part: dict[str, Any]) -> dict[str, Any]:
    item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed"}
    return {**item, "content": [part]}


def _call(number: str, name: str, arguments: str) -> dict[str, Any]:
    call = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": name}
    return {**call, "arguments": arguments, "status": "completed"}


def response_for(items: list[dict[str, Any]], *, sent: int, status: str = "completed") -> dict[str, Any]:
    """A complete response object. A scripted model has no vocabulary, so four bytes count as one token."""
    output_tokens = len(json.dumps(items)) // 4
    input_tokens = sent // 4
    return {
        "id": "resp_scripted",
        "object": "response",
        "model": SCRIPTED_MODEL,
        "status": status,
        "output": items,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "usage": {
            "input_tokens": input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input_tokens + output_tokens,
        },
    }


def events_for(response: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of a streamed response, in the order in which the real service sends them."""
    yield {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}}
    for index, item in enumerate(response["output"]):
        yield {
            "type": "response.output_item.added",
            "output_index": index,
            "item": {**item, "status": "in_progress"},
        }
        if item["type"] == "message":
            for piece in item["content"][0].get("text", "").splitlines(keepends=True):
                yield {
                    "type": "response.output_text.delta",
                    "item_id": item["id"],
                    "output_index": index,
                    "content_index": 0,
                    "delta": piece,
                }
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{response['status']}", "response": response}
