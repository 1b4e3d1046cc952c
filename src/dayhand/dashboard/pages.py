"""The pages: all tasks, one task, its live log and its patch; JSON for clients that accept it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, field
from threading import BoundedSemaphore, Event

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from dayhand.dashboard.log import everything, read_page, shown
from dayhand.dashboard.patch import files_of_patch
from dayhand.dashboard.task_json import task_json
from dayhand.dashboard.views import TaskView, format_duration
from dayhand.errors import LedgerError
from dayhand.ledger import facts
from dayhand.ledger.ledger import Ledger, Record
from dayhand.ledger.log import LogReader, Note
from dayhand.ledger.waiting.places import find_place
from dayhand.ledger.waiting.waiting_tasks import WaitingTasks
from dayhand.ledger.waiting.wording import describe
from dayhand.startup.records import dataclass
from dayhand.task import State
from dayhand.untrusted_text import mark_hidden, name_hidden

# Only our own scripts, styles and images: a hostile log line cannot load or run anything.
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
READERS = (
    96  # responses that are written bit by bit, at once: each occupies a thread, and webhooks need some too
)
RETRY_SECONDS = 15
LINE_NUMBER = re.compile("[0-9]{1,9}")
LIVE_SECONDS = 15 * 60.0  # then a live log ends; the browser asks for the rest by itself


def dashboard(
    ledger: Ledger,
    live: LogReader,
    github: str,
    *,
    stopping: Event | None = None,
    live_seconds: float = LIVE_SECONDS,
) -> Blueprint:
    """The dashboard, which ``access.protect`` closes. ``github`` is the address of GitHub's pages, for links.

    ``stopping`` ends live logs.
    """
    blueprint = Blueprint(
        "dashboard", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
    )

    @blueprint.after_request
    def harden(answer: Response) -> Response:
        answer.headers.setdefault("Content-Security-Policy", POLICY)  # a refusal has a form, and its own
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers.setdefault("Referrer-Policy", "same-origin")
        if answer.mimetype == "text/html" and not answer.is_streamed:
            answer.set_data(name_hidden(answer.get_data(as_text=True)))
        return answer

    @blueprint.errorhandler(LedgerError)
    def missing(error: LedgerError) -> tuple[str | Response, int]:
        if wants_json():
            return jsonify(error=str(error), advice=error.advice), 404
        return render_template("missing.html", error=error), 404

    @blueprint.get("/")
    def home() -> Answer:
        return redirect("/tasks")

    _tasks(blueprint, ledger, live, github=github)
    _logs(blueprint, ledger, live, streams=Streams(stopping or Event(), live_seconds))
    return blueprint


@dataclass(frozen=True, slots=True)
class Streams:
    """Responses that are written bit by bit: only so many at once, so that threads are left for webhooks."""

    stopping: Event
    seconds: float  # of a live log
    seats: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(READERS))

    def ended(self) -> Callable[[], bool]:
        """Whether a live log that begins now must end."""
        ends = time.monotonic() + self.seconds
        return lambda: self.stopping.is_set() or time.monotonic() >= ends

    def response(self, stream: Iterator[str], mimetype: str) -> Response:
        """The stream as a response, or 503 if too many are open."""
        if not self.seats.acquire(blocking=False):
            full = "Too many logs are being read. Close some and try again.\n"
            return Response(full, 503, {"Retry-After": str(RETRY_SECONDS)}, mimetype="text/plain")
        answer = Response(stream, mimetype=mimetype, headers={"Cache-Control": "no-store"})
        seat = ExitStack()  # releases it once, however often the server closes the response
        seat.callback(self.seats.release)
        answer.call_on_close(seat.close)
        return answer


def _place_in_words(tasks: WaitingTasks, record: Record) -> str:
    """Where a queued task stands; "" while it runs, or while it waits for a reason of its own."""
    if record.state is not State.QUEUED or record.reason:
        return ""
    return describe(find_place(tasks, record.task.id))


def _tasks(blueprint: Blueprint, ledger: Ledger, live: LogReader, *, github: str) -> None:
    def view_of(record: Record) -> TaskView:
        return TaskView(record, github, time.time(), _place_in_words(WaitingTasks(ledger), record))

    @blueprint.get("/tasks")
    def board() -> str | Response:
        records = ledger.recent()
        if wants_json():
            return jsonify([task_json(record) for record in records])
        views = [TaskView(record, github, time.time()) for record in records]
        return render_template("board.html", views=views)

    @blueprint.get("/tasks/<task_id>")
    def task(task_id: str) -> str | Response:
        record = ledger.record(task_id)
        if wants_json():
            return jsonify(task_json(record) | {"place": _place_in_words(WaitingTasks(ledger), record)})
        files = files_of_patch(record.fact(facts.PATCH) or "")
        held_back = record.fact(facts.HELD_BACK)
        held = files_of_patch(f"{held_back.patch}\n{held_back.by_hand_patch}" if held_back else "")
        view = view_of(record)
        return render_template(
            "task.html",
            view=view,
            log=read_page(live, task_id, **_wanted_lines()),
            files=files,
            held_back=held_back,
            held=held,
            format_duration=format_duration,
        )

    @blueprint.get("/tasks/<task_id>/head")
    def head(task_id: str) -> str:
        """Only the state and the stages: an open page fetches them again while a task runs."""
        return render_template(
            "head.html", view=view_of(ledger.record(task_id)), format_duration=format_duration
        )

    @blueprint.post("/tasks/<task_id>/stop")
    def stop(task_id: str) -> Answer:
        """The button of an unfinished task; nothing happens to one that is over."""
        ledger.ask_to_stop(task_id, "Somebody on the dashboard")
        return redirect(f"/tasks/{ledger.record(task_id).task.id}", 303)

    @blueprint.get("/tasks/<task_id>.patch")
    def patch(task_id: str) -> Response:
        return Response(ledger.record(task_id).fact(facts.PATCH) or "", mimetype="text/plain")

    @blueprint.get("/tasks/<task_id>/held-back.patch")
    def held_back_patch(task_id: str) -> Response:
        held_back = ledger.record(task_id).fact(facts.HELD_BACK)
        return Response(held_back.patch if held_back else "", mimetype="text/plain")

    @blueprint.get("/tasks/<task_id>/workflows.patch")
    def workflows_patch(task_id: str) -> Response:
        """What GitHub lets only people push."""
        held_back = ledger.record(task_id).fact(facts.HELD_BACK)
        return Response(held_back.by_hand_patch if held_back else "", mimetype="text/plain")


def _wanted_lines() -> dict[str, int]:
    """Which lines of the log the address asks for; of several wishes the first counts."""
    wishes = ((name, request.args.get(name, "")) for name in ("line", "before", "after"))
    return dict([(name, int(text)) for name, text in wishes if LINE_NUMBER.fullmatch(text)][:1])


def _logs(blueprint: Blueprint, ledger: Ledger, live: LogReader, *, streams: Streams) -> None:
    @blueprint.get("/tasks/<task_id>.log")
    def log(task_id: str) -> Response:
        ledger.task(task_id)
        lines = (
            f"{note.line:>5}  {note.kind:<8} {mark_hidden(note.text)}\n" for note in everything(live, task_id)
        )
        return streams.response(lines, "text/plain")

    @blueprint.get("/tasks/<task_id>/events")
    def events(task_id: str) -> Response:
        ledger.task(task_id)
        last = request.headers.get("Last-Event-ID") or request.args.get("after", "0")
        after = int(last) if last.isdecimal() else 0
        ended = streams.ended()
        notes = live.follow(task_id, after, ended=ended)
        return streams.response(_stream(notes, ended), "text/event-stream")


def _stream(notes: Iterator[Note | None], ended: Callable[[], bool]) -> Iterator[str]:
    """Server-sent events: one per entry, with its line as the id, so that a lost connection continues there.

    A stream that ends without "over" is asked for again by the browser, from its last id on.
    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    for note in notes:
        yield ": still here\n\n" if note is None else _event(note)
    if not ended():
        yield "event: over\ndata: {}\n\n"


def _event(note: Note) -> str:
    return f"id: {note.line}\ndata: {json.dumps(asdict(shown(note)))}\n\n"


def wants_json() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
