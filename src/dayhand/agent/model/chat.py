"""The wire format of Chat Completions: requests are translated into it, and replies back into items.

The journal, the history and everything else in the loop know items only. The translation of an item does not depend
on those after it, so a prompt that begins with the whole one before does so here too.

Source: https://developers.openai.com/api/reference/resources/chat/subresources/completions
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dayhand.agent.model.base import Body, Item
from dayhand.agent.model.chat_reply import ReplyBuilder
from dayhand.agent.model.items import FUNCTION_CALL, as_function, as_function_item
from dayhand.agent.model.retry import FaultKind, ModelFault, broken_off, from_event

PATH = "/chat/completions"
KEPT_FIELDS = ("model", "stream", "prompt_cache_key", "parallel_tool_calls")


def encode(body: Body) -> Body:
    """The request as Chat Completions spells it."""
    request: dict[str, Any] = {name: body[name] for name in KEPT_FIELDS if name in body}
    if body.get("stream") and "stream_options" in body:
        request["stream_options"] = body["stream_options"]
    if effort := body.get("reasoning", {}).get("effort"):
        request["reasoning_effort"] = effort
    if verbosity := body.get("text", {}).get("verbosity"):
        request["verbosity"] = verbosity
    if tools := body["tools"]:
        request["tools"] = [_tool(as_function(tool)) for tool in tools]
        if "tool_choice" in body:
            request["tool_choice"] = _tool_choice(body["tool_choice"])
    else:
        request.pop("parallel_tool_calls", None)  # servers refuse it without tools
    request["messages"] = _messages([as_function_item(item) for item in body["input"]])
    return request


def _tool(tool: Item) -> Item:
    fields = ("name", "description", "parameters")
    return {"type": "function", "function": {name: tool[name] for name in fields if name in tool}}


def _tool_choice(choice: object) -> object:
    if isinstance(choice, dict):
        return {"type": "function", "function": {"name": choice.get("name")}}
    return choice


def _messages(items: Iterable[Item]) -> list[Item]:
    """The items as messages: all items of one reply are one message, and an image follows its tool's output."""
    messages: list[Item] = []
    images: list[Item] = []  # of tool outputs, whose messages hold text only
    for item in items:
        kind = item.get("type", "message")
        if not kind.endswith("_output") and images:
            messages.append({"role": "user", "content": images})
            images = []
        if kind.endswith("_output"):
            text, shown = _content(item.get("output"))
            images += shown
            messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": text})
        elif kind in (FUNCTION_CALL, "reasoning") or item.get("role") == "assistant":
            if not messages or messages[-1]["role"] != "assistant":
                messages.append({"role": "assistant", "content": None})
            _add_to_reply(messages[-1], item)
        elif kind == "message":
            text, shown = _content(item.get("content"))
            content = [{"type": "text", "text": text}, *shown] if shown else text
            messages.append({"role": item.get("role", "user"), "content": content})
    if images:
        messages.append({"role": "user", "content": images})
    return messages


def _add_to_reply(message: Item, item: Item) -> None:
    match item.get("type"):
        case "reasoning":
            message.update(item.get("chat_fields") or {})  # none if another format's server wrote it
        case str(kind) if kind == FUNCTION_CALL:
            function = {"name": item.get("name"), "arguments": item.get("arguments")}
            call = {"id": item.get("call_id"), "type": "function", "function": function}
            message.setdefault("tool_calls", []).append({**call, **(item.get("chat_fields") or {})})
        case _:
            text, _ = _content(item.get("content"))
            message["content"] = "\n".join(part for part in (message["content"], text) if part)


def _content(content: object) -> tuple[str, list[Item]]:
    """The text of a message or an output, and its images in this format's form."""
    if not isinstance(content, list):
        return str(content or ""), []
    texts = [str(part.get("text") or part.get("refusal") or "") for part in content]
    urls = [part["image_url"] for part in content if part.get("type") == "input_image"]
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return "\n".join(text for text in texts if text), images


def read_whole(response: Mapping[str, Any], on_text: Callable[[str], None]) -> Mapping[str, Any]:
    """A completion that was not streamed, as a response. Raises ``ModelFault``."""
    if isinstance(response.get("error"), dict):  # OpenRouter sends some errors with status 200
        raise from_event(response["error"])
    choice = _choice(response)
    if choice is None or not isinstance(choice.get("message"), dict):
        raise ModelFault(FaultKind.INVALID_REPLY, "The model server sent a completion without a message.")
    reply = ReplyBuilder(on_text)
    reply.add(choice["message"])
    return reply.response(choice.get("finish_reason"), response.get("usage"))


def read_stream(
    events: Iterable[Mapping[str, Any] | None], on_text: Callable[[str], None]
) -> Mapping[str, Any]:
    """Read a stream's chunks up to its end, and return them as a response. Raises ``ModelFault``."""
    reply = ReplyBuilder(on_text)
    finish_reason: object = None
    usage: object = None
    for chunk in events:
        if chunk is None:
            return reply.response(finish_reason, usage)
        error = chunk.get("error")
        if isinstance(error, dict | str) and error:
            raise from_event(error if isinstance(error, dict) else {"message": error})
        usage = chunk.get("usage") or usage  # in the last chunk, which has no choice
        if (choice := _choice(chunk)) is not None:
            if isinstance(choice.get("delta"), dict):
                reply.add(choice["delta"])
            finish_reason = choice.get("finish_reason") or finish_reason
    if finish_reason is None:
        raise broken_off()
    return reply.response(finish_reason, usage)


def _choice(chunk: Mapping[str, Any]) -> dict[str, Any] | None:
    choices = chunk.get("choices")
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
