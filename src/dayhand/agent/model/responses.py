"""The wire format of the Responses API, in which the history is kept: items are sent as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dayhand.agent.model.base import Body, Item
from dayhand.agent.model.items import text_in
from dayhand.agent.model.retry import FaultKind, ModelFault, broken_off, from_event

PATH = "/responses"


def encode(body: Body) -> Body:
    """The request, without what belongs to the other format."""
    items = [
        {name: value for name, value in item.items() if name != "chat_fields"}
        if "chat_fields" in item
        else item
        for item in body["input"]
        if not ("chat_fields" in item and item.get("type") == "reasoning")
    ]
    return {**{name: value for name, value in body.items() if name != "stream_options"}, "input": items}


def read_whole(response: Mapping[str, Any], on_text: Callable[[str], None]) -> Mapping[str, Any]:
    """A response that was not streamed."""
    items = response.get("output")
    if isinstance(items, list):
        on_text(text_in(item for item in items if isinstance(item, dict)))
    return response


def read_stream(
    events: Iterable[Mapping[str, Any] | None], on_text: Callable[[str], None]
) -> Mapping[str, Any]:
    """Read a stream's events up to the last one of the response, and return that response. Raises ``ModelFault``.

    Source of the events: https://developers.openai.com/api/reference/resources/responses/streaming-events
    """
    done: list[Item] = []  # completed items: some servers leave them out of the last event
    text = ""  # of all messages
    for event in events:
        if event is None:  # [DONE]: some gateways drop the last event, and end with this alone
            if not done and text:
                part = {"type": "output_text", "text": text, "annotations": []}
                done = [{"type": "message", "role": "assistant", "status": "completed", "content": [part]}]
            return {"status": "completed", "output": done}
        match event.get("type"):
            case "response.output_text.delta":
                piece = str(event.get("delta", ""))
                text += piece
                on_text(piece)
            case "response.output_item.done" if isinstance(event.get("item"), dict):
                done.append(event["item"])
            case "response.completed" | "response.incomplete":
                response = event.get("response")
                if not isinstance(response, dict):
                    raise ModelFault(
                        FaultKind.INVALID_REPLY, "The model server ended its stream without a response."
                    )
                complete = response if response.get("output") else {**response, "output": done}
                return complete if text else read_whole(complete, on_text)
            case "response.failed":
                response = event.get("response")
                error = response.get("error") if isinstance(response, dict) else None
                raise from_event(error if isinstance(error, dict) else {})
            case "error":
                error = event.get("error")
                raise from_event(error if isinstance(error, dict) else event)
            case None if isinstance(event.get("error"), dict):  # llama.cpp sends errors without an event type
                raise from_event(event["error"])
    raise broken_off()
