"""The machine: free disk, and who holds the port and the address of the installation."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dayhand.child_process import reserved_port
from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.machine import SMALL_DISK, check_data, check_disk, check_memory, check_port
from dayhand.commands.doctor.webhook import check_url
from dayhand.settings.table import Settings

SETTINGS = Settings(data=Path("/nowhere"), app_id=7)


@contextmanager
def answering(status: int, body: str, **headers: str) -> Iterator[int]:
    """A server that answers everything like this; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Write nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


OURS = json.dumps({"ok": True, "app": 7})
ANSWERS = {  # the answer of whatever holds the port: is it this installation?
    "this installation": (200, OURS, True),
    "another App's": (200, json.dumps({"ok": True, "app": 8}), False),
    "an older Dayhand": (200, '{"ok": true}', False),
    "a web page": (200, "<html>", False),
    "a list": (200, "[7]", False),
    "too deep": (200, "[" * 100_000, False),
    "a fault": (500, "", False),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_port_is_held_by_this_installation_or_by_another_program(answer: str) -> None:
    status, body, ours = ANSWERS[answer]
    with answering(status, body) as port:
        settings = replace(SETTINGS, port=port, url=f"http://127.0.0.1:{port}")
        (found,) = check_port(settings)
        assert found.fault is (None if ours else FaultCode.PORT_TAKEN)
        assert (FaultCode.URL_FOREIGN in [each.fault for each in check_url(settings)]) is not ours


def test_an_address_that_redirects_is_another_program() -> None:
    with (
        answering(200, OURS) as ours,
        answering(302, "", Location=f"http://127.0.0.1:{ours}/healthz") as port,
    ):
        (found,) = check_port(replace(SETTINGS, port=port))
    assert found.fault is FaultCode.PORT_TAKEN


def test_a_port_that_is_free_is_free_and_one_that_never_answers_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (taken,) = check_port(replace(SETTINGS, port=port, app_id=0))
    with reserved_port() as port:
        (free,) = check_port(replace(SETTINGS, port=port))
    assert (taken.fault, free.fault) == (FaultCode.PORT_TAKEN, None)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_this_machines_is_refused(host: str) -> None:
    (found,) = check_port(replace(SETTINGS, host=host))
    assert found.fault is FaultCode.PORT_REFUSED


@pytest.mark.parametrize(
    ("url", "poll", "expected"),
    [
        ("http://127.0.0.1:1", 0, [FaultCode.URL_LOCAL]),
        ("http://127.0.0.1:1", 5, []),
        ("http://192.0.2.1.invalid", 0, [FaultCode.URL_SILENT]),
    ],
)
def test_an_address_that_github_cannot_reach_or_that_is_silent(
    url: str, poll: int, expected: list[FaultCode]
) -> None:
    found = list(check_url(replace(SETTINGS, url=url, poll=poll)))
    assert [each.fault for each in found] == expected


@pytest.mark.parametrize(
    ("free", "expected"),
    [(SMALL_DISK, None), (SMALL_DISK - 1, FaultCode.DISK_SMALL), (255 * 1024**2, FaultCode.DISK_LOW)],
)
def test_a_disk_that_is_nearly_full(free: int, expected: FaultCode | None) -> None:
    (found,) = check_disk(Path("/data"), free, 256)
    assert found.fault is expected


def test_a_machine_without_the_memory_that_is_asked_for() -> None:
    assert [each.fault for each in check_memory(SETTINGS)] == []
    (found,) = check_memory(replace(SETTINGS, min_free_mb=10**9))
    assert found.fault is FaultCode.MEMORY_LOW


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (found,) = check_data(Settings(data=tmp_path / "file" / "data"))
    assert found.fault is FaultCode.DATA_FOLDER
    assert next(each.fault for each in check_data(Settings(data=tmp_path))) is None
