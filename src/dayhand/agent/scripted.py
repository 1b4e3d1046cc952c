"""A model that plays written scripts, served over HTTP in the Responses format so that the real client code runs.

It keeps no conversation: which turn it is follows from the items that it is sent, so a task that was taken over by
another worker plays on. What its commands print is real; only the words and the choice of commands are written.
"""

from __future__ import annotations

import json
import math
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, assert_never

MODEL = "scripted"
UNKNOWN = (
    "I am a scripted model: I only know the cases that were written for me, and this is none of them. "
    "Set OPENAI_API_KEY or OPENAI_BASE_URL to use a real one."
)
BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Say:
    """Words to people."""

    text: str


@dataclass(frozen=True, slots=True)
class Shell:
    """A command for the shell tool."""

    command: str


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch in Codex's format."""

    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan: (step, status) pairs."""

    steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of the work."""

    title: str
    account: str
    citations: tuple[Mapping[str, Any], ...] = ()
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """Any call, also one that no tool answers to or whose arguments are no JSON."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong instead of a reply, ``times`` times; then the turn's other moves are played.

    ``kind``: "status" (``status``, ``headers`` and ``body`` are sent), "drop" (closed in mid-answer), "stall" (no
    byte comes after the first event), "empty" (a complete reply without items), "cut" (a reply that ends at a token
    limit), "failed" (an event ``response.failed`` with ``body`` as its error), "nonsense" (``body`` as it is, status 200).
    """

    kind: str
    status: int = 500
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: float = 1  # math.inf: for ever


FOR_EVER = math.inf

Move = Say | Shell | Patch | Plan | Finish | ToolCall | Fault


@dataclass(frozen=True, slots=True)
class Scene:
    """What a script sees when it is its turn."""

    turn: int  # from 0: how many replies it has given already
    outputs: tuple[str, ...]  # of the last reply's calls
    all_outputs: tuple[str, ...]
    prompt: str  # all that was said before the first reply


@dataclass(frozen=True, slots=True)
class Script:
    """One case: ``matches`` looks at the prompt, ``play`` gives the moves of one turn."""

    name: str
    matches: Callable[[str], bool]
    play: Callable[[Scene], Sequence[Move]]


class ScriptedServer:
    """Serves ``POST /v1/responses`` (streamed or plain) and ``GET /v1/models`` on a loopback port.

    ``delay`` seconds pass before each reply: the demo uses it, so that one can watch. ``keep`` keeps the request
    bodies in ``bodies`` for tests. ``count`` is the number of replies asked for.
    """

    def __init__(
        self, scripts: Sequence[Script], *, port: int = 0, delay: float = 0.0, keep: bool = False
    ) -> None:
        self.scripts = tuple(scripts)
        self.delay = delay
        self.keep = keep
        self.bodies: list[bytes] = []
        self.count = 0
        self.closing = threading.Event()
        self._given: Counter[tuple[str, int, int]] = Counter()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
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
        scene = read_scene(body.get("input"))
        for script in self.scripts:
            if script.matches(scene.prompt):
                return self._due(script, scene)
        return [Say(UNKNOWN)]

    def _due(self, script: Script, scene: Scene) -> list[Move]:
        moves = list(script.play(scene))
        with self._lock:
            for n, move in enumerate(moves):
                if isinstance(move, Fault):
                    given = (script.name, scene.turn, n)
                    if self._given[given] < move.times:
                        self._given[given] += 1
                        return [move]
        return [move for move in moves if not isinstance(move, Fault)]


def read_scene(items: object) -> Scene:
    """Work out from a request's input what was said, which turn it is, and what the last calls printed."""
    if isinstance(items, str):
        return Scene(0, (), (), items)
    turn = 0
    ours = False  # was the item before this one of our own making?
    prompt: list[str] = []
    outputs: list[str] = []
    everything: list[str] = []
    for item in items if isinstance(items, list) else []:
        kind = item.get("type", "message")
        mine = kind in ("function_call", "custom_tool_call", "reasoning") or item.get("role") == "assistant"
        if mine and not ours:
            turn += 1
            outputs = []
        ours = mine
        if kind.endswith("_output"):
            outputs.append(_text(item.get("output")))
            everything.append(_text(item.get("output")))
        elif not mine and turn == 0:
            prompt.append(_text(item.get("content")))
    return Scene(turn, tuple(outputs), tuple(everything), "\n".join(prompt))


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def items_for(moves: Sequence[Move], *, turn: int, custom: bool) -> list[dict[str, Any]]:
    """Turn moves into Responses output items. ``custom``: is apply_patch a custom tool in this request?"""
    items = []
    for n, move in enumerate(moves):
        mark = f"{turn}_{n}"
        match move:
            case Say(text):
                content = [{"type": "output_text", "text": text, "annotations": []}]
                items.append(
                    {
                        "type": "message",
                        "id": f"msg_{mark}",
                        "role": "assistant",
                        "status": "completed",
                        "content": content,
                    }
                )
            case Shell(command):
                items.append(_call(mark, "shell", json.dumps({"command": command})))
            case Patch(text) if custom:
                items.append(
                    {
                        "type": "custom_tool_call",
                        "id": f"ctc_{mark}",
                        "call_id": f"call_{mark}",
                        "name": "apply_patch",
                        "input": text,
                        "status": "completed",
                    }
                )
            case Patch(text):
                items.append(_call(mark, "apply_patch", json.dumps({"input": text})))
            case Plan(steps):
                plan = [{"step": step, "status": status} for step, status in steps]
                items.append(_call(mark, "update_plan", json.dumps({"plan": plan})))
            case Finish():
                fields = {
                    "title": move.title,
                    "account": move.account,
                    "questions": list(move.questions),
                    "citations": [dict(citation) for citation in move.citations],
                }
                items.append(_call(mark, "finish", json.dumps(fields)))
            case ToolCall(name, arguments):
                items.append(_call(mark, name, arguments))
            case Fault():
                raise AssertionError("a fault has no items")
            case _:
                assert_never(move)
    return items


def _call(mark: str, name: str, arguments: str) -> dict[str, Any]:
    call = {"type": "function_call", "id": f"fc_{mark}", "call_id": f"call_{mark}", "name": name}
    return {**call, "arguments": arguments, "status": "completed"}


def response_for(items: list[dict[str, Any]], *, sent: int, status: str = "completed") -> dict[str, Any]:
    """A whole response object. Tokens are counted as four bytes each: a scripted model has no vocabulary."""
    written = len(json.dumps(items)) // 4
    read = sent // 4
    return {
        "id": "resp_scripted",
        "object": "response",
        "model": MODEL,
        "status": status,
        "output": items,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "usage": {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + written,
        },
    }


def events_for(response: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of a streamed response, in the service's order."""
    yield {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}}
    for index, item in enumerate(response["output"]):
        yield {
            "type": "response.output_item.added",
            "output_index": index,
            "item": {**item, "status": "in_progress"},
        }
        if item["type"] == "message":
            for piece in item["content"][0]["text"].splitlines(keepends=True):
                yield {
                    "type": "response.output_text.delta",
                    "item_id": item["id"],
                    "output_index": index,
                    "content_index": 0,
                    "delta": piece,
                }
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{response['status']}", "response": response}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: ScriptedServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that has gone is none of our faults
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

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
        response = response_for(items, sent=sent, status=status)
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
