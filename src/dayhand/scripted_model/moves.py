"""What a scripted model can be told to say and do, and how that is spelled in the Responses format."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

MODEL = "scripted"


@dataclass(frozen=True, slots=True)
class Say:
    """Words to people."""

    text: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Words that refuse."""

    text: str


@dataclass(frozen=True, slots=True)
class Shell:
    """A command for the shell tool."""

    command: str


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch in Codex's format."""

    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan: (step, status) pairs."""

    steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of the work."""

    title: str
    account: str
    citations: tuple[Mapping[str, Any], ...] = ()
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """Any call, also one that no tool answers to or whose arguments are no JSON."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong instead of a reply, ``times`` times; then the turn's other moves are played.

    ``kind``: "status" (``status``, ``headers`` and ``body`` are sent), "drop" (closed in mid-answer), "stall" (no
    byte comes after the first event), "empty" (a complete reply without items), "cut" (a reply that ends at a token
    limit), "failed" (an event ``response.failed`` with ``body`` as its error), "nonsense" (``body`` as it is, status 200).
    """

    kind: str
    status: int = 500
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: float = 1  # math.inf: for ever
    model: str = ""  # only where this one is asked; "": whichever


FOR_EVER = math.inf

Move = Say | Refuse | Shell | Patch | Plan | Finish | ToolCall | Fault


@dataclass(frozen=True, slots=True)
class ScriptState:
    """What a script sees when it is its turn."""

    turn: int  # from 0: how many replies it has given already
    outputs: tuple[str, ...]  # of the last reply's calls
    all_outputs: tuple[str, ...]
    prompt: str  # all that was said before the first reply
    said: str = ""  # all that was said since the last reply
    model: str = ""  # who is asked


@dataclass(frozen=True, slots=True)
class Script:
    """One case: ``matches`` looks at the prompt, ``play`` gives the moves of one turn."""

    name: str
    matches: Callable[[str], bool]
    play: Callable[[ScriptState], Sequence[Move]]


def read_scene(items: object, model: str = "") -> ScriptState:
    """Work out from a request's input what was said, which turn it is, and what the last calls printed."""
    if isinstance(items, str):
        return ScriptState(0, (), (), items, model)
    turn = 0
    ours = False  # was the item before this one of our own making?
    prompt: list[str] = []
    said: list[str] = []
    outputs: list[str] = []
    everything: list[str] = []
    for item in items if isinstance(items, list) else []:
        kind = item.get("type", "message")
        mine = kind in ("function_call", "custom_tool_call", "reasoning") or item.get("role") == "assistant"
        if mine and not ours:
            turn += 1
            outputs = []
            said = []
        ours = mine
        if kind.endswith("_output"):
            outputs.append(_text(item.get("output")))
            everything.append(_text(item.get("output")))
        elif not mine:
            said.append(_text(item.get("content")))
            prompt += said[-1:] if turn == 0 else ()
    return ScriptState(turn, tuple(outputs), tuple(everything), "\n".join(prompt), "\n".join(said), model)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def items_for(moves: Sequence[Move], *, turn: int, custom: bool) -> list[dict[str, Any]]:
    """Turn moves into Responses output items. ``custom``: is apply_patch a custom tool in this request?"""
    items = []
    for n, move in enumerate(moves):
        mark = f"{turn}_{n}"
        match move:
            case Say(text):
                items.append(_words(mark, {"type": "output_text", "text": text, "annotations": []}))
            case Refuse(text):
                items.append(_words(mark, {"type": "refusal", "refusal": text}))
            case Shell(command):
                items.append(_call(mark, "shell", json.dumps({"command": command})))
            case Patch(text) if custom:
                items.append(
                    {
                        "type": "custom_tool_call",
                        "id": f"ctc_{mark}",
                        "call_id": f"call_{mark}",
                        "name": "apply_patch",
                        "input": text,
                        "status": "completed",
                    }
                )
            case Patch(text):
                items.append(_call(mark, "apply_patch", json.dumps({"input": text})))
            case Plan(steps):
                plan = [{"step": step, "status": status} for step, status in steps]
                items.append(_call(mark, "update_plan", json.dumps({"plan": plan})))
            case Finish():
                fields = {
                    "title": move.title,
                    "account": move.account,
                    "questions": list(move.questions),
                    "citations": [dict(citation) for citation in move.citations],
                }
                items.append(_call(mark, "finish", json.dumps(fields)))
            case ToolCall(name, arguments):
                items.append(_call(mark, name, arguments))
            case Fault():
                raise AssertionError("a fault has no items")
            case _:
                assert_never(move)
    return items


def _words(mark: str, part: dict[str, Any]) -> dict[str, Any]:
    item = {"type": "message", "id": f"msg_{mark}", "role": "assistant", "status": "completed"}
    return {**item, "content": [part]}


def _call(mark: str, name: str, arguments: str) -> dict[str, Any]:
    call = {"type": "function_call", "id": f"fc_{mark}", "call_id": f"call_{mark}", "name": name}
    return {**call, "arguments": arguments, "status": "completed"}


def response_for(items: list[dict[str, Any]], *, sent: int, status: str = "completed") -> dict[str, Any]:
    """A whole response object. Tokens are counted as four bytes each: a scripted model has no vocabulary."""
    written = len(json.dumps(items)) // 4
    read = sent // 4
    return {
        "id": "resp_scripted",
        "object": "response",
        "model": MODEL,
        "status": status,
        "output": items,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "usage": {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + written,
        },
    }


def events_for(response: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of a streamed response, in the service's order."""
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
