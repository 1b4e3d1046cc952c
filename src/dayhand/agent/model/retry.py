"""What can go wrong between us and a model's server, and how long we stay patient."""

from __future__ import annotations

import email.utils
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from dayhand.errors import ContextOverflow, ModelError, ModelUnavailable

# How servers that answer 400 say that they have no such model: LiteLLM, vLLM, OpenAI.
NO_MODEL = re.compile(
    r"invalid model name|model[^.]{0,80}(does not exist|not found|is not available)", re.IGNORECASE
)
# How servers say that a request is longer than the window: OpenAI, vLLM, llama.cpp, LiteLLM and those behind it.
TOO_LONG = re.compile(
    r"context[ _](?:length|window|size).{0,40}exceed|exceed.{0,40}context (?:length|window|size)|maximum context length"
    r"|context_?window_?exceeded|prompt is too long",
    re.IGNORECASE,
)
TOO_LONG_CODES = ("context_length_exceeded", "exceed_context_size_error")  # the latter is llama.cpp's


class FaultKind(StrEnum):
    """How a fault is met."""

    RATE = "rate"  # asked to wait: as long as patience lasts
    SERVER = "server"  # it failed on its side
    BROKEN = "broken"  # the connection did not hold
    NONSENSE = "nonsense"  # an answer that is none
    GONE = "gone"  # this model cannot be had: asking it again cannot help, another one may
    OVERFLOW = "overflow"  # asking with less may help
    FATAL = "fatal"  # asking cannot help, whomever


class ModelFault(Exception):
    """One failed attempt."""

    def __init__(self, kind: FaultKind, what: str, *, after: float | None = None, advice: str = "") -> None:
        super().__init__(what)
        self.kind = kind
        self.after = after  # seconds that the server asks us to wait
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Patience:
    """When to give up on one reply, and how attempts are spaced."""

    seconds: float = 900.0  # waited in all
    tries: int = 10  # for failing servers and broken connections
    nonsense: int = 3
    first: float = 0.5
    longest: float = 60.0
    idle: float = 300.0  # seconds without any byte: a model may think for long, but its server keeps talking
    reply: float = 1800.0  # seconds for one reply in all
    jitter: Callable[[], float] = random.random
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    def with_another_model_left(self) -> Patience:
        """Less of it, where another model can go on meanwhile."""
        return replace(self, seconds=min(self.seconds, 120.0), tries=min(self.tries, 5))


class Attempts:
    """Counts the failed attempts at one reply."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._waited = 0.0
        self._counts: dict[FaultKind, int] = {}

    def wait_after(self, fault: ModelFault) -> float:
        """Seconds to wait before asking again. Raises ``ModelError`` where that is of no use any more.

        It is ``ModelUnavailable`` where another model could be of use, ``ContextOverflow`` where less to read could.
        """
        if fault.kind is FaultKind.OVERFLOW:
            raise ContextOverflow(str(fault), advice=fault.advice) from fault
        if fault.kind is FaultKind.FATAL:
            raise ModelError(str(fault), advice=fault.advice) from fault
        if fault.kind is FaultKind.GONE:
            raise ModelUnavailable(str(fault), advice=fault.advice) from fault
        count = self._counts[fault.kind] = self._counts.get(fault.kind, 0) + 1
        most = {FaultKind.RATE: None, FaultKind.NONSENSE: self._patience.nonsense}.get(
            fault.kind, self._patience.tries
        )
        if most is not None and count >= most:
            raise ModelUnavailable(
                f"{fault} This happened {count} times in a row.", advice=_advice(fault)
            ) from fault
        seconds = fault.after if fault.after is not None else self._backoff(fault.kind, count)
        if self._waited + seconds > self._patience.seconds:
            raise ModelUnavailable(
                f"{fault} Waiting {seconds:.0f} s more would be longer than the {self._patience.seconds:.0f} s that we wait for one reply.",
                advice=_advice(fault),
            ) from fault
        self._waited += seconds
        return seconds

    def _backoff(self, kind: FaultKind, count: int) -> float:
        first = self._patience.first * (4 if kind is FaultKind.RATE else 1)
        plain = min(self._patience.longest, first * 2.0 ** (count - 1))
        return plain * (0.75 + self._patience.jitter() / 2)


def _advice(fault: ModelFault) -> str:
    return fault.advice or {
        FaultKind.RATE: "The limit of the model's service is reached. Ask again later, or raise the limit there.",
        FaultKind.NONSENSE: "The server at OPENAI_BASE_URL does not speak the Responses format as we know it.",
    }.get(fault.kind, "See whether the server at OPENAI_BASE_URL is up, then ask again.")


def from_status(
    status: int, error: Mapping[str, object], headers: Mapping[str, str], *, now: float
) -> ModelFault:
    """Name what an HTTP status and the ``error`` object of its body mean. ``now`` is seconds since the epoch."""
    said = str(error.get("message") or "").strip()
    code = _code(error)
    named = _fatal(code, said)
    if named is not None:
        return named
    if status in (401, 403):
        return ModelFault(
            FaultKind.GONE,
            f"The model's server refuses our key ({status}): {said[:300]}",
            advice="Check OPENAI_API_KEY, and that it may use this model.",
        )
    if status == 404 or (status == 400 and (code == "model_not_found" or NO_MODEL.search(said))):
        return ModelFault(
            FaultKind.GONE,
            f"The model's server does not have what we asked for ({status}): {said[:300]}",
            advice="Check DAYHAND_MODEL and OPENAI_BASE_URL: is there such a model, and does that server have /responses?",
        )
    after = retry_after(headers, now=now)
    if after is None:
        after = spoken_wait(said)
    if status == 429:
        return ModelFault(
            FaultKind.RATE, f"The model's server asks us to slow down (429): {said[:300]}", after=after
        )
    if status in (408, 409, 425) or status >= 500:
        return ModelFault(
            FaultKind.SERVER, f"The model's server failed ({status}): {said[:300]}", after=after
        )
    return ModelFault(FaultKind.FATAL, f"The model's server refuses the request ({status}): {said[:500]}")


def from_event(error: Mapping[str, object]) -> ModelFault:
    """Name what the error object of a failed stream means."""
    said = str(error.get("message") or "no reason given").strip()
    code = _code(error)
    named = _fatal(code, said)
    if named is not None:
        return named
    if "rate_limit" in code:
        return ModelFault(
            FaultKind.RATE, f"The model's server asks us to slow down: {said[:300]}", after=spoken_wait(said)
        )
    return ModelFault(
        FaultKind.SERVER, f"The model's server failed while it answered ({code or 'no code'}): {said[:300]}"
    )


def _code(error: Mapping[str, object]) -> str:
    """The error's name. Some servers repeat the status under ``code`` and name it under ``type``."""
    code = error.get("code")
    return code if isinstance(code, str) and code else str(error.get("type") or "")


def _fatal(code: str, said: str) -> ModelFault | None:
    if code == "insufficient_quota":
        return ModelFault(
            FaultKind.GONE,
            f"The account with the model's service has no credit left: {said[:300]}",
            advice="Add credit to the account that OPENAI_API_KEY belongs to, then ask again.",
        )
    if code in TOO_LONG_CODES or TOO_LONG.search(said):
        return ModelFault(
            FaultKind.OVERFLOW,
            f"The work has grown longer than the model can read at once: {said[:300]}",
            advice="Ask for a smaller step, or choose a model with a longer context in DAYHAND_MODEL.",
        )
    if code in ("invalid_prompt", "content_policy_violation"):
        return ModelFault(FaultKind.FATAL, f"The model's service refuses to work on this: {said[:300]}")
    return None


def retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds from ``retry-after-ms`` or ``Retry-After`` (seconds or a date); None where neither can be read.

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


def spoken_wait(text: str) -> float | None:
    """Seconds from words like “Please try again in 1m2.5s”.

    >>> spoken_wait("Rate limit reached. Please try again in 1m2.5s.")
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
