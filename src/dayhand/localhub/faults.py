"""Faults on request: an answer with an error status, a reset connection, or an answer that is lost after the work is done."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
RESET = 0


@dataclass(slots=True)
class ServerFault:
    """What happens to the next ``times`` requests that ``where`` matches: a regular expression for "METHOD /path?query"."""

    where: str
    status: int = 502  # ``RESET``: the connection is reset
    times: int = 1
    after: bool = False  # whether the request is carried out first, so that only its answer is lost
    skip: int = 0  # how many of these requests are served before
    headers: dict[str, str] = field(default_factory=dict)
    body: str = '{"message": "Server Error"}'


class Faults:
    """The faults that wait for their requests, and the requests that came."""

    def __init__(self) -> None:
        self.waiting: list[ServerFault] = []
        self.requests: list[str] = []
        # Seconds before a request is carried out, and between that and its answer.
        self.slowness: Callable[[], tuple[float, float]] = lambda: (0.0, 0.0)
        self.outage: Callable[[], ServerFault | None] = lambda: None  # what happens to every request now
        self._lock = threading.Lock()

    def add(
        self, where: str, status: int = 502, *, times: int = 1, after: bool = False, skip: int = 0
    ) -> None:
        self.waiting.append(ServerFault(where, status, times, after, skip))

    def around(self, app: Wsgi) -> Wsgi:
        """The same application, with these faults."""

        def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            query = environ.get("QUERY_STRING")
            request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{f'?{query}' if query else ''}"
            fault = self._next(request) or self.outage()
            if fault is None:
                return self._slowly(app, environ, start_response)
            if fault.after:
                list(app(environ, lambda *_args: lambda _data: None))
            else:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            if fault.status == RESET:
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                raise ConnectionResetError  # werkzeug then writes nothing
            headers = {"Content-Type": "application/json", **fault.headers}
            start_response(f"{fault.status} {HTTPStatus(fault.status).phrase}", list(headers.items()))
            return [fault.body.encode()]

        return serve

    def _slowly(
        self, app: Wsgi, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        before, after = self.slowness()
        if before:
            time.sleep(before)
        answer = app(environ, start_response)
        if after:
            time.sleep(after)
        return answer

    def _next(self, request: str) -> ServerFault | None:
        with self._lock:
            self.requests.append(request)
            fault = next((one for one in self.waiting if re.search(one.where, request)), None)
            if fault and fault.skip:
                fault.skip -= 1
                return None
            if fault:
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
            return fault
