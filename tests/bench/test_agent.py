"""The shape of the benchmark's output; no test depends on its figures."""

from __future__ import annotations

import json
import urllib.request

import pytest

from dayhand.bench.agent import AgentFigures, bench_agent, identity, show
from dayhand.bench.model_server import input_bytes, model_server_process

ITEM = {"type": "message", "role": "user", "content": "Make 3 plans."}


def test_it_prints_one_object_with_what_scripts_read_or_a_table_for_people(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert bench_agent(as_json=True, lengths=(10, 20), rounds=1, tasks=2) == 0
    figures = json.loads(capsys.readouterr().out)
    for name in ("cpu_ms_per_turn", "bare_cpu_ms_per_turn", "wall_ms_per_turn", "bare_wall_ms_per_turn"):
        assert set(figures[name]) == {"10", "20"}
        assert all(figure > 0 for figure in figures[name].values())
    assert figures["bytes_per_turn"]["20"] > figures["bytes_per_turn"]["10"] > 0
    assert figures["prefix_identity"] == 1.0, "nothing that was sent is ever changed"
    assert figures["first_request_s"] > 0
    assert set(figures["first_request_stages_s"]) == {"claim", "fetch", "open", "prepare", "solve"}
    assert figures["first_request_question_s"] > 0
    assert figures["tasks"] == 2
    assert figures["pss_mb_per_task"] is None or figures["pss_mb_per_task"] > 0
    assert figures["constant_prompt_tokens"] > 0
    assert figures["constant_prompt_counted"], "an estimate is called one"
    show(AgentFigures(**figures))
    table = " ".join(capsys.readouterr().out.split())
    assert "bytes sent" in table
    assert "Each prompt repeats 100.00% of the previous one." in table
    assert "A running task, one of 2, uses" in table


def send_request(base_url: str, *items: object, tools: tuple[object, ...] = ()) -> None:
    body = {"model": "m", "prompt_cache_key": "k", "tools": tools, "input": [ITEM, *items]}
    raw = json.dumps(body, separators=(",", ":")).encode()
    request = urllib.request.Request(f"{base_url}/responses", raw, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        answer.read()


def test_a_changed_history_shows_in_the_identity() -> None:
    one, other = {"type": "message", "content": "one"}, {"type": "message", "content": "other"}
    with model_server_process() as server:
        send_request(server.base_url, one)
        send_request(server.base_url, one, one)
        assert identity(server.requests()) == 1.0
        send_request(server.base_url, other, one, one)
        assert identity(server.requests()) < 1.0


def test_changed_tools_show_in_the_identity() -> None:
    with model_server_process() as server:
        send_request(server.base_url, tools=())
        send_request(server.base_url, tools=({"type": "function"},))
        assert identity(server.requests()) < 0.1


def test_the_input_is_found_whatever_the_items_say() -> None:
    raw = json.dumps({"tools": [{"input": {}}], "input": [{"content": '"input":[1]'}], "store": False})
    assert input_bytes(raw.replace(": ", ":").encode()) == b'{"content":"\\"input\\":[1]"}'
