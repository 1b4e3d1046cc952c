"""The bench's shape, and that it measures what it says; its figures are for people and never a test."""

from __future__ import annotations

import json
import urllib.request

import pytest

from dayhand.bench.agent import bench_agent, identity
from dayhand.bench.model_server import answering, written

ITEM = {"type": "message", "role": "user", "content": "Make 3 plans."}


def test_it_prints_one_object_with_what_scripts_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_agent(as_json=True, lengths=(10, 20), rounds=1, tasks=2) == 0
    told = json.loads(capsys.readouterr().out)
    for name in ("cpu_ms_per_turn", "bare_cpu_ms_per_turn", "wall_ms_per_turn", "bare_wall_ms_per_turn"):
        assert set(told[name]) == {"10", "20"}
        assert all(figure > 0 for figure in told[name].values())
    assert told["bytes_per_turn"]["20"] > told["bytes_per_turn"]["10"] > 0
    assert told["prefix_identity"] == 1.0, "nothing that was sent is ever changed"
    assert told["first_request_s"] > 0
    assert set(told["first_request_stages_s"]) == {"claim", "fetch", "open", "prepare", "solve"}
    assert told["first_request_question_s"] > 0
    assert told["tasks"] == 2
    assert told["pss_mb_per_task"] is None or told["pss_mb_per_task"] > 0
    assert told["constant_prompt_tokens"] > 0
    assert told["constant_prompt_counted"], "an estimate is called one"


def test_it_prints_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    bench_agent(as_json=False, lengths=(10,), rounds=1, tasks=1)
    told = " ".join(capsys.readouterr().out.split())
    assert "bytes sent" in told
    assert "Each prompt begins with 100.00% of the one before it." in told
    assert "A running task, one of 1, holds" in told


def ask(base_url: str, *items: object, tools: tuple[object, ...] = ()) -> None:
    body = {"model": "m", "prompt_cache_key": "k", "tools": tools, "input": [ITEM, *items]}
    raw = json.dumps(body, separators=(",", ":")).encode()
    request = urllib.request.Request(f"{base_url}/responses", raw, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        answer.read()


def test_a_changed_history_shows_in_the_identity() -> None:
    one, other = {"type": "message", "content": "one"}, {"type": "message", "content": "other"}
    with answering() as answers:
        ask(answers.base_url, one)
        ask(answers.base_url, one, one)
        assert identity(answers.requests()) == 1.0
        ask(answers.base_url, other, one, one)
        assert identity(answers.requests()) < 1.0


def test_changed_tools_show_in_the_identity() -> None:
    with answering() as answers:
        ask(answers.base_url, tools=())
        ask(answers.base_url, tools=({"type": "function"},))
        assert identity(answers.requests()) < 0.1


def test_the_input_is_found_whatever_the_items_say() -> None:
    raw = json.dumps({"tools": [{"input": {}}], "input": [{"content": '"input":[1]'}], "store": False})
    assert written(raw.replace(": ", ":").encode()) == b'{"content":"\\"input\\":[1]"}'
