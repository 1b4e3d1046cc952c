"""Reads server-sent events, in every form that gateways send them in.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from dayhand.agent.model.items import without_surrogates
from dayhand.agent.model.retry import FaultKind, ModelFault
from dayhand.untrusted_text import BYTE_ORDER_MARK

MAX_REPLY_BYTES = 128 * 1024 * 1024  # an event for each token is some 250 bytes
ENDLESS_REPLY_ADVICE = "Choose another model in DAYHAND_MODEL: this one does not stop generating."
DONE = "[DONE]"
_LINE_END = re.compile(rb"\r\n|\n|\r")  # and no other: JSON may contain U+2028 and its like


def _finite_float(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


# NaN and infinity are read as None: the server would reject them when they are sent back.
JSON_DECODER = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite_float)


def read_events(chunks: Iterable[bytes]) -> Iterator[dict[str, Any] | None]:
    """The JSON object of each event; None for the ``[DONE]`` that ends a stream.

    An event without a ``type`` has the name of its ``event:`` line as its type. Comments, keep-alives and data that
    is not an object are skipped. Raises ``ModelFault``.
    """
    name = ""
    data: list[bytes] = []
    for line in chain(_lines(chunks), (b"",)):  # some servers leave out the empty line after the last event
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value.decode("utf-8", "replace").strip()
        elif field == b"data":
            data.append(value)
        elif not line:
            text = b"\n".join(data).decode("utf-8", "replace").strip(f"{BYTE_ORDER_MARK} \n")
            if text == DONE:
                yield None
            elif text.startswith("{"):
                event = parse_object(text)
                yield {"type": name, **event} if name else event
            name, data = "", []


def joined(chunks: Iterable[bytes]) -> bytes:
    """A reply that was not streamed. Raises ``ModelFault`` if it does not end."""
    return b"".join(_limited(chunks))


def _limited(chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            raise ModelFault(
                FaultKind.INVALID_REPLY,
                f"The model's reply is longer than {MAX_REPLY_BYTES // 1024 // 1024} MiB.",
                advice=ENDLESS_REPLY_ADVICE,
            )
        yield chunk


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    begun: list[bytes] = []  # of a line whose end has not arrived
    for chunk in _limited(chunks):
        begun.append(chunk)
        if (
            b"\n" not in chunk and b"\r" not in chunk[:-1]
        ):  # after a last \r, the other half of a line end may follow
            continue
        *lines, rest = _LINE_END.split(b"".join(begun))
        if chunk.endswith(b"\r"):
            rest = lines.pop() + b"\r"
        begun = [rest]
        yield from lines
    yield from _LINE_END.split(b"".join(begun))


def parse_object(raw: str | bytes) -> dict[str, Any]:
    """A JSON object. Raises ``ModelFault``."""
    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
        value = JSON_DECODER.decode(text.removeprefix(BYTE_ORDER_MARK))
        if isinstance(value, dict):
            return without_surrogates(value)
    except (ValueError, RecursionError) as error:  # RecursionError: deeply nested brackets
        raise ModelFault(
            FaultKind.INVALID_REPLY, f"The model server sent invalid JSON: {raw[:80]!r}."
        ) from error
    raise ModelFault(FaultKind.INVALID_REPLY, "The model server sent JSON that is not an object.")
