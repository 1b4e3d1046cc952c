"""A model behind the Responses API of any server that speaks it, asked with the openai library.

The list of items goes out through ``extra_body`` and the stream is read line by line here: the library walks every
item and every event through its type declarations, which costs more than all else that we do in a turn.
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
from dayhand.agent.model.items import calls_in, mended, text_in
from dayhand.agent.model.prices import Prices, price_of
from dayhand.agent.model.retry import (
    Attempts,
    FaultKind,
    ModelFault,
    Patience,
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
PULSE_SECONDS = 5.0
MAX_TOKENS = 100_000_000  # of one reply: a server that counts more counts something else
ANSWER_BYTES = 128 * 1024 * 1024  # an event for each token is some 250 bytes
ENDLESS = "Choose another model in DAYHAND_MODEL: this one does not come to an end."
UNREADABLE = re.compile(r"not supported|failed to parse", re.IGNORECASE)


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


# What a server calls a number and is none would be refused when it is sent back.
WIRE = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite)


class ResponsesModel:
    """Asks for one reply at a time, statelessly: everything said so far goes along, unchanged.

    The client's own retries must be off (``max_retries=0``): this knows better when asking again helps.
    """

    switches: tuple[Switch, ...] = ()  # it is one model: ``FallbackModels`` is several

    def __init__(
        self,
        client: openai.OpenAI,
        model: str,
        *,
        scripted: bool = False,
        prices: Prices | None = None,
        effort: str = "",
        window: int = 0,
        shelf: FeatureStore | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.name = model
        self.scripted = scripted
        self._client = client
        self._price = price_of(prices or {}, model)
        self.window = window or (self._price.window if self._price else 0)
        self._effort = effort
        self._patience = patience or Patience()
        self._sleep = self._patience.sleep
        self._clock = self._patience.clock
        self._abilities = ServerFeatures(shelf)

    @property
    def images(self) -> bool:
        """Whether it can be shown images, as far as is known: they are tried until they are refused once."""
        return not self._abilities.lacks(Feature.IMAGES)

    def reply(
        self,
        items: Sequence[Item],
        tools: Sequence[Item],
        *,
        key: str,
        listener: Listener,
        choice: str = AUTO,
        foreign: int = 0,
    ) -> Reply:
        """Ask for the next turn, patiently. Raises ``ModelError`` where that has no use (any more).

        ``foreign``: in how many of the items, from the front, another model had a part.
        """
        attempts = Attempts(self._patience)
        whole = ModelRequest({**self._body(items, tools, key), **chosen(choice)}, foreign)
        while True:
            request = self._abilities.fit(whole)
            try:
                response = self._ask(request.body, listener)
                reply = self._reply(response)
            except ModelFault as fault:
                curable = fault.kind is not FaultKind.OVERFLOW and refused_as_it_stands(fault)
                if curable and self._abilities.give_up(str(fault), request):
                    continue
                seconds = attempts.wait_after(fault)
                listener.on_fault(f"{fault} Asking again in {seconds:.0f} s.")
                self._wait(seconds, listener)
            else:
                self._abilities.confirm(request.body, response)
                return reply

    def _body(self, items: Sequence[Item], tools: Sequence[Item], key: str) -> Body:
        body = {
            "model": self.name,
            "stream": True,
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": key,
            "parallel_tool_calls": True,
            "tools": [*tools],
            "input": [*items],
        }
        return {**body, "reasoning": {"effort": self._effort}} if self._effort else body

    def _timeout(self, *, streamed: bool) -> openai.Timeout:
        """What does not come in pieces is silent until it is whole."""
        silent = self._patience.idle if streamed else self._patience.reply
        return openai.Timeout(60.0, connect=CONNECT_SECONDS, read=silent)

    def _wait(self, seconds: float, listener: Listener) -> None:
        ends = self._clock() + seconds
        while (left := ends - self._clock()) > 0:
            self._sleep(min(left, PULSE_SECONDS))
            listener.on_wait()

    def _ask(self, body: Body, listener: Listener) -> Mapping[str, Any]:
        """Send one request and read its response object. Raises ``ModelFault``."""
        try:
            with self._client.responses.with_streaming_response.create(
                extra_body=body, timeout=self._timeout(streamed="stream" in body)
            ) as answer:
                if "text/event-stream" in answer.headers.get("content-type", ""):
                    return read_events(self._paced(answer.iter_lines(), listener), listener.on_text)
                return _heard(_object(answer.read()), listener.on_text)
        except openai.APIStatusError as error:
            said = error.body if isinstance(error.body, dict) else {"message": error.message}
            raise self._discreet(
                from_status(error.status_code, said, error.response.headers, now=self._clock())
            ) from error
        except (openai.APITimeoutError, httpx2.TimeoutException) as error:
            raise ModelFault(FaultKind.BROKEN, "The model's server stopped answering.") from error
        except (openai.APIConnectionError, httpx2.TransportError) as error:
            why = str(error.__cause__ or error)[:200]
            raise ModelFault(
                FaultKind.BROKEN, f"The connection to the model's server broke: {why}."
            ) from error

    def _paced(self, lines: Iterable[str], listener: Listener) -> Iterator[str]:
        """Let the listener have its say now and then, and end what takes for ever."""
        began = told = self._clock()
        for line in lines:
            now = self._clock()
            if now - began > self._patience.reply:
                raise ModelFault(FaultKind.BROKEN, "The model's reply did not come to an end.")
            if now - told > PULSE_SECONDS:
                told = now
                listener.on_wait()
            yield line

    def _discreet(self, fault: ModelFault) -> ModelFault:
        """Take our key out of what a server repeated."""
        secret = self._client.api_key
        if secret and len(secret) > 4 and secret in str(fault):
            return ModelFault(
                fault.kind, str(fault).replace(secret, "(key)"), after=fault.after, advice=fault.advice
            )
        return fault

    def _reply(self, response: Mapping[str, Any]) -> Reply:
        items = response.get("output")
        if not isinstance(items, list) or not all(
            isinstance(item, dict) and isinstance(item.get("type"), str) for item in items
        ):
            raise ModelFault(FaultKind.NONSENSE, "The model's server sent a reply without a list of items.")
        if filtered(response):
            raise ModelFault(
                FaultKind.FATAL,
                "The model's service refuses to work on this: its content filter cut the reply.",
            )
        calls = calls_in(items)
        if calls is None:
            raise ModelFault(
                FaultKind.NONSENSE, "The model's server sent a tool call without a name, an id or arguments."
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
        read, made = _count(fields.get("input_tokens")), _count(fields.get("output_tokens"))
        cached = _count(details.get("cached_tokens"), read)
        written = _count(details.get("cache_write_tokens"), read - cached)
        dollars = None
        if self._price is not None and read:  # every request has input: what does not count it counts nothing
            dollars = self._price.dollars(input_tokens=read, cached=cached, written=written, output=made)
        return Usage(self.name, 1, read, cached, made, dollars, self.scripted)


def read_events(lines: Iterable[str], on_text: Callable[[str], None]) -> Mapping[str, Any]:
    """Read a stream's events up to the one that ends the response, and give that response. Raises ``ModelFault``.

    Source of the events: https://developers.openai.com/api/reference/resources/responses/streaming-events
    """
    done: list[Item] = []  # items as they were completed: some servers leave them out of the last event
    size = 0
    heard = False
    for line in lines:
        size += len(line)
        if size > ANSWER_BYTES:
            raise ModelFault(
                FaultKind.NONSENSE, "The model's reply is longer than any reply should be.", advice=ENDLESS
            )
        if not line.startswith("data:") or line == "data: [DONE]":
            continue
        event = _object(line[5:])
        match event.get("type"):
            case "response.output_text.delta":
                heard = True
                on_text(str(event.get("delta", "")))
            case "response.output_item.done" if isinstance(event.get("item"), dict):
                done.append(event["item"])
            case "response.completed" | "response.incomplete":
                response = event.get("response")
                if not isinstance(response, dict):
                    raise ModelFault(
                        FaultKind.NONSENSE, "The model's server ended its stream without a response."
                    )
                whole = response if response.get("output") else {**response, "output": done}
                return whole if heard else _heard(whole, on_text)
            case "response.failed":
                response = event.get("response")
                error = response.get("error") if isinstance(response, dict) else None
                raise from_event(error if isinstance(error, dict) else {})
            case "error":
                error = event.get("error")
                raise from_event(error if isinstance(error, dict) else event)
            case None if isinstance(event.get("error"), dict):  # llama.cpp's: an error is no event to it
                raise from_event(event["error"])
    raise ModelFault(FaultKind.BROKEN, "The model's server closed the connection in the middle of its reply.")


def chosen(choice: str) -> Body:
    """How a request says what may be called. The tools stay as they are: they are the first part of what is cached."""
    if choice == AUTO:
        return {}
    return {"tool_choice": choice if choice == NONE else {"type": "function", "name": choice}}


def filtered(response: Body) -> bool:
    """Whether a reply ends where the service's content filter cut it."""
    details = response.get("incomplete_details")
    return isinstance(details, dict) and details.get("reason") == "content_filter"


def refused_as_it_stands(fault: ModelFault) -> bool:
    """Whether a server said that it cannot read a request: it may be able to read a plainer one.

    llama.cpp says so with 500, too.
    """
    status = getattr(fault.__cause__, "status_code", 0)
    return status in (400, 422, 501) or (status == 500 and UNREADABLE.search(str(fault)) is not None)


def _heard(response: Mapping[str, Any], on_text: Callable[[str], None]) -> Mapping[str, Any]:
    """Say the words of a response that did not come in pieces."""
    items = response.get("output")
    if isinstance(items, list):
        on_text(text_in(item for item in items if isinstance(item, dict)))
    return response


def _object(raw: str | bytes) -> dict[str, Any]:
    try:
        value = WIRE.decode(raw if isinstance(raw, str) else raw.decode("utf-8-sig", "replace"))
        if isinstance(value, dict):
            return mended(value)
    except (ValueError, RecursionError) as error:  # the latter: brackets in brackets
        raise ModelFault(
            FaultKind.NONSENSE, f"The model's server sent what is not JSON: {raw[:80]!r}."
        ) from error
    raise ModelFault(FaultKind.NONSENSE, "The model's server sent JSON that is no object.")


def _count(value: object, most: int = MAX_TOKENS) -> int:
    """A number of tokens; 0 for what is none."""
    return value if type(value) is int and 0 < value <= most else 0
