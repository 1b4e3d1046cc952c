"""Builds and reads items of the Responses format, and converts them from and to the journal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dayhand.agent.model.base import Call, Item, Reply
from dayhand.usage import Usage

MAX_PARAGRAPH_CHARS = 8_000  # a longer one is split at its last line end
FUNCTION_CALL, CUSTOM_CALL = "function_call", "custom_tool_call"


def message(role: str, text: str, images: Sequence[str] = ()) -> Item:
    """An input message. ``role`` is "system" or "user"; ``images`` are ``data:`` URLs."""
    shown = [{"type": "input_image", "image_url": url} for url in images]
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}, *shown]}


def output(call: Call, text: str, image: str = "") -> Item:
    """The output of a tool call. ``image`` is a ``data:`` URL."""
    kind = f"{CUSTOM_CALL if call.custom else FUNCTION_CALL}_output"
    if not image:
        return {"type": kind, "call_id": call.id, "output": text}
    parts = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": image}]
    return {"type": kind, "call_id": call.id, "output": parts}


def calls_in(items: Iterable[Mapping[str, Any]]) -> tuple[Call, ...] | None:
    """The tool calls among output items; None if one of them is malformed."""
    calls: list[Call] = []
    for item in items:
        kind = item.get("type")
        if kind not in (FUNCTION_CALL, CUSTOM_CALL):
            continue
        name, call_id = item.get("name"), item.get("call_id")
        arguments = item.get("input" if kind == CUSTOM_CALL else "arguments")
        if not (
            isinstance(name, str)
            and name
            and isinstance(call_id, str)
            and call_id
            and isinstance(arguments, str)
        ):
            return None
        calls.append(
            Call(call_id, name, arguments, custom=kind == CUSTOM_CALL, cut=item.get("status") == "incomplete")
        )
    return tuple(calls)


def repaired(items: Sequence[Item], history: Sequence[Item]) -> list[Item]:
    """The items of a reply, with calls as every server takes them back: their own id each, and arguments as text.

    Some servers leave the id out, or count from 0 in each reply; some send the arguments as an object.
    """
    used = {item.get("call_id") for item in history if item.get("type") in (FUNCTION_CALL, CUSTOM_CALL)}
    result: list[Item] = []
    for item in items:
        if item.get("type") in (FUNCTION_CALL, CUSTOM_CALL):
            call_id = item.get("call_id")
            if not isinstance(call_id, str) or not call_id or call_id in used:
                item = {**item, "call_id": f"call_{len(history)}_{len(result)}"}  # noqa: PLW2901
            if isinstance(item.get("arguments"), dict):
                item = {**item, "arguments": json.dumps(item["arguments"])}  # noqa: PLW2901
            used.add(item["call_id"])
        result.append(item)
    return result


def text_in(items: Iterable[Mapping[str, Any]]) -> str:
    """The text of the messages among output items, including refusals."""
    parts: list[str] = []
    for item in items:
        content = item.get("content")
        if item.get("type") == "message" and isinstance(content, list):
            parts += [str(p.get("text") or p.get("refusal") or "") for p in content if isinstance(p, dict)]
    return "\n\n".join(part for part in parts if part.strip())


def refusal_in(items: Iterable[Mapping[str, Any]]) -> str:
    """The text of the model's refusal; "" if it does not refuse."""
    contents = [item.get("content") for item in items if item.get("type") == "message"]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    refusals = [str(p.get("refusal")) for p in parts if isinstance(p, dict) and p.get("type") == "refusal"]
    return "\n\n".join(refusals)


def without_surrogates(value: dict[str, Any]) -> dict[str, Any]:
    """Parsed JSON without lone surrogates: JSON can escape them, but they cannot be sent, stored or run."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        replaced: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
        return replaced
    return value


def read_reply(items: Sequence[Item], usage: Usage) -> Reply:
    """Read a reply from its journal entry."""
    return Reply(tuple(items), calls_in(items) or (), text_in(items), usage)


class ParagraphWriter:
    """Collects streamed text and writes it a paragraph at a time, so that the log is live and still readable."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._pending = ""

    def feed(self, piece: str) -> None:
        self._pending += piece
        if "\n\n" in self._pending:
            *complete, self._pending = self._pending.split("\n\n")
            for paragraph in complete:
                self._emit(paragraph)
        if len(self._pending) > MAX_PARAGRAPH_CHARS:
            lines, _, self._pending = self._pending.rpartition("\n")
            self._emit(lines or self._pending)
            self._pending = self._pending if lines else ""

    def flush(self) -> None:
        self._emit(self._pending)
        self._pending = ""

    def _emit(self, text: str) -> None:
        if text.strip():
            self._write(text.strip("\n"))


def as_function(tool: Item) -> Item:
    """Describe a custom tool as a function with one string argument, for servers that only know functions."""
    if tool.get("type") != "custom":
        return tool
    text = {"type": "string", "description": "the whole text"}
    return {
        "type": "function",
        "name": tool["name"],
        "description": tool["description"],
        "strict": False,
        "parameters": {"type": "object", "properties": {"input": text}, "required": ["input"]},
    }


def as_function_item(item: Item) -> Item:
    """A custom tool's call or output in the form that matches ``as_function``."""
    match item.get("type"):
        case "custom_tool_call":
            kept = {name: value for name, value in item.items() if name not in ("input", "id")}
            text = json.dumps({"input": item.get("input", "")}, ensure_ascii=False)
            return {**kept, "type": "function_call", "arguments": text}
        case "custom_tool_call_output":
            return {**item, "type": "function_call_output"}
    return item
