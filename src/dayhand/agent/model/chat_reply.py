"""Puts the pieces of a chat completion together, and gives them as the response that the Responses API would send."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from dayhand.agent.model.base import Item

# Where servers put the model's reasoning: DeepSeek, llama.cpp and SGLang; OpenRouter and vLLM.
REASONING_FIELDS = ("reasoning_content", "reasoning")
# What belongs to a call and must come back with it: Gemini's signatures of its reasoning.
CALL_FIELDS = ("extra_content", "thought_signature")


class ReplyBuilder:
    """Collects the deltas of one message."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._reasoning: dict[str, list[str]] = {}
        self._details: list[Any] = []  # OpenRouter's, which come back unchanged
        self._calls: list[Item] = []
        self._indexes: list[object] = []  # of the calls

    def add(self, delta: Mapping[str, Any]) -> None:
        """Add a delta, or a whole message."""
        for piece in _texts(delta.get("content")):
            self._text.append(piece)
            self._on_text(piece)
        if isinstance(delta.get("refusal"), str):
            self._refusal.append(delta["refusal"])
        for name in REASONING_FIELDS:
            if isinstance(delta.get(name), str) and delta[name]:
                self._reasoning.setdefault(name, []).append(delta[name])
        if isinstance(delta.get("reasoning_details"), list):
            self._details += delta["reasoning_details"]
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                self._add_call(call)

    def _add_call(self, piece: Mapping[str, Any]) -> None:
        """Add to a call, or begin one: its index says which, but some servers give none, or 0 to each call."""
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        index, call_id, name = piece.get("index"), piece.get("id"), function.get("name")
        found = next(
            (n for n, known in enumerate(self._indexes) if known == index and index is not None), None
        )
        if found is None and not name and self._calls:
            found = len(self._calls) - 1
        if found is not None and name and call_id not in (None, "", self._calls[found]["call_id"]):
            found = None
        if found is None:
            self._indexes = [known if known != index else object() for known in self._indexes]
            self._indexes.append(index)
            self._calls.append({"type": "function_call", "call_id": "", "name": "", "arguments": ""})
            found = len(self._calls) - 1
        call = self._calls[found]
        call["call_id"] = call["call_id"] or call_id or ""
        call["name"] = call["name"] or name or ""
        arguments = function.get("arguments")
        call["arguments"] += json.dumps(arguments) if isinstance(arguments, dict) else arguments or ""
        if kept := {name: piece[name] for name in CALL_FIELDS if name in piece}:
            call["chat_fields"] = kept

    def response(self, finish_reason: object, usage: object) -> Mapping[str, Any]:
        """The complete response."""
        cut = finish_reason == "length"
        filtered = finish_reason in ("content_filter", "sensitive")
        items = [*self._reasoning_items(), *self._messages()]
        for n, call in enumerate(self._calls, start=1):
            status = (
                "incomplete"
                if cut and n == len(self._calls) and not _is_json(call["arguments"])
                else "completed"
            )
            items.append({**call, "status": status})
        return {
            "status": "incomplete" if cut or filtered else "completed",
            "incomplete_details": {"reason": "content_filter"} if filtered else None,
            "output": items,
            "usage": _usage(usage),
        }

    def _reasoning_items(self) -> list[Item]:
        texts = {name: "".join(pieces) for name, pieces in self._reasoning.items()}
        fields: dict[str, Any] = {**texts, **({"reasoning_details": self._details} if self._details else {})}
        if not fields:
            return []
        text = next(iter(texts.values()), "")
        content = [{"type": "reasoning_text", "text": text}] if text else []
        return [{"type": "reasoning", "summary": [], "content": content, "chat_fields": fields}]

    def _messages(self) -> list[Item]:
        parts: list[Item] = []
        if text := "".join(self._text):
            parts.append({"type": "output_text", "text": text, "annotations": []})
        if refusal := "".join(self._refusal):
            parts.append({"type": "refusal", "refusal": refusal})
        return (
            [{"type": "message", "role": "assistant", "status": "completed", "content": parts}]
            if parts
            else []
        )


def _texts(content: object) -> list[str]:
    """The pieces of text in a message's content, which Mistral also sends as a list of parts."""
    if isinstance(content, str):
        return [content] if content else []
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


def _usage(raw: object) -> Mapping[str, Any]:
    """The counts under the names of the Responses API."""
    fields = raw if isinstance(raw, dict) else {}
    details = fields.get("prompt_tokens_details")
    details = details if isinstance(details, dict) else {}
    return {
        "input_tokens": fields.get("prompt_tokens"),
        "output_tokens": fields.get("completion_tokens"),
        "input_tokens_details": {
            "cached_tokens": details.get(
                "cached_tokens", fields.get("prompt_cache_hit_tokens")
            ),  # DeepSeek's
            "cache_write_tokens": details.get("cache_write_tokens", details.get("cache_creation_tokens")),
        },
    }


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
