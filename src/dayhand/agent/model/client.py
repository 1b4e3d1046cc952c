"""HTTP to a model server: one POST at a time, whose failures are ``ModelFault``.

Over httpx2, the library that openai itself stands on: importing openai's tree of types takes a second, and passing
items and events through it costs more than everything else that the loop does in a turn.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx2

from dayhand.agent.model.retry import FaultKind, ModelFault, from_status

OPENAI = "https://api.openai.com/v1"
CONNECT_SECONDS = 15.0
SEND_SECONDS = 60.0
MAX_ERROR_BYTES = 64 * 1024


class ModelClient:
    """The connections to one server."""

    def __init__(
        self,
        base_url: str = "",
        api_key: str = "",
        *,
        verify: ssl.SSLContext | bool = True,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.base_url = (base_url or OPENAI).rstrip("/")
        self._key = api_key
        self._http = httpx2.Client(
            headers={"Authorization": f"Bearer {api_key or 'none'}", "User-Agent": "dayhand"},
            verify=verify,
            transport=transport,
            follow_redirects=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own service, or Azure's copy of it."""
        host = httpx2.URL(self.base_url).host
        return host == "api.openai.com" or host.endswith((".openai.azure.com", ".services.ai.azure.com"))

    @contextmanager
    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        read_seconds: float,
        now: Callable[[], float] = time.time,
    ) -> Iterator[httpx2.Response]:
        """Send a request; gives the response once its status has arrived. Raises ``ModelFault``.

        ``read_seconds``: how long the server may send nothing. ``now`` returns seconds since the epoch.
        """
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            with self._http.stream(
                "POST",
                f"{self.base_url}{path}",
                content=content,
                headers={"Content-Type": "application/json"},
                timeout=httpx2.Timeout(SEND_SECONDS, connect=CONNECT_SECONDS, read=read_seconds),
            ) as response:
                if response.is_success:
                    yield response
                else:
                    raise self._fault(response, now())
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise ModelFault(
                FaultKind.NOT_CONNECTED,
                f"There is no connection to the model server at {self.host}: {_reason(error)}.",
            ) from error
        except httpx2.TimeoutException as error:
            raise ModelFault(FaultKind.CONNECTION, "The model server stopped responding.") from error
        except httpx2.HTTPError as error:
            raise ModelFault(
                FaultKind.CONNECTION, f"The connection to the model server broke: {_reason(error)}."
            ) from error

    @property
    def host(self) -> str:
        """The server's name, and its port if it is a special one."""
        return httpx2.URL(self.base_url).netloc.decode("ascii", "replace").rpartition("@")[2]

    def _fault(self, response: httpx2.Response, now: float) -> ModelFault:
        raw = b""
        for chunk in response.iter_bytes():
            raw += chunk
            if len(raw) > MAX_ERROR_BYTES:
                break
        text = raw[:MAX_ERROR_BYTES].decode("utf-8", "replace")
        if len(self._key) > 4:
            text = text.replace(self._key, "(key)")  # some servers repeat it
        return from_status(
            response.status_code,
            _error_in(text),
            response.headers,
            server=self.host,
            now=now,
        )


def _error_in(text: str) -> Mapping[str, object]:
    """The error object of a failed request's body: OpenAI's form, Gemini's list, FastAPI's detail, or plain text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"message": " ".join(text.split())}
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return {"message": " ".join(text.split())}
    error = value.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str) and error:
        return {**value, "message": error}
    if isinstance(value.get("message"), str):
        return value
    detail = value.get("detail", value.get("error"))
    said = detail if isinstance(detail, str) else json.dumps(detail) if detail else " ".join(text.split())
    return {**value, "message": said}


def _reason(error: Exception) -> str:
    return str(error.__cause__ or error)[:200] or type(error).__name__
