"""What was said: items of the Responses format read, made, summed up, and told line by line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dayhand.agent.model.base import Call, Item, Reply
from dayhand.ledger.journal import Journal
from dayhand.usage import Usage

PARAGRAPH_CHARS = 8_000  # without an empty line: told up to its last line
FUNCTION, CUSTOM = "function_call", "custom_tool_call"


def message(role: str, text: str) -> Item:
    """An input message. ``role`` is "system" or "user"."""
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def output(call: Call, text: str, image: str = "") -> Item:
    """The answer to a tool call. ``image`` is an address with the image's own bytes (``data:``)."""
    kind = f"{CUSTOM if call.custom else FUNCTION}_output"
    if not image:
        return {"type": kind, "call_id": call.id, "output": text}
    parts = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": image}]
    return {"type": kind, "call_id": call.id, "output": parts}


def calls_in(items: Iterable[Mapping[str, Any]]) -> tuple[Call, ...] | None:
    """The tool calls among output items; None where one of them is malformed."""
    calls: list[Call] = []
    for item in items:
        kind = item.get("type")
        if kind not in (FUNCTION, CUSTOM):
            continue
        name, call_id = item.get("name"), item.get("call_id")
        arguments = item.get("input" if kind == CUSTOM else "arguments")
        if isinstance(arguments, dict):  # some servers forget that it is JSON in a string
            arguments = json.dumps(arguments)
        if not (
            isinstance(name, str)
            and name
            and isinstance(call_id, str)
            and call_id
            and isinstance(arguments, str)
        ):
            return None
        calls.append(
            Call(call_id, name, arguments, custom=kind == CUSTOM, cut=item.get("status") == "incomplete")
        )
    return tuple(calls)


def text_in(items: Iterable[Mapping[str, Any]]) -> str:
    """The words among output items, refusals too."""
    parts: list[str] = []
    for item in items:
        content = item.get("content")
        if item.get("type") == "message" and isinstance(content, list):
            parts += [str(p.get("text") or p.get("refusal") or "") for p in content if isinstance(p, dict)]
    return "\n\n".join(part for part in parts if part.strip())


def refusal_in(items: Iterable[Mapping[str, Any]]) -> str:
    """The words with which the model refuses, "" where it does not."""
    contents = [item.get("content") for item in items if item.get("type") == "message"]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    refusals = [str(p.get("refusal")) for p in parts if isinstance(p, dict) and p.get("type") == "refusal"]
    return "\n\n".join(refusals)


def mended(value: dict[str, Any]) -> dict[str, Any]:
    """Parsed JSON without halves of characters, which can be escaped in JSON but not sent, stored or run."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        whole: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
        return whole
    return value


def read_reply(items: Sequence[Item], usage: Usage) -> Reply:
    """A reply from the journal."""
    return Reply(tuple(items), calls_in(items) or (), text_in(items), usage)


def spent(memory: Journal) -> Usage:
    """What a task has cost so far, by its journal."""
    entries = [(turn, 0, entry.usage) for turn, entry in memory.compactions().items()]
    entries += [(entry.turn, 1, entry.usage) for entry in memory.turns()]
    whole = Usage(dollars=0.0)
    for *_, usage in sorted(entries, key=lambda entry: entry[:2]):
        whole = add(whole, usage)
    return whole


def add(one: Usage, other: Usage) -> Usage:
    """The sum of two usages, and each model's share where there were several."""
    shares = [*(one.by_model or ((one,) if one.turns else ()))]
    if shares and shares[-1].model == other.model:
        shares[-1] = _sum(shares[-1], other)
    else:
        shares.append(other)
    return replace(_sum(one, other), by_model=tuple(shares) if len(shares) > 1 else ())


def _sum(one: Usage, other: Usage) -> Usage:
    """Where one has no price, the sum has none."""
    known = one.dollars is not None and other.dollars is not None
    return Usage(
        other.model or one.model,
        one.turns + other.turns,
        one.input_tokens + other.input_tokens,
        one.cached_tokens + other.cached_tokens,
        one.output_tokens + other.output_tokens,
        (one.dollars or 0.0) + (other.dollars or 0.0) if known else None,
        one.scripted or other.scripted,
        seconds=one.seconds + other.seconds,
    )


class Words:
    """Turns words that stream in into log lines: a paragraph each, so that the log moves and stays readable."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._held = ""

    def feed(self, piece: str) -> None:
        self._held += piece
        if "\n\n" in self._held:
            *whole, self._held = self._held.split("\n\n")
            for paragraph in whole:
                self._log(paragraph)
        if len(self._held) > PARAGRAPH_CHARS:
            told, _, self._held = self._held.rpartition("\n")
            self._log(told or self._held)
            self._held = self._held if told else ""

    def flush(self) -> None:
        self._log(self._held)
        self._held = ""

    def _log(self, text: str) -> None:
        if text.strip():
            self._tell(text.strip("\n"))
