"""A model that plays written scripts over HTTP, so that the real client code runs.

The server keeps no conversation. It works out the turn from the items in the request, so a task that another worker
took over continues. The commands really run and their output is real; only the messages and the choice of commands
are scripted.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from dayhand.scripted_model.chat_format import as_responses_body, chunks_for, completion_for
from dayhand.scripted_model.moves import Fault, Move, Say, Script, ScriptState
from dayhand.scripted_model.name import SCRIPTED_MODEL
from dayhand.scripted_model.responses_format import events_for, items_for, read_state, response_for

NO_SCRIPT = (
    "I am a scripted model. I only know the cases that were written for me, and this is not one of them. "
    "Set OPENAI_API_KEY or OPENAI_BASE_URL to use a real model."
)
MAX_BODY_BYTES = 64 * 1024 * 1024
RESPONSES, CHAT = "/v1/responses", "/v1/chat/completions"


class ScriptedServer:
    """Serves one ``endpoint`` (streamed or plain) and ``GET /v1/models`` on a loopback port.

    Waits ``delay`` seconds before each reply, so that people can watch the demo. With ``keep``, request bodies are
    kept in ``bodies`` for tests. ``count`` is the number of requests so far. Requests of more than ``window`` tokens
    are refused; 0 means no limit.
    """

    def __init__(
        self,
        scripts: Sequence[Script],
        *,
        port: int = 0,
        delay: float = 0.0,
        keep: bool = False,
        window: int = 0,
        endpoint: str = RESPONSES,
    ) -> None:
        self.endpoint = endpoint
        self.scripts = tuple(scripts)
        self.delay = delay
        self.keep = keep
        self.window = window
        self.bodies: list[bytes] = []
        self.count = 0
        self.refused = 0  # requests to another endpoint
        self.closing = threading.Event()
        self._faults_sent: Counter[tuple[str, int, int]] = Counter()
        self._lock = threading.Lock()
        self._server = _ScriptedHTTPServer(("127.0.0.1", port), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.closing.is_set():
            return
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def record(self, raw: bytes) -> None:
        """Count a request, and keep its body for the tests that ask for it."""
        with self._lock:
            self.count += 1
            if self.keep:
                self.bodies.append(raw)

    def moves(self, body: Mapping[str, Any], port: int = 0) -> list[Move]:
        """The moves for a request from a client's ``port``: a single fault, or every move that is not a fault."""
        state = replace(read_state(body.get("input"), str(body.get("model", ""))), port=port)
        for script in self.scripts:
            if script.matches(state.prompt):
                return self._next_moves(script, state)
        return [Say(NO_SCRIPT)]

    def _next_moves(self, script: Script, state: ScriptState) -> list[Move]:
        moves = list(script.play(state))
        with self._lock:
            for n, move in enumerate(moves):
                if isinstance(move, Fault) and move.model in ("", state.model):
                    key = (script.name, state.turn, n)
                    if self._faults_sent[key] < move.times:
                        self._faults_sent[key] += 1
                        return [move]
        return [move for move in moves if not isinstance(move, Fault)]


class _ScriptedHTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: ScriptedServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(
            sys.exception(), ConnectionError
        ):  # a client that closed the connection is not an error
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise each small event waits for the acknowledgement of the last one
    server: _ScriptedHTTPServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Write nothing: the demo uses the terminal."""

    def do_GET(self) -> None:
        if self.path.rstrip("/") == "/v1/models":
            self._json(
                200,
                {
                    "object": "list",
                    "data": [{"id": SCRIPTED_MODEL, "object": "model", "owned_by": "dayhand"}],
                },
            )
        else:
            self._json(404, {"error": {"message": f"nothing at {self.path}", "code": "not_found"}})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            self._json(413, {"error": {"message": "the body is too large", "code": "too_large"}})
            return
        raw = self.rfile.read(length)
        if self.path != self.server.owner.endpoint:
            self.server.owner.refused += 1
            self._json(404, {"error": {"message": f"nothing at {self.path}", "code": "not_found"}})
            return
        try:
            body = json.loads(raw)
        except ValueError as error:
            self._json(400, {"error": {"message": f"not JSON: {error}", "code": "invalid_json"}})
            return
        if self.path == CHAT:
            body = as_responses_body(body)
        owner = self.server.owner
        owner.record(raw)
        owner.closing.wait(owner.delay)
        if 0 < owner.window < len(raw) // 4:
            message = f"Your input exceeds the context window of this model, {owner.window} tokens."
            self._json(400, {"error": {"message": message, "code": "context_length_exceeded"}})
            return
        moves = owner.moves(body, self.client_address[1])
        try:
            if moves and isinstance(moves[0], Fault):
                self._fault(moves[0], body, len(raw))
            else:
                self._reply(moves, body, len(raw))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client stopped reading

    def _reply(
        self, moves: Sequence[Move], body: Mapping[str, Any], sent: int, *, status: str = "completed"
    ) -> None:
        custom = any(tool.get("type") == "custom" for tool in body.get("tools", ()))
        items = items_for(moves, turn=read_state(body.get("input")).turn, custom=custom)
        response = {**response_for(items, sent=sent, status=status), "tools": body.get("tools", [])}
        if self.path == CHAT:
            completion = completion_for(response)
            if body.get("stream"):
                self._stream([*chunks_for(completion), None])
            else:
                self._json(200, completion)
        elif body.get("stream"):
            self._stream([*events_for(response)])
        else:
            self._json(200, response)

    def _fault(self, fault: Fault, body: Mapping[str, Any], sent: int) -> None:
        half = response_for(items_for([Say("half of an ans\nwer")], turn=0, custom=False), sent=sent)
        events = [*(chunks_for(completion_for(half)) if self.path == CHAT else events_for(half))]
        match fault.kind:
            case "status" | "nonsense":
                status = fault.status if fault.kind == "status" else 200
                self._raw(status, fault.body.encode(), {"Content-Type": "application/json", **fault.headers})
            case "drop":
                self._stream(events[:3], end=False)
            case "stall":
                self._stream(events[:1], end=False, wait=True)
            case "empty":
                self._reply([], body, sent)
            case "cut":
                self._reply([Say("and then I would")], body, sent, status="incomplete")
            case "failed":
                if self.path == CHAT:
                    self._stream([events[0], {"error": json.loads(fault.body)}])
                    return
                failed = {**response_for([], sent=sent, status="failed"), "error": json.loads(fault.body)}
                self._stream([{"type": "response.failed", "response": failed}])
            case _:
                raise AssertionError(f"there is no fault “{fault.kind}”")

    def _stream(
        self, events: Sequence[Mapping[str, Any] | None], *, end: bool = True, wait: bool = False
    ) -> None:
        """Send events; None is Chat Completions' ``[DONE]``. Without ``end``, close the connection mid-stream; with ``wait``, only when this server closes."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, event in enumerate(events):
            if self.path == CHAT:
                text = f"data: {json.dumps(event) if event else '[DONE]'}\n\n".encode()
            elif event:
                named = {**event, "sequence_number": number}
                text = f"event: {event['type']}\ndata: {json.dumps(named)}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        self.wfile.flush()
        if wait:
            self.server.owner.closing.wait(60)
        if end:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def _json(self, status: int, value: object) -> None:
        self._raw(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _raw(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
