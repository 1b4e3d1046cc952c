"""A model behind an HTTP server: the Responses API where the server has it, otherwise Chat Completions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from dayhand.agent.model import chat, responses
from dayhand.agent.model.base import AUTO, NONE, Body, Item, Listener, Reply, WireFormat
from dayhand.agent.model.client import ModelClient
from dayhand.agent.model.events import joined, parse_object, read_events
from dayhand.agent.model.items import calls_in, repaired, text_in
from dayhand.agent.model.prices import Prices, price_of
from dayhand.agent.model.reading import ResponseReader
from dayhand.agent.model.retry import FaultKind, ModelFault, RetryPolicy, RetryState, no_endpoint
from dayhand.agent.model.server_features import Feature, FeatureStore, ModelRequest, ServerFeatures
from dayhand.startup.records import dataclass
from dayhand.usage import Switch, Usage

ON_WAIT_SECONDS = 1.0
MAX_TOKENS = 100_000_000  # of one reply: a larger count is not a count of tokens
CANNOT_PARSE = re.compile(r"not supported|failed to parse", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Style:
    """How the model is asked to work; "" leaves it to the model. Servers that refuse it are not sent it again."""

    effort: str = ""  # of its reasoning
    verbosity: str = ""  # of its messages

    def fields(self, effort: str) -> Body:
        """The fields of a request. ``effort`` is the repository's, which wins."""
        effort = effort or self.effort
        return {
            **({"reasoning": {"effort": effort}} if effort else {}),
            **({"text": {"verbosity": self.verbosity}} if self.verbosity else {}),
        }


class RemoteModel:
    """Asks for one reply at a time. Requests are stateless: each contains the whole history, unchanged."""

    switches: tuple[Switch, ...] = ()  # always empty for one model; see ``FallbackModels``

    def __init__(
        self,
        client: ModelClient,
        model: str,
        *,
        scripted: bool = False,
        prices: Prices | None = None,
        style: Style | None = None,
        window: int = 0,
        feature_store: FeatureStore | None = None,
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        self.name = model
        self.scripted = scripted
        self._client = client
        self._price = price_of(prices or {}, model)
        self.window = window or (self._price.window if self._price else 0)
        self._style = style or Style()
        self._policy = retry_policy or RetryPolicy()
        self._sleep = self._policy.sleep
        self._clock = self._policy.clock
        self._features = ServerFeatures(feature_store, custom_tools=client.is_openai)

    @property
    def supports_images(self) -> bool:
        """Whether it accepts images; true until it has rejected one."""
        return self._features.supports(Feature.IMAGES)

    def reply(
        self,
        items: Sequence[Item],
        tools: Sequence[Item],
        *,
        cache_key: str,
        listener: Listener,
        tool_choice: str = AUTO,
        effort: str = "",
        foreign_items: int = 0,
    ) -> Reply:
        """Ask for the next turn, with retries. Raises ``ModelError`` if they fail or cannot help.

        ``foreign_items``: how many of the items, from the front, date from another model's turns.
        """
        retries = RetryState(self._policy)
        full_request = ModelRequest(
            {
                **self._body(items, tools, cache_key),
                **tool_choice_field(tool_choice),
                **self._style.fields(effort),
            },
            foreign_items,
        )
        missing: dict[str, ModelFault] = {}  # endpoints that the server does not have
        while True:
            request = self._features.adapt(full_request)
            try:
                reply = self._reply(self._ask(request.body, listener), items)
            except ModelFault as fault:
                if is_rejection(fault) and self._features.learn_from(str(fault), request):
                    continue
                if fault.kind is FaultKind.NO_ENDPOINT:
                    missing[self._format.PATH] = fault
                    if len(missing) == 1:
                        self._features.switch_api()
                        continue
                    fault = no_endpoint(missing[responses.PATH], missing[chat.PATH], self._client.host)
                seconds = retries.delay_after(fault)
                listener.on_fault(f"{fault} Retrying in {seconds:.0f} s.")
                self._wait(seconds, listener)
            else:
                listener.on_reply(reply)
                self._features.confirm()
                return reply

    @property
    def _format(self) -> WireFormat:
        return responses if self._features.supports(Feature.RESPONSES_API) else chat

    def _body(self, items: Sequence[Item], tools: Sequence[Item], cache_key: str) -> Body:
        return {
            "model": self.name,
            "stream": True,
            "stream_options": {"include_usage": True},
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": cache_key,
            "parallel_tool_calls": True,
            "tools": [*tools],
            "input": [*items],
        }

    def _wait(self, seconds: float, listener: Listener) -> None:
        ends = self._clock() + seconds
        while (left := ends - self._clock()) > 0:
            self._sleep(min(left, ON_WAIT_SECONDS))
            listener.on_wait()

    def _ask(self, body: Body, listener: Listener) -> Mapping[str, Any]:
        """Send one request and read its response object. Raises ``ModelFault``."""
        wire = self._format
        # A reply that is not streamed sends no byte until it is complete.
        silence = self._policy.idle_timeout if "stream" in body else self._policy.reply_timeout
        post = partial(
            self._client.post, wire.PATH, wire.encode(body), read_seconds=silence, now=self._policy.now
        )
        with ResponseReader(post, listener.on_wait) as reader:
            content_type = reader.headers().get("content-type", "")
            chunks = self._with_timeout(reader.chunks(), listener)
            if "text/event-stream" in content_type:
                return wire.read_stream(read_events(chunks), listener.on_text)
            return wire.read_whole(parse_object(joined(chunks)), listener.on_text)

    def _with_timeout(self, chunks: Iterable[bytes], listener: Listener) -> Iterator[bytes]:
        """Call ``on_wait`` every few seconds, and stop a reply that takes too long."""
        started_at = called_at = self._clock()
        for chunk in chunks:
            now = self._clock()
            if now - started_at > self._policy.reply_timeout:
                raise ModelFault(
                    FaultKind.CONNECTION,
                    f"The model's reply was not complete after {self._policy.reply_timeout:.0f} s.",
                )
            if now - called_at > ON_WAIT_SECONDS:
                called_at = now
                listener.on_wait()
            yield chunk

    def _reply(self, response: Mapping[str, Any], history: Sequence[Item]) -> Reply:
        items = response.get("output")
        if not isinstance(items, list) or not all(
            isinstance(item, dict) and isinstance(item.get("type"), str) for item in items
        ):
            raise ModelFault(
                FaultKind.INVALID_REPLY, "The model server sent a reply without a list of items."
            )
        if was_filtered(response):
            raise ModelFault(
                FaultKind.FATAL,
                "The model service refused this request: its content filter cut the reply.",
            )
        items = repaired(items, history)
        calls = calls_in(items)
        if calls is None:
            raise ModelFault(
                FaultKind.INVALID_REPLY,
                "The model server sent a tool call without a name or arguments.",
            )
        return Reply(
            items=tuple(items),
            calls=calls,
            text=text_in(items),
            usage=self._usage(response.get("usage")),
            truncated=response.get("status") == "incomplete",
        )

    def _usage(self, raw: object) -> Usage:
        fields = raw if isinstance(raw, dict) else {}
        details = fields.get("input_tokens_details")
        details = details if isinstance(details, dict) else {}
        input_tokens = _token_count(fields.get("input_tokens"))
        output_tokens = _token_count(fields.get("output_tokens"))
        cached = _token_count(details.get("cached_tokens"), input_tokens)
        written = _token_count(details.get("cache_write_tokens"), input_tokens - cached)
        dollars = None
        if (
            self._price is not None and input_tokens
        ):  # every request has input; 0 means that nothing was counted
            dollars = self._price.dollars(
                input_tokens=input_tokens, cached=cached, written=written, output=output_tokens
            )
        return Usage(self.name, 1, input_tokens, cached, output_tokens, dollars, self.scripted)


def tool_choice_field(tool_choice: str) -> Body:
    """The field that limits the tools. The list of tools never changes: the cached prompt starts with it."""
    if tool_choice == AUTO:
        return {}
    return {"tool_choice": NONE if tool_choice == NONE else {"type": "function", "name": tool_choice}}


def was_filtered(response: Body) -> bool:
    """Whether the service's content filter cut the reply."""
    details = response.get("incomplete_details")
    return isinstance(details, dict) and details.get("reason") == "content_filter"


def is_rejection(fault: ModelFault) -> bool:
    """Whether the server could not read the request; it may accept one that uses fewer features.

    llama.cpp also uses status 500 for this.
    """
    if fault.kind in (FaultKind.CONTEXT_OVERFLOW, FaultKind.UNAVAILABLE, FaultKind.NO_CREDIT):
        return False
    return fault.status in (400, 422, 501) or (
        fault.status == 500 and CANNOT_PARSE.search(str(fault)) is not None
    )


def _token_count(value: object, maximum: int = MAX_TOKENS) -> int:
    """A number of tokens; 0 if the value is not a valid one."""
    return value if type(value) is int and 0 < value <= maximum else 0
