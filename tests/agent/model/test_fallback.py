"""Several models on one server: who is asked, what the next one is sent, and what a successor of the worker knows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import openai
import pytest

from dayhand.agent.loop import solve
from dayhand.agent.model.base import Item, Reply
from dayhand.agent.model.fallback import FallbackModels
from dayhand.agent.model.items import message
from dayhand.agent.model.prices import Price
from dayhand.agent.model.responses import ResponsesModel
from dayhand.agent.model.retry import RetryPolicy
from dayhand.errors import ModelError, ModelUnavailable
from dayhand.ledger.facts import Facts
from dayhand.ledger.journal import Journal as LedgerJournal
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import TaskLog
from dayhand.sandbox.base import Box
from dayhand.scripted_model.moves import FOREVER, Fault, Finish, Move, Say, Shell
from dayhand.scripted_model.server import ScriptedServer
from tests.agent.conftest import Clock, Heard, script
from tests.agent.test_loop import TASK

TABLE = {"one": Price(input=2.0, output=10.0), "two": Price(input=1.0, output=5.0)}


def gone(model: str = "one", times: float = FOREVER) -> Fault:
    body = '{"error": {"message": "quota", "code": "insufficient_quota"}}'
    return Fault("status", 429, body, times=times, model=model)


def slow(model: str = "one") -> Fault:
    return Fault("status", 429, '{"error": {"message": "slow"}}', times=FOREVER, model=model)


@dataclass
class Cast:
    """A server with several models, and a task that can use them."""

    server: ScriptedServer
    facts: Facts
    models: list[ResponsesModel]
    clock: Clock

    def succession(self) -> FallbackModels:
        return FallbackModels(self.models, self.facts)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.server.bodies]

    @property
    def asked(self) -> list[str]:
        return [body["model"] for body in self.bodies]


CastOf = Callable[..., Cast]


@pytest.fixture
def claim(ledger: Ledger) -> Claim:
    ledger.open(TASK, delivery="d-1", meaning="acme/shop#7:fix")
    claim = ledger.claim(TASK.id, "worker")
    assert claim is not None
    return claim


@pytest.fixture
def cast_of(ledger: Ledger, claim: Claim) -> Iterator[CastOf]:
    with ExitStack() as stack:

        def build(*turns: list[Move], names: tuple[str, ...] = ("one", "two")) -> Cast:
            server = stack.enter_context(ScriptedServer([script(list(turns))], keep=True))
            client = stack.enter_context(openai.OpenAI(api_key="x", base_url=server.base_url, max_retries=0))
            clock = Clock()
            policy = RetryPolicy(jitter=lambda: 0.5, sleep=clock.sleep, clock=clock.time)
            models = [
                ResponsesModel(
                    client,
                    name,
                    prices=TABLE,
                    retry_policy=policy if name == names[-1] else policy.with_fallback_left(),
                )
                for name in names
            ]
            return Cast(server, claim.facts, models, clock)

        yield build


def ask(model: FallbackModels, heard: Heard, items: list[Item] | None = None) -> Reply:
    return model.reply(items or [message("user", "do it")], (), cache_key="task-1", listener=heard.listener)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(gone(), id="insufficient quota"),
        pytest.param(Fault("status", 403, "{}", times=FOREVER, model="one"), id="key refused"),
        pytest.param(Fault("status", 404, "{}", times=FOREVER, model="one"), id="no such model"),
        pytest.param(
            Fault("status", 400, '{"error": {"message": "Invalid model name passed in model=one"}}', times=FOREVER, model="one"),
            id="no such model, as a bad request",
        ),
        pytest.param(slow(), id="429 that stays"),
        pytest.param(Fault("status", 529, "overloaded", times=FOREVER, model="one"), id="overloaded"),
        pytest.param(Fault("drop", times=FOREVER, model="one"), id="dropped for ever"),
        pytest.param(Fault("nonsense", body="<html>", times=FOREVER, model="one"), id="nonsense for ever"),
    ],
)  # fmt: skip
def test_the_next_model_goes_on_where_one_cannot_be_had(cast_of: CastOf, heard: Heard, fault: Fault) -> None:
    cast = cast_of([fault, Say("here")])
    model = cast.succession()
    reply = ask(model, heard)
    assert (reply.text, reply.usage.model, model.name) == ("here", "two", "two")
    assert cast.asked[-1] == "two"
    assert cast.bodies[-1] == {**cast.bodies[-2], "model": "two"}, (
        "the same request, not one byte of it edited"
    )
    assert heard.faults[-1].endswith("Continuing with two.")
    assert [(one.model, one.successor) for one in model.switches] == [("one", "two")]
    assert sum(cast.clock.slept) <= 120, "less patience where another one is left"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("content_policy_violation", "refused this request"),
        ("context_length_exceeded", "does not fit in the model's context window"),
    ],
)
def test_an_answer_that_ends_the_task_is_not_taken_to_another_model(
    cast_of: CastOf, heard: Heard, code: str, words: str
) -> None:
    body = json.dumps({"error": {"message": "no", "code": code}})
    cast = cast_of([Fault("status", 400, body, times=FOREVER)])
    with pytest.raises(ModelError, match=words) as caught:
        ask(cast.succession(), heard)
    assert not isinstance(caught.value, ModelUnavailable)
    assert cast.asked == ["one"]


def test_where_none_is_left_each_ones_reason_is_told(cast_of: CastOf, heard: Heard) -> None:
    cast = cast_of([gone("one"), Fault("status", 404, "{}", times=FOREVER, model="two"), slow("three")],
                   names=("one", "two", "three"))  # fmt: skip
    with pytest.raises(ModelUnavailable) as caught:
        ask(cast.succession(), heard)
    said = str(caught.value)
    assert said.startswith("All 3 models failed. one: The account")
    assert "two: The model server has no such model" in said
    assert "three: The model server asks us to slow down" in said
    assert caught.value.advice


def test_one_model_alone_fails_in_its_own_words(cast_of: CastOf, heard: Heard) -> None:
    with pytest.raises(ModelUnavailable, match=r"^The account"):
        ask(cast_of([gone()], names=("one",)).succession(), heard)


REASONED: list[Item] = [
    message("user", "do it"),
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
    {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "shell", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "hello"},
]
OWN: list[Item] = [
    {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gBBB"},
    {"type": "function_call", "id": "fc_2", "call_id": "d", "name": "shell", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "d", "output": "hello"},
]


def test_anothers_reasoning_is_left_out_only_where_it_is_refused(cast_of: CastOf, heard: Heard) -> None:
    refusal = '{"error": {"message": "The encrypted content for item rs_1 could not be verified."}}'
    cast = cast_of([Say("x")], [gone(), Fault("status", 400, refusal, model="two"), Say("y")], [Say("z")])
    model = cast.succession()
    ask(model, heard, REASONED)
    ask(model, heard, [*REASONED, *OWN])
    to_one, to_two, plainer, next_turn = (body["input"] for body in cast.bodies)
    assert to_one == to_two == REASONED
    assert [item["type"] for item in plainer] == ["message", "function_call", "function_call_output"]
    assert "id" not in plainer[1], "an id calls for the reasoning that led to it"
    assert next_turn == [*plainer, *OWN], "its own reasoning goes back to it, and the prompt begins as before"


def test_after_a_compaction_all_reasoning_is_its_own(cast_of: CastOf, heard: Heard) -> None:
    refusal = '{"error": {"message": "The encrypted content for item rs_1 could not be verified."}}'
    cast = cast_of([Say("x")], [gone(), Fault("status", 400, refusal, model="two"), Say("y")], [Say("z")])
    ask(cast.succession(), heard, [*REASONED, *OWN])
    shorter = REASONED[:1]
    ask(cast.succession(), heard, shorter)
    ask(cast.succession(), heard, [*shorter, *OWN, *OWN])
    assert cast.bodies[-1]["input"] == [*shorter, *OWN, *OWN], "on another worker, too"


def test_a_resumed_task_goes_on_with_the_model_it_had_switched_to(
    cast_of: CastOf, boxes: Callable[[], Box], ledger: Ledger, claim: Claim
) -> None:
    done = Finish("Say hello", "It is said.")
    cast = cast_of([Shell("echo x > a")], [gone("one"), Shell("echo y > b")], [gone("two", times=1), done])
    journal, log = LedgerJournal(ledger.redis, TASK.id, claim), TaskLog(ledger, claim)
    with pytest.raises(ModelUnavailable, match="All 2 models failed"):
        solve(TASK, boxes(), cast.succession(), briefing="", journal=journal, log=log)
    second = boxes()
    solution = solve(TASK, second, cast.succession(), briefing="", journal=journal, log=log)
    assert cast.asked == ["one", "one", "two", "two", "two"]
    assert second.run("cat a b").text() == "x\ny\n"
    assert [(one.model, one.successor) for one in solution.switches] == [("one", "two")]
    shares = solution.usage.by_model
    assert [(share.model, share.turns) for share in shares] == [("one", 1), ("two", 2)]
    for share, price in zip(shares, TABLE.values(), strict=True):
        assert share.dollars == pytest.approx(
            price.dollars(input_tokens=share.input_tokens, output=share.output_tokens)
        )
    assert solution.usage.dollars == pytest.approx(sum(share.dollars or 0 for share in shares))
    assert solution.usage == replace(solution.usage, model="two", turns=3)


def test_a_model_that_is_set_no_more_is_not_gone_back_to(cast_of: CastOf, heard: Heard) -> None:
    cast = cast_of([gone("one"), Say("here")])
    ask(cast.succession(), heard)
    cast.models[:] = [model for model in cast.models if model.name == "one"]
    assert cast.succession().name == "one", "the first that is set"
