"""What a model server does not support: learnt from its rejections, remembered for a day, and left out of requests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, Protocol

from dayhand.agent.model.base import Body, Item
from dayhand.agent.model.items import as_function, as_function_item
from dayhand.startup.records import dataclass
from dayhand.startup.regex import regex

# The server rejects one image, not images as such.
BAD_IMAGE = regex(
    r"valid image|image is valid|invalid_image|image_parse|(load|decode|process|identify) (the )?image"
    r"|image[^.]{0,60}(too large|too small|too big|corrupt|damaged|truncated)",
    re.IGNORECASE,
)
IMAGE_PLACEHOLDER = "(There was an image here. This model cannot see images.)"


class Feature(StrEnum):
    """What servers other than OpenAI's may not support. The values are stored."""

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
    STREAM_OPTIONS = "stream options"
    VERBOSITY = "verbosity"
    RESPONSES_API = "the Responses API"


class FeatureStore(Protocol):
    """Where the unsupported features of one model on one server are stored: ``ledger.feature_store``."""

    def recall(self) -> frozenset[str]: ...

    def learn(self, names: Iterable[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A request that is about to be sent."""

    body: Body
    foreign_items: int = 0  # how many items, from the front, date from another model's turns

    def changed(self, **fields: object) -> ModelRequest:
        return replace(self, body={**self.body, **fields})


@dataclass(frozen=True, slots=True)
class FeatureRule:
    """How a rejection names a feature, whether a request uses it, and how to remove it from a request."""

    feature: Feature
    rejection: re.Pattern[str]
    is_used: Callable[[ModelRequest], bool]
    remove: Callable[[ModelRequest], ModelRequest]


class ServerFeatures:
    """Which features one model on one server supports. Every feature is used until it has been rejected once.

    Custom tools are the exception: servers drop them without a word, so ``custom_tools`` says from the start whether
    they are sent. Noticing it later would change the tools, with which the cached prompt begins.
    """

    def __init__(self, store: FeatureStore | None = None, *, custom_tools: bool = True) -> None:
        self._store = store
        known = {feature.value for feature in Feature}
        stored = store.recall() if store else ()
        self._unsupported = frozenset(Feature(name) for name in stored if name in known)
        if not custom_tools:
            self._unsupported |= {Feature.CUSTOM_TOOLS}
        # Removed from requests, but no reply has shown yet that this helps.
        self._unconfirmed: frozenset[Feature] = frozenset()

    def supports(self, feature: Feature) -> bool:
        return feature not in self._unsupported

    def adapt(self, request: ModelRequest) -> ModelRequest:
        """The request without the features that are known to be unsupported."""
        for rule in RULES:
            if not self.supports(rule.feature):
                request = rule.remove(request)
        return request

    def learn_from(self, rejection: str, request: ModelRequest) -> bool:
        """Mark the feature that ``request`` uses and ``rejection`` names as unsupported; False if there is none.

        The rejection of a single bad image removes images for the rest of this task, but is not stored.
        """
        for rule in RULES:
            if self.supports(rule.feature) and rule.rejection.search(rejection) and rule.is_used(request):
                self._unsupported |= {rule.feature}
                if not (rule.feature is Feature.IMAGES and BAD_IMAGE.search(rejection)):
                    self._unconfirmed |= {rule.feature}
                return True
        return False

    def switch_api(self) -> None:
        """Ask by the other API from now on: the endpoint of this one does not exist."""
        self._unsupported ^= {Feature.RESPONSES_API}
        self._unconfirmed = (self._unconfirmed | {Feature.RESPONSES_API}) & self._unsupported

    def confirm(self) -> None:
        """Store what was removed to get a reply."""
        if self._unconfirmed and self._store:
            self._store.learn(feature.value for feature in self._unconfirmed)
        self._unconfirmed = frozenset()


def _uses_custom_tools(request: ModelRequest) -> bool:
    return any(tool.get("type") == "custom" for tool in request.body["tools"])


def _without_custom_tools(request: ModelRequest) -> ModelRequest:
    items = [as_function_item(item) for item in request.body["input"]]
    return request.changed(tools=[as_function(tool) for tool in request.body["tools"]], input=items)


def _parts(item: Item) -> Sequence[Any]:
    """The parts of a message's content or of a tool's output; empty if that is plain text."""
    parts = item.get("content") if item.get("type") == "message" else item.get("output")
    return parts if isinstance(parts, list) else ()


def _shows_images(request: ModelRequest) -> bool:
    items = request.body["input"]
    return any(part.get("type") == "input_image" for item in items for part in _parts(item))


def _without_images(request: ModelRequest) -> ModelRequest:
    return request.changed(input=[_without_image_parts(item) for item in request.body["input"]])


def _without_image_parts(item: Item) -> Item:
    """The item with a placeholder for each image. A tool's output becomes plain text, which every server accepts."""
    parts = _parts(item)
    if not any(part.get("type") == "input_image" for part in parts):
        return item
    placeholder = {"type": "input_text", "text": IMAGE_PLACEHOLDER}
    shown = [placeholder if part.get("type") == "input_image" else part for part in parts]
    if item.get("type") == "message":
        return {**item, "content": shown}
    return {**item, "output": "\n".join(str(part.get("text", "")) for part in shown)}


def _has_reasoning(request: ModelRequest) -> bool:
    return any(item.get("type") == "reasoning" for item in request.body["input"])


def _without_reasoning(request: ModelRequest) -> ModelRequest:
    return request.changed(input=[item for item in request.body["input"] if item.get("type") != "reasoning"])


def _has_foreign_reasoning(request: ModelRequest) -> bool:
    return any(item.get("type") == "reasoning" for item in request.body["input"][: request.foreign_items])


def _without_foreign_reasoning(request: ModelRequest) -> ModelRequest:
    """Remove another model's reasoning, and the ids of its other items: an id requires the reasoning before it."""
    items = request.body["input"]
    kept = [
        {name: value for name, value in item.items() if name != "id"}
        for item in items[: request.foreign_items]
        if item.get("type") != "reasoning"
    ]
    return replace(request.changed(input=[*kept, *items[request.foreign_items :]]), foreign_items=len(kept))


def _has_malformed_calls(request: ModelRequest) -> bool:
    return any(_malformed(item) for item in request.body["input"])


def _malformed(item: Item) -> bool:
    """Whether an item is a call whose arguments are not a JSON object: some chat templates fail on them."""
    if item.get("type") != "function_call":
        return False
    try:
        return not isinstance(json.loads(item["arguments"]), dict)
    except (ValueError, RecursionError):
        return True


def _without_malformed_calls(request: ModelRequest) -> ModelRequest:
    items = [
        {**item, "arguments": json.dumps({"malformed": item["arguments"]}, ensure_ascii=False)}
        if _malformed(item)
        else item
        for item in request.body["input"]
    ]
    return request.changed(input=items)


def _without_responses_fields(request: ModelRequest) -> ModelRequest:
    """Remove what Chat Completions does not have, so that no rejection is taken to be about it."""
    absent = ("include", "store")
    return replace(request, body={name: value for name, value in request.body.items() if name not in absent})


def _parameter(feature: Feature, name: str, rejection: str) -> FeatureRule:
    """The rule of a feature that is one parameter of the request."""
    return FeatureRule(
        feature,
        regex(rejection, re.IGNORECASE),
        lambda request: name in request.body,
        lambda request: replace(
            request, body={key: value for key, value in request.body.items() if key != name}
        ),
    )


# How llama.cpp rejects a reasoning item without readable text.
UNREADABLE_REASONING = r"item\['content'\] is not an array"

NEVER = regex(r"(?!)")  # a missing endpoint is no rejection: see ``switch_api``

# If a rejection matches several rules, the first one applies.
RULES = (
    FeatureRule(Feature.RESPONSES_API, NEVER, lambda _request: False, _without_responses_fields),
    FeatureRule(
        Feature.FOREIGN_REASONING,
        regex(rf"reasoning|encrypted|decrypt|{UNREADABLE_REASONING}", re.IGNORECASE),
        _has_foreign_reasoning,
        _without_foreign_reasoning,
    ),
    _parameter(Feature.STREAM_OPTIONS, "stream_options", "stream_options|include_usage"),
    _parameter(Feature.TOOL_CHOICE, "tool_choice", "tool[_ ]choice"),
    _parameter(Feature.CACHE_KEY, "prompt_cache_key", "prompt_cache_key"),
    _parameter(Feature.PARALLEL_CALLS, "parallel_tool_calls", "parallel"),
    FeatureRule(
        Feature.IMAGES,
        regex(r"image|vision|multimodal|mmproj", re.IGNORECASE),
        _shows_images,
        _without_images,
    ),
    _parameter(Feature.ENCRYPTED_REASONING, "include", r"include|encrypted"),
    _parameter(Feature.VERBOSITY, "text", r"verbosity|['\"`]text['\"`.]"),
    _parameter(Feature.REASONING_EFFORT, "reasoning", r"reasoning|effort"),
    FeatureRule(
        Feature.REASONING_ITEMS,
        regex(rf"reasoning|{UNREADABLE_REASONING}", re.IGNORECASE),
        _has_reasoning,
        _without_reasoning,
    ),
    FeatureRule(
        Feature.MALFORMED_CALLS,
        regex(r"tool call arguments|arguments as JSON", re.IGNORECASE),
        _has_malformed_calls,
        _without_malformed_calls,
    ),
    FeatureRule(
        Feature.CUSTOM_TOOLS,
        regex(r"custom|grammar|lark|tool type|of tool|type of 'item'|tools[\[.'\" ]", re.IGNORECASE),
        _uses_custom_tools,
        _without_custom_tools,
    ),
    _parameter(Feature.STREAMING, "stream", r"\bstream(ing)?\b"),
    _parameter(Feature.STORE, "store", r"\bstore\b"),
)
