"""A model behind the Responses API of any server that offers it, called with the openai library.

Items are sent through ``extra_body`` and the stream is read line by line here. The library would pass every item and
event through its type declarations, which costs more than everything else that the loop does in a turn.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import httpx2
import openai

from dayhand.agent.model.base import (
    AUTO,
    NONE,
    Item,
    Listener,
    Reply,
)
from dayhand.agent.model.items import calls_in, text_in, without_surrogates
from dayhand.agent.model.prices import Prices, price_of
from dayhand.agent.model.retry import (
    FaultKind,
    ModelFault,
    RetryPolicy,
    RetryState,
    from_event,
    from_status,
)
from dayhand.agent.model.server_features import (
    Body,
    Feature,
    FeatureStore,
    ModelRequest,
    ServerFeatures,
)
from dayhand.usage import Switch, Usage

CONNECT_SECONDS = 15.0
ON_WAIT_SECONDS = 5.0
MAX_TOKENS = 100_000_000  # of one reply: a larger count is not a count of tokens
MAX_REPLY_BYTES = 128 * 1024 * 1024  # an event for each token is some 250 bytes
ENDLESS_REPLY_ADVICE = "Choose another model in DAYHAND_MODEL: this one does not stop generating."
CANNOT_PARSE = re.compile(r"not supported|failed to parse", re.IGNORECASE)


def _finite_float(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


# NaN and infinity are read as None: the server would reject them when they are sent back.
JSON_DECODER = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite_float)


class ResponsesModel:
    """Asks for one reply at a time. Requests are stateless: each contains the whole history, unchanged.

    The client's own retries must be off (``max_retries=0``), because ``RetryPolicy`` decides about them here.
    """

    switches: tuple[Switch, ...] = ()  # always empty for one model; see ``FallbackModels``

    def __init__(
        self,
        client: openai.OpenAI,
        model: str,
        *,
        scripted: bool = False,
        prices: Prices | None = None,
        effort: str = "",
        window: int = 0,
        feature_store: FeatureStore | None = None,
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        self.name = model
        self.scripted = scripted
        self._client = client
        self._price = price_of(prices or {}, model)
        self.window = window or (self._price.window if self._price else 0)
        self._effort = effort
        self._policy = retry_policy or RetryPolicy()
        self._sleep = self._policy.sleep
        self._clock = self._policy.clock
        self._features = ServerFeatures(feature_store)

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
        foreign_items: int = 0,
    ) -> Reply:
        """Ask for the next turn, with retries. Raises ``ModelError`` if they fail or cannot help.

        ``foreign_items``: how many of the items, from the front, date from another model's turns.
        """
        retries = RetryState(self._policy)
        full_request = ModelRequest(
            {**self._body(items, tools, cache_key), **tool_choice_field(tool_choice)}, foreign_items
        )
        while True:
            request = self._features.adapt(full_request)
            try:
                response = self._ask(request.body, listener)
                reply = self._reply(response)
            except ModelFault as fault:
                rejected = fault.kind is not FaultKind.CONTEXT_OVERFLOW and is_rejection(fault)
                if rejected and self._features.learn_from(str(fault), request):
                    continue
                seconds = retries.delay_after(fault)
                listener.on_fault(f"{fault} Retrying in {seconds:.0f} s.")
                self._wait(seconds, listener)
            else:
                self._features.confirm(request.body, response)
                return reply

    def _body(self, items: Sequence[Item], tools: Sequence[Item], cache_key: str) -> Body:
        body = {
            "model": self.name,
            "stream": True,
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": cache_key,
            "parallel_tool_calls": True,
            "tools": [*tools],
            "input": [*items],
        }
        return {**body, "reasoning": {"effort": self._effort}} if self._effort else body

    def _timeout(self, *, streamed: bool) -> openai.Timeout:
        """A reply that is not streamed sends no byte until it is complete, so its read timeout is longer."""
        read = self._policy.idle_timeout if streamed else self._policy.reply_timeout
        return openai.Timeout(60.0, connect=CONNECT_SECONDS, read=read)

    def _wait(self, seconds: float, listener: Listener) -> None:
        ends = self._clock() + seconds
        while (left := ends - self._clock()) > 0:
            self._sleep(min(left, ON_WAIT_SECONDS))
            listener.on_wait()

    def _ask(self, body: Body, listener: Listener) -> Mapping[str, Any]:
        """Send one request and read its response object. Raises ``ModelFault``."""
        try:
            with self._client.responses.with_streaming_response.create(
                extra_body=body, timeout=self._timeout(streamed="stream" in body)
            ) as response:
                if "text/event-stream" in response.headers.get("content-type", ""):
                    return read_events(self._with_timeout(response.iter_lines(), listener), listener.on_text)
                return _pass_on_text(_json_object(response.read()), listener.on_text)
        except openai.APIStatusError as error:
            body = error.body if isinstance(error.body, dict) else {"message": error.message}
            raise self._without_key(
                from_status(error.status_code, body, error.response.headers, now=self._clock())
            ) from error
        except (openai.APITimeoutError, httpx2.TimeoutException) as error:
            raise ModelFault(FaultKind.CONNECTION, "The model server stopped responding.") from error
        except (openai.APIConnectionError, httpx2.TransportError) as error:
            why = str(error.__cause__ or error)[:200]
            raise ModelFault(
                FaultKind.CONNECTION, f"The connection to the model server broke: {why}."
            ) from error

    def _with_timeout(self, lines: Iterable[str], listener: Listener) -> Iterator[str]:
        """Call ``on_wait`` every few seconds, and stop a reply that takes too long."""
        started_at = called_at = self._clock()
        for line in lines:
            now = self._clock()
            if now - started_at > self._policy.reply_timeout:
                raise ModelFault(
                    FaultKind.CONNECTION,
                    f"The model's reply was not complete after {self._policy.reply_timeout:.0f} s.",
                )
            if now - called_at > ON_WAIT_SECONDS:
                called_at = now
                listener.on_wait()
            yield line

    def _without_key(self, fault: ModelFault) -> ModelFault:
        """Remove our API key from an error message in which the server repeated it."""
        secret = self._client.api_key
        if secret and len(secret) > 4 and secret in str(fault):
            return ModelFault(
                fault.kind,
                str(fault).replace(secret, "(key)"),
                retry_after=fault.retry_after,
                advice=fault.advice,
            )
        return fault

    def _reply(self, response: Mapping[str, Any]) -> Reply:
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
        calls = calls_in(items)
        if calls is None:
            raise ModelFault(
                FaultKind.INVALID_REPLY,
                "The model server sent a tool call without a name, an id or arguments.",
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


def read_events(lines: Iterable[str], on_text: Callable[[str], None]) -> Mapping[str, Any]:
    """Read a stream's events up to the last one of the response, and return that response. Raises ``ModelFault``.

    Source of the events: https://developers.openai.com/api/reference/resources/responses/streaming-events
    """
    done: list[Item] = []  # completed items: some servers leave them out of the last event
    size = 0
    has_text = False
    for line in lines:
        size += len(line)
        if size > MAX_REPLY_BYTES:
            raise ModelFault(
                FaultKind.INVALID_REPLY,
                f"The model's reply is longer than {MAX_REPLY_BYTES // 1024 // 1024} MiB.",
                advice=ENDLESS_REPLY_ADVICE,
            )
        if not line.startswith("data:") or line == "data: [DONE]":
            continue
        event = _json_object(line[5:])
        match event.get("type"):
            case "response.output_text.delta":
                has_text = True
                on_text(str(event.get("delta", "")))
            case "response.output_item.done" if isinstance(event.get("item"), dict):
                done.append(event["item"])
            case "response.completed" | "response.incomplete":
                response = event.get("response")
                if not isinstance(response, dict):
                    raise ModelFault(
                        FaultKind.INVALID_REPLY, "The model server ended its stream without a response."
                    )
                complete = response if response.get("output") else {**response, "output": done}
                return complete if has_text else _pass_on_text(complete, on_text)
            case "response.failed":
                response = event.get("response")
                error = response.get("error") if isinstance(response, dict) else None
                raise from_event(error if isinstance(error, dict) else {})
            case "error":
                error = event.get("error")
                raise from_event(error if isinstance(error, dict) else event)
            case None if isinstance(event.get("error"), dict):  # llama.cpp sends errors without an event type
                raise from_event(event["error"])
    raise ModelFault(
        FaultKind.CONNECTION, "The model server closed the connection in the middle of its reply."
    )


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
    status = getattr(fault.__cause__, "status_code", 0)
    return status in (400, 422, 501) or (status == 500 and CANNOT_PARSE.search(str(fault)) is not None)


def _pass_on_text(response: Mapping[str, Any], on_text: Callable[[str], None]) -> Mapping[str, Any]:
    """Pass on the text of a response that was not streamed."""
    items = response.get("output")
    if isinstance(items, list):
        on_text(text_in(item for item in items if isinstance(item, dict)))
    return response


def _json_object(raw: str | bytes) -> dict[str, Any]:
    try:
        value = JSON_DECODER.decode(raw if isinstance(raw, str) else raw.decode("utf-8-sig", "replace"))
        if isinstance(value, dict):
            return without_surrogates(value)
    except (ValueError, RecursionError) as error:  # RecursionError: deeply nested brackets
        raise ModelFault(
            FaultKind.INVALID_REPLY, f"The model server sent invalid JSON: {raw[:80]!r}."
        ) from error
    raise ModelFault(FaultKind.INVALID_REPLY, "The model server sent JSON that is not an object.")


def _token_count(value: object, maximum: int = MAX_TOKENS) -> int:
    """A number of tokens; 0 if the value is not a valid one."""
    return value if type(value) is int and 0 < value <= maximum else 0
