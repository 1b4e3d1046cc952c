"""Several models on one server: which one is asked, what it is sent, and what the next worker knows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from dayhand.agent.loop import solve
from dayhand.agent.model.base import Item, Reply
from dayhand.agent.model.client import ModelClient
from dayhand.agent.model.fallback import FallbackModels
from dayhand.agent.model.items import message
from dayhand.agent.model.prices import Price
from dayhand.agent.model.remote import RemoteModel
from dayhand.agent.model.retry import RetryPolicy
from dayhand.errors import ModelError, ModelUnavailable
from dayhand.ledger.facts import Facts
from dayhand.ledger.journal import Journal as LedgerJournal
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.log import TaskLog
from dayhand.sandbox.base import Box
from dayhand.scripted_model.moves import FOREVER, Fault, Finish, Move, Say, Shell
from dayhand.scripted_model.server import ScriptedServer
from tests.agent.conftest import Clock, ListenerRecorder, script
from tests.agent.test_loop import TASK

TABLE = {"one": Price(input=2.0, output=10.0), "two": Price(input=1.0, output=5.0)}


def gone(model: str = "one", times: float = FOREVER) -> Fault:
    body = '{"error": {"message": "quota", "code": "insufficient_quota"}}'
    return Fault("status", 429, body, times=times, model=model)


def slow(model: str = "one") -> Fault:
    return Fault("status", 429, '{"error": {"message": "slow"}}', times=FOREVER, model=model)


@dataclass
class ModelSetup:
    """A server with several models, and a task that can use them."""

    server: ScriptedServer
    facts: Facts
    models: list[RemoteModel]
    clock: Clock

    def fallback_models(self) -> FallbackModels:
        return FallbackModels(self.models, self.facts)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.server.bodies]

    @property
    def asked(self) -> list[str]:
        return [body["model"] for body in self.bodies]


BuildSetup = Callable[..., ModelSetup]


@pytest.fixture
def claim(ledger: Ledger) -> Claim:
    ledger.open(TASK, delivery="d-1", thread="acme/shop#7:fix")
    claim = ledger.claim(TASK.id, "worker")
    assert claim is not None
    return claim


@pytest.fixture
def build_setup(ledger: Ledger, claim: Claim) -> Iterator[BuildSetup]:
    with ExitStack() as stack:

        def build(*turns: list[Move], names: tuple[str, ...] = ("one", "two")) -> ModelSetup:
            server = stack.enter_context(ScriptedServer([script(list(turns))], keep=True))
            client = stack.enter_context(ModelClient(server.base_url))
            clock = Clock()
            policy = RetryPolicy(jitter=lambda: 0.5, sleep=clock.sleep, clock=clock.time)
            models = [
                RemoteModel(
                    client,
                    name,
                    prices=TABLE,
                    retry_policy=policy if name == names[-1] else policy.with_fallback_left(),
                )
                for name in names
            ]
            return ModelSetup(server, claim.facts, models, clock)

        yield build


def ask(model: FallbackModels, recorder: ListenerRecorder, items: list[Item] | None = None) -> Reply:
    return model.reply(
        items or [message("user", "do it")], (), cache_key="task-1", listener=recorder.listener
    )


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(gone(), id="insufficient quota"),
        pytest.param(Fault("status", 403, "{}", times=FOREVER, model="one"), id="key refused"),
        pytest.param(
            Fault("status", 404, '{"error": {"code": "model_not_found"}}', times=FOREVER, model="one"), id="no such model"
        ),
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
def test_the_next_model_continues_if_one_is_unavailable(
    build_setup: BuildSetup, recorder: ListenerRecorder, fault: Fault
) -> None:
    setup = build_setup([fault, Say("here")])
    model = setup.fallback_models()
    reply = ask(model, recorder)
    assert (reply.text, reply.usage.model, model.name) == ("here", "two", "two")
    assert setup.asked[-1] == "two"
    assert setup.bodies[-1] == {**setup.bodies[-2], "model": "two"}, (
        "the same request, not one byte of it edited"
    )
    assert recorder.faults[-1].endswith("Continuing with two.")
    assert [(one.model, one.successor) for one in model.switches] == [("one", "two")]
    assert sum(setup.clock.slept) <= 120, "less patience where another one is left"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("content_policy_violation", "refused this request"),
        ("context_length_exceeded", "does not fit in the model's context window"),
    ],
)
def test_an_answer_that_ends_the_task_is_not_taken_to_another_model(
    build_setup: BuildSetup, recorder: ListenerRecorder, code: str, words: str
) -> None:
    body = json.dumps({"error": {"message": "no", "code": code}})
    setup = build_setup([Fault("status", 400, body, times=FOREVER)])
    with pytest.raises(ModelError, match=words) as caught:
        ask(setup.fallback_models(), recorder)
    assert not isinstance(caught.value, ModelUnavailable)
    assert setup.asked == ["one"]


def test_if_all_models_fail_each_reason_is_given(build_setup: BuildSetup, recorder: ListenerRecorder) -> None:
    unknown = '{"error": {"message": "", "code": "model_not_found"}}'
    setup = build_setup([gone("one"), Fault("status", 404, unknown, times=FOREVER, model="two"), slow("three")],
                   names=("one", "two", "three"))  # fmt: skip
    with pytest.raises(ModelUnavailable) as caught:
        ask(setup.fallback_models(), recorder)
    said = str(caught.value)
    assert said.startswith("All 3 models failed. one: The account")
    assert "two: The model server has no such model" in said
    assert "three: The model server asks us to slow down" in said
    assert caught.value.advice


def test_one_model_alone_fails_in_its_own_words(build_setup: BuildSetup, recorder: ListenerRecorder) -> None:
    with pytest.raises(ModelUnavailable, match=r"^The account"):
        ask(build_setup([gone()], names=("one",)).fallback_models(), recorder)


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


def test_another_models_reasoning_is_left_out_only_if_it_is_rejected(
    build_setup: BuildSetup, recorder: ListenerRecorder
) -> None:
    refusal = '{"error": {"message": "The encrypted content for item rs_1 could not be verified."}}'
    setup = build_setup(
        [Say("x")], [gone(), Fault("status", 400, refusal, model="two"), Say("y")], [Say("z")]
    )
    model = setup.fallback_models()
    ask(model, recorder, REASONED)
    ask(model, recorder, [*REASONED, *OWN])
    to_one, to_two, plainer, next_turn = (body["input"] for body in setup.bodies)
    assert to_one == to_two == REASONED
    assert [item["type"] for item in plainer] == ["message", "function_call", "function_call_output"]
    assert "id" not in plainer[1], "an id calls for the reasoning that led to it"
    assert next_turn == [*plainer, *OWN], "its own reasoning goes back to it, and the prompt begins as before"


def test_after_a_compaction_all_reasoning_is_its_own(
    build_setup: BuildSetup, recorder: ListenerRecorder
) -> None:
    refusal = '{"error": {"message": "The encrypted content for item rs_1 could not be verified."}}'
    setup = build_setup(
        [Say("x")], [gone(), Fault("status", 400, refusal, model="two"), Say("y")], [Say("z")]
    )
    ask(setup.fallback_models(), recorder, [*REASONED, *OWN])
    shorter = REASONED[:1]
    ask(setup.fallback_models(), recorder, shorter)
    ask(setup.fallback_models(), recorder, [*shorter, *OWN, *OWN])
    assert setup.bodies[-1]["input"] == [*shorter, *OWN, *OWN], "on another worker, too"


def test_a_resumed_task_goes_on_with_the_model_it_had_switched_to(
    build_setup: BuildSetup, boxes: Callable[[], Box], ledger: Ledger, claim: Claim
) -> None:
    done = Finish("Say hello", "It is said.")
    setup = build_setup(
        [Shell("echo x > a")], [gone("one"), Shell("echo y > b")], [gone("two", times=1), done]
    )
    journal, log = LedgerJournal(ledger.redis, TASK.id, claim), TaskLog(ledger, claim)
    with pytest.raises(ModelUnavailable, match="All 2 models failed"):
        solve(TASK, boxes(), setup.fallback_models(), briefing="", journal=journal, log=log)
    second = boxes()
    solution = solve(TASK, second, setup.fallback_models(), briefing="", journal=journal, log=log)
    assert setup.asked == ["one", "one", "two", "two", "two"]
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


def test_a_model_that_is_no_longer_configured_is_not_used(
    build_setup: BuildSetup, recorder: ListenerRecorder
) -> None:
    setup = build_setup([gone("one"), Say("here")])
    ask(setup.fallback_models(), recorder)
    setup.models[:] = [model for model in setup.models if model.name == "one"]
    assert setup.fallback_models().name == "one", "the first that is set"
