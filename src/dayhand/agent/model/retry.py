"""What can go wrong between the loop and a model server, and when a request is retried."""

from __future__ import annotations

import email.utils
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum

from dayhand.agent.model import wordings
from dayhand.errors import ContextOverflow, ModelError, ModelUnavailable
from dayhand.startup.records import dataclass


class FaultKind(StrEnum):
    """What kind of fault it is, which decides whether the request is retried."""

    RATE_LIMIT = "rate limit"  # retried until the total wait is used up
    SERVER_ERROR = "server error"  # retried
    CONNECTION = "connection"  # retried
    NOT_CONNECTED = "not connected"  # retried; nothing listens there
    INVALID_REPLY = "invalid reply"  # retried a few times
    UNAVAILABLE = "unavailable"  # not retried; another model may work
    NO_CREDIT = "no credit"  # retried only if the server says when
    NO_ENDPOINT = "no endpoint"  # not retried; the other API may work
    CONTEXT_OVERFLOW = "context overflow"  # not retried; a shorter history may work
    FATAL = "fatal"  # not retried, and no other model is asked


class ModelFault(Exception):
    """One failed attempt to get a reply."""

    def __init__(
        self,
        kind: FaultKind,
        what: str,
        *,
        retry_after: float | None = None,
        advice: str = "",
        status: int = 0,
    ) -> None:
        super().__init__(what)
        self.kind = kind
        self.status = status  # of the HTTP response that says so; 0 if it is something else
        self.retry_after = retry_after  # seconds that the server asks us to wait
        self.advice = advice


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long one reply is retried. All times are in seconds."""

    max_total_wait: float = 900.0
    max_attempts: int = 10  # after server errors, and after connection errors
    max_connects: int = 10  # if nothing listens there
    max_invalid_replies: int = 3
    waits_for_quota: bool = True  # if the server says how long: some call their rate limit a quota
    first_delay: float = 0.5
    max_delay: float = 60.0
    idle_timeout: float = 300.0  # without a byte; a server sends keep-alives while the model thinks
    reply_timeout: float = 1800.0  # for one whole reply
    jitter: Callable[[], float] = random.random
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time  # since the epoch, for servers that name a date

    def with_fallback_left(self) -> RetryPolicy:
        """A shorter policy for models that have a fallback."""
        return replace(
            self,
            max_total_wait=min(self.max_total_wait, 120.0),
            max_attempts=min(self.max_attempts, 5),
            max_connects=min(self.max_connects, 5),
            waits_for_quota=False,
        )


class RetryState:
    """The failed attempts at one reply so far."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._waited = 0.0
        self._counts: dict[FaultKind, int] = {}

    def delay_after(self, fault: ModelFault) -> float:
        """Seconds to wait before the next attempt. Raises ``ModelError`` if there should not be one.

        The error is ``ModelUnavailable`` if another model may work, ``ContextOverflow`` if a shorter history may.
        """
        if fault.kind is FaultKind.CONTEXT_OVERFLOW:
            raise ContextOverflow(str(fault), advice=fault.advice) from fault
        if fault.kind is FaultKind.FATAL:
            raise ModelError(str(fault), advice=fault.advice) from fault
        no_credit = fault.kind is FaultKind.NO_CREDIT and not (
            self._policy.waits_for_quota and fault.retry_after
        )
        if fault.kind in (FaultKind.UNAVAILABLE, FaultKind.NO_ENDPOINT) or no_credit:
            raise ModelUnavailable(str(fault), advice=fault.advice) from fault
        count = self._counts[fault.kind] = self._counts.get(fault.kind, 0) + 1
        allowed = {
            FaultKind.RATE_LIMIT: None,
            FaultKind.NO_CREDIT: None,
            FaultKind.INVALID_REPLY: self._policy.max_invalid_replies,
            FaultKind.NOT_CONNECTED: self._policy.max_connects,
        }.get(fault.kind, self._policy.max_attempts)
        if allowed is not None and count >= allowed:
            raise ModelUnavailable(
                f"{fault} This happened {count} times in a row.", advice=_advice(fault)
            ) from fault
        seconds = fault.retry_after if fault.retry_after is not None else self._backoff(fault.kind, count)
        if self._waited + seconds > self._policy.max_total_wait:
            raise ModelUnavailable(
                f"{fault} Waiting {seconds:.0f} s more would exceed the limit of {self._policy.max_total_wait:.0f} s for one reply.",
                advice=_advice(fault),
            ) from fault
        self._waited += seconds
        return seconds

    def _backoff(self, kind: FaultKind, count: int) -> float:
        first = self._policy.first_delay * (4 if kind is FaultKind.RATE_LIMIT else 1)
        delay = min(self._policy.max_delay, first * 2.0 ** (count - 1))
        return delay * (0.75 + self._policy.jitter() / 2)


def _advice(fault: ModelFault) -> str:
    return fault.advice or {
        FaultKind.RATE_LIMIT: "The rate limit of the model service is reached. Ask again later, or raise the limit there.",
        FaultKind.INVALID_REPLY: "Check OPENAI_BASE_URL: the server there follows neither the Responses format nor that of Chat Completions.",
    }.get(fault.kind, "Check that the server at OPENAI_BASE_URL is up, then ask again.")


def from_status(
    status: int, error: Mapping[str, object], headers: Mapping[str, str], *, server: str, now: float
) -> ModelFault:
    """Classify an HTTP status and the ``error`` object of its body. ``now`` is in seconds since the epoch."""
    fault = _from_status(status, error, headers, server=server, now=now)
    fault.status = status
    return fault


def _from_status(
    status: int, error: Mapping[str, object], headers: Mapping[str, str], *, server: str, now: float
) -> ModelFault:
    message, code = str(error.get("message") or "").strip(), _code(error)
    seconds = retry_after(headers, now=now)
    if seconds is None:
        seconds = retry_after_in_text(message)
    fault = _known(code, message, server=server, seconds=seconds, status=status)
    if fault is not None:
        return fault
    if status in (401, 403) or wordings.BAD_KEY.search(message):
        return ModelFault(
            FaultKind.UNAVAILABLE,
            f"The model server rejected the API key ({status}): {message[:300]}",
            advice="Check OPENAI_API_KEY, and that the key may use this model.",
        )
    if code in wordings.NO_MODEL_CODES or wordings.NO_MODEL.search(message):
        return ModelFault(
            FaultKind.UNAVAILABLE,
            f"The model server has no such model ({status}): {message[:300]}",
            advice="Check DAYHAND_MODEL and OPENAI_BASE_URL: does the server there have this model?",
        )
    if status in (404, 405, 501) or (status == 400 and wordings.NO_ENDPOINT.search(message)):
        return ModelFault(FaultKind.NO_ENDPOINT, f"{status}: {message[:300] or 'no reason given'}")
    if status == 429:
        return ModelFault(
            FaultKind.RATE_LIMIT,
            f"The model server asks us to slow down (429): {message[:300]}",
            retry_after=seconds,
        )
    if status in (408, 409, 425) or status >= 500:
        return ModelFault(
            FaultKind.SERVER_ERROR,
            f"The model server failed ({status}): {message[:300]}",
            retry_after=seconds,
        )
    return ModelFault(FaultKind.FATAL, f"The model server rejected the request ({status}): {message[:500]}")


def from_event(error: Mapping[str, object], *, server: str = "the model service") -> ModelFault:
    """Classify the error object of a failed stream."""
    message = str(error.get("message") or "no reason given").strip()
    code = _code(error)
    seconds = retry_after_in_text(message)
    fault = _known(code, message, server=server, seconds=seconds)
    if fault is not None:
        return fault
    if "rate_limit" in code or code == "429":
        return ModelFault(
            FaultKind.RATE_LIMIT,
            f"The model server asks us to slow down: {message[:300]}",
            retry_after=seconds,
        )
    return ModelFault(
        FaultKind.SERVER_ERROR,
        f"The model server failed while replying ({code or 'no code'}): {message[:300]}",
    )


def broken_off() -> ModelFault:
    """The fault of a stream that ends before its reply does."""
    return ModelFault(
        FaultKind.CONNECTION, "The model server closed the connection in the middle of its reply."
    )


def no_endpoint(first: ModelFault, second: ModelFault, server: str) -> ModelFault:
    """The fault of a server that offers neither API. ``first`` is the one of /responses."""
    return ModelFault(
        FaultKind.UNAVAILABLE,
        f"The server at {server} offers neither /responses ({first}) nor /chat/completions ({second}).",
        advice="Check OPENAI_BASE_URL: it usually ends in /v1. For a server of another kind, run a LiteLLM proxy in front of it.",
    )


def _code(error: Mapping[str, object]) -> str:
    """The error's name. Some servers put the status into ``code`` and the name into ``type``."""
    code = error.get("code")
    if isinstance(code, str) and code and not code.isdecimal():
        return code
    return str(error.get("type") or code or "")


def _known(
    code: str, message: str, *, server: str, seconds: float | None = None, status: int = 0
) -> ModelFault | None:
    """The fault that a code or message means whatever the status is; None if it is not one of those."""
    if code in wordings.NO_CREDIT_CODES or status == 402 or wordings.NO_CREDIT.search(message):
        return ModelFault(
            FaultKind.NO_CREDIT,
            f"The account at {server} has no credit left: {message[:300]}",
            retry_after=seconds,
            advice="Add credit to the account that OPENAI_API_KEY belongs to, then ask again.",
        )
    rate = status == 429 or "rate_limit" in code  # whose messages also count tokens
    if code in wordings.OVERFLOW_CODES or status == 413 or (not rate and wordings.OVERFLOW.search(message)):
        return ModelFault(
            FaultKind.CONTEXT_OVERFLOW,
            f"The history does not fit in the model's context window: {message[:300]}",
            advice="Ask for a smaller step, or choose a model with a larger context window in DAYHAND_MODEL.",
        )
    if code in ("invalid_prompt", "content_policy_violation"):
        return ModelFault(FaultKind.FATAL, f"The model service refused this request: {message[:300]}")
    return None


def retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds from ``retry-after-ms`` or ``Retry-After`` (seconds or a date); None if neither can be read.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    text = headers.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (TypeError, ValueError):
        return None


def retry_after_in_text(text: str) -> float | None:
    """Seconds from a text such as “Please try again in 1m2.5s”; None if it names no time.

    >>> retry_after_in_text("Rate limit reached. Please try again in 1m2.5s.")
    62.5
    """
    found = re.search(
        r"(?:try|retry)(?: again)? in ((?:\d+(?:\.\d+)?\s*(?:ms|milliseconds?|m(?:in(?:ute)?s?)?|h(?:ours?)?|s(?:ec(?:ond)?s?)?)\s*)+)",
        text,
        re.IGNORECASE,
    )
    if not found:
        return None
    total = 0.0
    for number, unit in re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]+)", found[1].lower()):
        total += float(number) * (
            0.001 if unit.startswith(("ms", "mil")) else {"m": 60, "h": 3600, "s": 1}[unit[0]]
        )
    return total
