"""The scripted model as a server, for any client of the Responses format."""

from __future__ import annotations

import json

import openai
import pytest

from dayhand.scripted_model.moves import Finish, Plan, Say, Script, ScriptState, Shell
from dayhand.scripted_model.server import ScriptedServer


def count(state: ScriptState) -> list[Say | Shell]:
    return [Say(f"turn {state.turn}, saw {list(state.outputs)}"), Shell("ls"), Shell("pwd")]


CASE = Script("count", lambda prompt: "count" in prompt, count)


def test_the_librarys_own_reader_takes_its_streamed_and_plain_replies() -> None:
    script = Script(
        "x", lambda _: True, lambda _: [Say("a\nb"), Plan((("s", "completed"),)), Finish("t", "a")]
    )
    with ScriptedServer([script]) as server, openai.OpenAI(api_key="x", base_url=server.base_url) as client:
        plain = client.responses.create(model="scripted", input="hello")
        with client.responses.stream(model="scripted", input="hello") as stream:
            streamed = stream.get_final_response()
        assert client.models.list().data[0].id == "scripted"
    assert plain.output_text == streamed.output_text == "a\nb"
    assert [item.type for item in streamed.output] == ["message", "function_call", "function_call"]
    assert plain.model == "scripted"


def test_which_turn_it_is_follows_from_what_it_is_sent() -> None:
    """Another server plays on where this one stopped."""
    items: list[object] = [{"role": "user", "content": "count please"}]
    for turn in range(3):
        with ScriptedServer([CASE]) as server, openai.OpenAI(api_key="x", base_url=server.base_url) as client:
            reply = client.responses.create(model="scripted", input=items)  # type: ignore[arg-type]
        saw = [] if turn == 0 else [f"out {turn}a", f"out {turn}b"]
        assert reply.output_text == f"turn {turn}, saw {saw}"
        items += [item.model_dump(exclude_none=True) for item in reply.output]
        calls = [item.call_id for item in reply.output if item.type == "function_call"]
        for call, mark in zip(calls, "ab", strict=True):
            items.append({"type": "function_call_output", "call_id": call, "output": f"out {turn + 1}{mark}"})


def test_what_no_case_matches_gets_an_honest_answer() -> None:
    with ScriptedServer([CASE]) as server, openai.OpenAI(api_key="x", base_url=server.base_url) as client:
        reply = client.responses.create(model="scripted", input="something else")
    assert "I am a scripted model. I only know the cases" in reply.output_text


@pytest.mark.parametrize(("path", "body", "status"), [("/responses", "{", 400), ("/chat", "{}", 404)])
def test_bad_requests_are_refused(path: str, body: str, status: int) -> None:
    with (
        ScriptedServer([CASE]) as server,
        openai.OpenAI(api_key="x", base_url=server.base_url, max_retries=0) as client,
    ):
        with pytest.raises(openai.APIStatusError) as caught:
            client.post(path, cast_to=object, content=body.encode())
        assert caught.value.status_code == status
        assert server.count == 0


def test_a_delay_ends_when_the_server_closes() -> None:
    with ScriptedServer([CASE], delay=60) as server:
        assert json.dumps(server.base_url).startswith('"http://127.0.0.1:')
