"""What a model's server lacks: learnt from its refusals, remembered for a day, and done without."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from dayhand.agent.model.base import Item

Body = Mapping[str, Any]
ONE_IMAGE = re.compile(
    r"valid image|image is valid|invalid_image|image_parse|(load|decode|process|identify) (the )?image"
    r"|image[^.]{0,60}(too large|too small|too big|corrupt|damaged|truncated)",
    re.IGNORECASE,
)
UNSEEN = "(An image stood here. This model cannot see images.)"


class Feature(StrEnum):
    """What servers other than OpenAI's may not know. The values are what is remembered."""

    CUSTOM_TOOLS = "custom tools"
    IMAGES = "images"
    FOREIGN_REASONING = "another model's reasoning"
    REASONING_ITEMS = "reasoning items"
    MALFORMED_CALLS = "malformed calls"
    ENCRYPTED_REASONING = "encrypted reasoning"
    REASONING_EFFORT = "reasoning effort"
    CACHE_KEY = "prompt_cache_key"
    PARALLEL_CALLS = "parallel tool calls"
    STREAMING = "streaming"
    STORE = "store"
    TOOL_CHOICE = "tool choice"


class FeatureStore(Protocol):
    """Where what was learnt of one model on one server is kept: ``ledger.lacks.Lacks``."""

    def recall(self) -> frozenset[str]: ...

    def learn(self, names: Iterable[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What is about to be sent."""

    body: Body
    foreign: int = 0  # items from the front that another model had a part in

    def changed(self, **fields: object) -> ModelRequest:
        return replace(self, body={**self.body, **fields})


@dataclass(frozen=True, slots=True)
class Remedy:
    """How a feature shows in a request, how a refusal names it, and how a request does without."""

    feature: Feature
    refusal: re.Pattern[str]
    used: Callable[[ModelRequest], bool]
    without: Callable[[ModelRequest], ModelRequest]


class ServerFeatures:
    """What one model on one server is known to lack. Everything is tried until it was refused once."""

    def __init__(self, shelf: FeatureStore | None = None) -> None:
        self._shelf = shelf
        known = {feature.value for feature in Feature}
        self._lacks = frozenset(Feature(name) for name in (shelf.recall() if shelf else ()) if name in known)
        self._guessed: frozenset[Feature] = frozenset()  # given up, and no reply yet that proves it right

    def lacks(self, feature: Feature) -> bool:
        return feature in self._lacks

    def fit(self, request: ModelRequest) -> ModelRequest:
        """The same request without what is known to be lacking."""
        for trait in TRAITS:
            if trait.feature in self._lacks:
                request = trait.without(request)
        return request

    def give_up(self, said: str, request: ModelRequest) -> bool:
        """Find what ``request`` uses and the refusal ``said`` names, and do without it from now on; False where there is none.

        One bad image is no lack of the server's: this task goes on without images, and nobody else need.
        """
        for trait in TRAITS:
            if trait.feature not in self._lacks and trait.refusal.search(said) and trait.used(request):
                self._lacks |= {trait.feature}
                if not (trait.feature is Feature.IMAGES and ONE_IMAGE.search(said)):
                    self._guessed |= {trait.feature}
                return True
        return False

    def confirm(self, body: Body, response: Body) -> None:
        """A reply came: what was given up for it is remembered, and a server that dropped our tools silently is found out."""
        if dropped_custom_tools(body, response):
            self._lacks |= {Feature.CUSTOM_TOOLS}
            self._guessed |= {Feature.CUSTOM_TOOLS}
        if self._guessed and self._shelf:
            self._shelf.learn(feature.value for feature in self._guessed)
        self._guessed = frozenset()


def dropped_custom_tools(body: Body, response: Body) -> bool:
    """Whether the response repeats our tools without the custom ones, or none at all.

    OpenAI's repeats them. Servers that only resemble it ignore what they do not know: llama.cpp repeats no tools, and
    leaves the custom ones out of the prompt with nothing but a line in its own log.
    """
    echoed = response.get("tools")
    kinds = (
        {tool.get("type") for tool in echoed if isinstance(tool, dict)} if isinstance(echoed, list) else ()
    )
    return _uses_custom_tools(ModelRequest(body)) and "custom" not in kinds


def plain(tool: Item) -> Item:
    """Describe a custom tool as a function with one text, for servers that only know functions."""
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


def _uses_custom_tools(request: ModelRequest) -> bool:
    return any(tool.get("type") == "custom" for tool in request.body["tools"])


def _without_custom_tools(request: ModelRequest) -> ModelRequest:
    items = [_plain_item(item) for item in request.body["input"]]
    return request.changed(tools=[plain(tool) for tool in request.body["tools"]], input=items)


def _plain_item(item: Item) -> Item:
    """A custom tool's call, and its output, as those of the function that ``plain`` makes of it."""
    match item.get("type"):
        case "custom_tool_call":
            kept = {name: value for name, value in item.items() if name not in ("input", "id")}
            text = json.dumps({"input": item.get("input", "")}, ensure_ascii=False)
            return {**kept, "type": "function_call", "arguments": text}
        case "custom_tool_call_output":
            return {**item, "type": "function_call_output"}
    return item


def _parts(item: Item) -> Sequence[Any]:
    """The parts of a message's content or of a tool's output; none where that is text."""
    parts = item.get("content") if item.get("type") == "message" else item.get("output")
    return parts if isinstance(parts, list) else ()


def _shows_images(request: ModelRequest) -> bool:
    items = request.body["input"]
    return any(part.get("type") == "input_image" for item in items for part in _parts(item))


def _without_images(request: ModelRequest) -> ModelRequest:
    return request.changed(input=[_unseen(item) for item in request.body["input"]])


def _unseen(item: Item) -> Item:
    """An item whose images are replaced by words. A tool's output becomes one text: plain servers know no other."""
    parts = _parts(item)
    if not any(part.get("type") == "input_image" for part in parts):
        return item
    said = {"type": "input_text", "text": UNSEEN}
    shown = [said if part.get("type") == "input_image" else part for part in parts]
    if item.get("type") == "message":
        return {**item, "content": shown}
    return {**item, "output": "\n".join(str(part.get("text", "")) for part in shown)}


def _has_reasoning(request: ModelRequest) -> bool:
    return any(item.get("type") == "reasoning" for item in request.body["input"])


def _without_reasoning(request: ModelRequest) -> ModelRequest:
    return request.changed(input=[item for item in request.body["input"] if item.get("type") != "reasoning"])


def _has_foreign_reasoning(request: ModelRequest) -> bool:
    return any(item.get("type") == "reasoning" for item in request.body["input"][: request.foreign])


def _without_foreign_reasoning(request: ModelRequest) -> ModelRequest:
    """Another model's reasoning goes, and the ids of what it said: an id calls for the reasoning that led to it."""
    items = request.body["input"]
    said = [
        {name: value for name, value in item.items() if name != "id"}
        for item in items[: request.foreign]
        if item.get("type") != "reasoning"
    ]
    return replace(request.changed(input=[*said, *items[request.foreign :]]), foreign=len(said))


def _has_malformed_calls(request: ModelRequest) -> bool:
    return any(_malformed(item) for item in request.body["input"])


def _malformed(item: Item) -> bool:
    """Whether an item is a call whose arguments are no JSON object: some templates read them, and fail for ever."""
    if item.get("type") != "function_call":
        return False
    try:
        return not isinstance(json.loads(item["arguments"]), dict)
    except (ValueError, RecursionError):
        return True


def _without_malformed_calls(request: ModelRequest) -> ModelRequest:
    mended = [
        {**item, "arguments": json.dumps({"malformed": item["arguments"]}, ensure_ascii=False)}
        if _malformed(item)
        else item
        for item in request.body["input"]
    ]
    return request.changed(input=mended)


def _parameter(feature: Feature, name: str, refusal: str) -> Remedy:
    """A feature that is one parameter of the request."""
    return Remedy(
        feature,
        re.compile(refusal, re.IGNORECASE),
        lambda request: name in request.body,
        lambda request: replace(
            request, body={key: value for key, value in request.body.items() if key != name}
        ),
    )


UNKNOWN_REASONING = (
    r"item\['content'\] is not an array"  # llama.cpp's word for an item without open reasoning
)

# In the order in which they are given up, where a refusal could mean several.
TRAITS = (
    Remedy(
        Feature.FOREIGN_REASONING,
        re.compile(rf"reasoning|encrypted|decrypt|{UNKNOWN_REASONING}", re.IGNORECASE),
        _has_foreign_reasoning,
        _without_foreign_reasoning,
    ),
    _parameter(Feature.TOOL_CHOICE, "tool_choice", "tool[_ ]choice"),
    _parameter(Feature.CACHE_KEY, "prompt_cache_key", "prompt_cache_key"),
    _parameter(Feature.PARALLEL_CALLS, "parallel_tool_calls", "parallel"),
    Remedy(
        Feature.IMAGES,
        re.compile(r"image|vision|multimodal|mmproj", re.IGNORECASE),
        _shows_images,
        _without_images,
    ),
    _parameter(Feature.ENCRYPTED_REASONING, "include", r"include|encrypted"),
    _parameter(Feature.REASONING_EFFORT, "reasoning", r"reasoning|effort"),
    Remedy(
        Feature.REASONING_ITEMS,
        re.compile(
            r"reasoning|item\['content'\] is not an array", re.IGNORECASE
        ),  # the latter is llama.cpp's
        _has_reasoning,
        _without_reasoning,
    ),
    Remedy(
        Feature.MALFORMED_CALLS,
        re.compile(r"tool call arguments|arguments as JSON", re.IGNORECASE),
        _has_malformed_calls,
        _without_malformed_calls,
    ),
    Remedy(
        Feature.CUSTOM_TOOLS,
        re.compile(r"custom|grammar|lark|tool type|of tool|type of 'item'|tools[\[.'\" ]", re.IGNORECASE),
        _uses_custom_tools,
        _without_custom_tools,
    ),
    _parameter(Feature.STREAMING, "stream", r"\bstream(ing)?\b"),
    _parameter(Feature.STORE, "store", r"\bstore\b"),
)
