"""A model that plays written scripts, served over HTTP in the Responses format so that the real client code runs.

It keeps no conversation: which turn it is follows from the items that it is sent, so a task that was taken over by
another worker plays on. What its commands print is real; only the words and the choice of commands are written.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from dayhand.scripted_model.moves import (
    FOR_EVER,
    MODEL,
    Fault,
    Finish,
    Move,
    Patch,
    Plan,
    Refuse,
    Say,
    Script,
    ScriptState,
    Shell,
    ToolCall,
    events_for,
    items_for,
    read_scene,
    response_for,
)

__all__ = [
    "FOR_EVER",
    "MODEL",
    "Fault",
    "Finish",
    "Move",
    "Patch",
    "Plan",
    "Refuse",
    "Say",
    "Script",
    "ScriptState",
    "ScriptedServer",
    "Shell",
    "ToolCall",
]

UNKNOWN = (
    "I am a scripted model: I only know the cases that were written for me, and this is none of them. "
    "Set OPENAI_API_KEY or OPENAI_BASE_URL to use a real one."
)
BODY_BYTES = 64 * 1024 * 1024


class ScriptedServer:
    """Serves ``POST /v1/responses`` (streamed or plain) and ``GET /v1/models`` on a loopback port.

    ``delay`` seconds pass before each reply: the demo uses it, so that one can watch. ``keep`` keeps the request
    bodies in ``bodies`` for tests. ``count`` is the number of replies asked for. A request of more than ``window``
    tokens is refused; 0: of any length is read.
    """

    def __init__(
        self,
        scripts: Sequence[Script],
        *,
        port: int = 0,
        delay: float = 0.0,
        keep: bool = False,
        window: int = 0,
    ) -> None:
        self.scripts = tuple(scripts)
        self.delay = delay
        self.keep = keep
        self.window = window
        self.bodies: list[bytes] = []
        self.count = 0
        self.closing = threading.Event()
        self._given: Counter[tuple[str, int, int]] = Counter()
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

    def note(self, raw: bytes) -> None:
        """Count a request, and keep it where asked."""
        with self._lock:
            self.count += 1
            if self.keep:
                self.bodies.append(raw)

    def moves(self, body: Mapping[str, Any]) -> list[Move]:
        """The moves for a request: one fault alone, or everything that is no fault."""
        scene = read_scene(body.get("input"), str(body.get("model", "")))
        for script in self.scripts:
            if script.matches(scene.prompt):
                return self._due(script, scene)
        return [Say(UNKNOWN)]

    def _due(self, script: Script, scene: ScriptState) -> list[Move]:
        moves = list(script.play(scene))
        with self._lock:
            for n, move in enumerate(moves):
                if isinstance(move, Fault) and move.model in ("", scene.model):
                    given = (script.name, scene.turn, n)
                    if self._given[given] < move.times:
                        self._given[given] += 1
                        return [move]
        return [move for move in moves if not isinstance(move, Fault)]


class _ScriptedHTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: ScriptedServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that has gone is none of our faults
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = (
        True  # events are small: each would wait for the client's word about the one before
    )
    server: _ScriptedHTTPServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Stay silent: the terminal belongs to the demo."""

    def do_GET(self) -> None:
        if self.path.rstrip("/") == "/v1/models":
            self._json(
                200, {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "dayhand"}]}
            )
        else:
            self._json(404, {"error": {"message": f"nothing at {self.path}", "code": "not_found"}})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES:
            self._json(413, {"error": {"message": "the body is too large", "code": "too_large"}})
            return
        raw = self.rfile.read(length)
        if self.path != "/v1/responses":
            self._json(404, {"error": {"message": f"nothing at {self.path}", "code": "not_found"}})
            return
        try:
            body = json.loads(raw)
        except ValueError as error:
            self._json(400, {"error": {"message": f"not JSON: {error}", "code": "invalid_json"}})
            return
        owner = self.server.owner
        owner.note(raw)
        owner.closing.wait(owner.delay)
        if 0 < owner.window < len(raw) // 4:
            said = f"Your input exceeds the context window of this model, {owner.window} tokens."
            self._json(400, {"error": {"message": said, "code": "context_length_exceeded"}})
            return
        moves = owner.moves(body)
        try:
            if moves and isinstance(moves[0], Fault):
                self._fault(moves[0], body, len(raw))
            else:
                self._reply(moves, body, len(raw))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the other side had heard enough

    def _reply(
        self, moves: Sequence[Move], body: Mapping[str, Any], sent: int, *, status: str = "completed"
    ) -> None:
        custom = any(tool.get("type") == "custom" for tool in body.get("tools", ()))
        items = items_for(moves, turn=read_scene(body.get("input")).turn, custom=custom)
        response = {**response_for(items, sent=sent, status=status), "tools": body.get("tools", [])}
        if body.get("stream"):
            self._stream([*events_for(response)])
        else:
            self._json(200, response)

    def _fault(self, fault: Fault, body: Mapping[str, Any], sent: int) -> None:
        whole = [
            *events_for(
                response_for(items_for([Say("half of an ans\nwer")], turn=0, custom=False), sent=sent)
            )
        ]
        match fault.kind:
            case "status" | "nonsense":
                status = fault.status if fault.kind == "status" else 200
                self._raw(status, fault.body.encode(), {"Content-Type": "application/json", **fault.headers})
            case "drop":
                self._stream(whole[:3], end=False)
            case "stall":
                self._stream(whole[:1], end=False, wait=True)
            case "empty":
                self._reply([], body, sent)
            case "cut":
                self._reply([Say("and then I would")], body, sent, status="incomplete")
            case "failed":
                failed = {**response_for([], sent=sent, status="failed"), "error": json.loads(fault.body)}
                self._stream([{"type": "response.failed", "response": failed}])
            case _:
                raise AssertionError(f"there is no fault “{fault.kind}”")

    def _stream(self, events: Sequence[Mapping[str, Any]], *, end: bool = True, wait: bool = False) -> None:
        """Send events; without ``end`` the connection closes in the middle, with ``wait`` only when we close."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, event in enumerate(events):
            text = f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n".encode()
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
