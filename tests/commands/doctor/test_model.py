"""What the doctor says about a model server, by what the server answers to the question for its models."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dayhand.commands.doctor.codes import Health
from dayhand.commands.doctor.model import check_models
from dayhand.settings.table import Settings


def listed(*names: str) -> str:
    return json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


ANSWERS = {  # the answer's status and body, what is found, and a part of the sentence or of the advice
    "both models": (200, listed("gpt-5.5", "qwen3-coder"), [Health.GOOD, Health.GOOD], "has gpt-5.5"),
    "a misspelt one": (
        200,
        listed("gpt-5.5", "qwen3-coder:30b"),
        [Health.GOOD, Health.WEAK],
        "qwen3-coder:30b",
    ),
    "an empty list": (200, listed(), [Health.WEAK, Health.WEAK], "load a model on the server"),
    "the wrong key": (401, '{"error": {"message": "no such key s-123"}}', [Health.BAD], "OPENAI_API_KEY"),
    "no permission": (403, "forbidden", [Health.BAD], "OPENAI_API_KEY"),
    "no such page": (404, '{"detail": "Not Found"}', [Health.WEAK], "has status 404"),
    "a fault": (500, "", [Health.WEAK], "has status 500"),
    "a web page": (200, "<html>Welcome</html>", [Health.WEAK], "not in OpenAI's form"),
    "a bare list": (200, '[{"id": "gpt-5.5"}]', [Health.WEAK], "not in OpenAI's form"),
    "names alone": (200, '{"data": ["gpt-5.5"]}', [Health.WEAK], "not in OpenAI's form"),
    "too deep": (200, "[" * 100_000, [Health.WEAK], "not in OpenAI's form"),
    "no data": (200, '{"data": null}', [Health.WEAK], "not in OpenAI's form"),
}


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/v1/models"
            content = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Write nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def settings(url: str) -> Settings:
    return Settings(
        data=Path("/nowhere"), openai_base_url=url, openai_api_key="s-123", models=("gpt-5.5", "qwen3-coder")
    )


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_a_server_answers_has_its_finding(answer: str) -> None:
    status, body, health, words = ANSWERS[answer]
    with answering(status, body) as url:
        findings = list(check_models(settings(url)))

    assert [each.health for each in findings] == health
    assert words in " ".join(f"{each.observed} {each.cure}" for each in findings)
    assert all(each.cure for each in findings if each.health is not Health.GOOD)
    assert "s-123" not in f"{findings}"


def test_a_server_that_does_not_answer_is_bad() -> None:
    (finding,) = check_models(settings("http://127.0.0.1:9/v1"))

    assert finding.health is Health.BAD
    assert "does not answer" in finding.observed
    assert "OPENAI_BASE_URL" in finding.cure
