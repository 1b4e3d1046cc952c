"""Whether an engine has our image, asked without docker-py."""

from __future__ import annotations

import socketserver
import threading
from pathlib import Path

import pytest

from dayhand.sandbox.docker.image_probe import has_image


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n{}", True),
        (b'HTTP/1.1 404 Not Found\r\n\r\n{"message": "No such image"}', False),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", False),
        (b"", None),
        (b"\r\n", None),
    ],
)
def test_the_status_of_the_answer_decides(tmp_path: Path, answer: bytes, expected: bool | None) -> None:
    asked = []

    class Engine(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline())
            self.wfile.write(answer)

    path = tmp_path / "engine.sock"
    with socketserver.UnixStreamServer(str(path), Engine) as server:
        threading.Thread(target=server.handle_request).start()
        assert has_image(f"unix://{path}", "registry.example.org/sandbox:1") is expected
    assert asked == [b"GET /images/registry.example.org/sandbox%3A1/json HTTP/1.0\r\n"]


@pytest.mark.parametrize(
    "address",
    [
        "unix:///nowhere/engine.sock",
        "/nowhere/engine.sock",
        "tcp://127.0.0.1:9",
        "127.0.0.1:9",
        "127.0.0.1:port",
        "ssh://127.0.0.1:9",
        "",
    ],
)
def test_without_an_engine_there_is_no_answer(address: str) -> None:
    assert has_image(address, "sandbox") is None
