"""The pages: all tasks, one task, its live log as it grows, its patch. JSON for whoever asks for it."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from dayhand.dashboard.views import View, rows_of_patch, spoken_time
from dayhand.errors import LedgerError
from dayhand.ledger.blocked import FACT, of_task
from dayhand.ledger.ledger import Ledger, Record
from dayhand.ledger.live import Live
from dayhand.ledger.notes import Note

APART = ("patch", FACT)  # facts that have a place of their own
# No script, style or picture but our own: a hostile log line cannot load or run anything.
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")  # what proxies add
CLOSED = "The dashboard answers on this machine only, until a login is set up: open it through an SSH tunnel."


def dashboard(ledger: Ledger, live: Live, github: str) -> Blueprint:
    """The dashboard. ``github`` is where people see repositories, for links."""
    blueprint = Blueprint(
        "dashboard", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
    )

    @blueprint.before_request
    def stay_home() -> tuple[str, int] | None:
        return None if is_at_home() else (CLOSED, 403)

    @blueprint.after_request
    def harden(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = POLICY
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "same-origin"
        return answer

    @blueprint.errorhandler(LedgerError)
    def missing(error: LedgerError) -> tuple[str, int]:
        return render_template("missing.html", error=error), 404

    _tasks(blueprint, ledger, live, github)
    return blueprint


def is_at_home() -> bool:
    """Whether the reader sits at this machine, or at the other end of a tunnel to it.

    The connection alone does not tell: a proxy in front of us connects from here for everybody, and a page anywhere can
    point a name of its own at this machine. So it must be asked for under this machine's own name, and by no proxy.
    """
    if any(name in request.headers for name in FORWARDED):
        return False
    return _is_loopback(request.remote_addr or "") and _is_loopback(
        urlsplit(f"//{request.host}").hostname or ""
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tasks(blueprint: Blueprint, ledger: Ledger, live: Live, github: str) -> None:
    @blueprint.get("/")
    def home() -> Answer:
        return redirect("/tasks")

    @blueprint.get("/tasks")
    def board() -> str | Response:
        records = ledger.recent()
        if wants_json():
            return jsonify([shape(record) for record in records])
        views = [View(record, github, time.time()) for record in records]
        return render_template("board.html", views=views)

    @blueprint.get("/tasks/<task_id>")
    def task(task_id: str) -> str | Response:
        record = ledger.record(task_id)
        if wants_json():
            return jsonify(shape(record))
        view = View(record, github, time.time())
        patch = rows_of_patch(record.facts.get("patch", ""))
        notes = live.read(task_id)
        return render_template("task.html", view=view, notes=notes, patch=patch, spoken_time=spoken_time)

    @blueprint.get("/tasks/<task_id>.patch")
    def patch(task_id: str) -> Response:
        return Response(ledger.record(task_id).facts.get("patch", ""), mimetype="text/plain")

    @blueprint.get("/tasks/<task_id>/events")
    def events(task_id: str) -> Response:
        ledger.task(task_id)
        last = request.headers.get("Last-Event-ID") or request.args.get("after", "0")
        stream = _stream(live, task_id, int(last) if last.isdigit() else 0)
        return Response(stream, mimetype="text/event-stream", headers={"Cache-Control": "no-store"})


def _stream(live: Live, task_id: str, after: int) -> Iterator[str]:
    """Server-sent events: one a note, its line as the event's id, so that a broken connection goes on there.

    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    for note in live.follow(task_id, after):
        yield ": still here\n\n" if note is None else _event(note)
    yield "event: over\ndata: {}\n\n"


def _event(note: Note) -> str:
    return f"id: {note.line}\ndata: {json.dumps(asdict(note))}\n\n"


def wants_json() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def shape(record: Record) -> dict[str, Any]:
    """A task as JSON: what scripts rely on."""
    return {
        "id": record.task.id,
        "repository": record.task.repository,
        "number": record.task.number,
        "title": record.task.title,
        "kind": record.task.ask.kind,
        "asker": record.task.ask.asker,
        "state": record.state,
        "stage": record.stage,
        "stages": [asdict(stage) for stage in record.stages],
        "created_at": record.task.created_at,
        "updated_at": record.updated_at,
        "reason": record.reason,
        "facts": {name: value for name, value in record.facts.items() if name not in APART},
        "blocked": [asdict(one) for one in of_task(record.facts)],
        "outcome": record.outcome,
    }
