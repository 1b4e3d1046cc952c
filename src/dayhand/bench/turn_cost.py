"""What a turn of the loop costs, beside one of the least loop on the bare library, on the same history and in turns."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import openai

from dayhand.agent.guard import WorkLimits
from dayhand.agent.loop import solve
from dayhand.agent.model.base import (
    AUTO,
    Item,
    Listener,
    Model,
    Reply,
)
from dayhand.agent.model.responses import ResponsesModel
from dayhand.bench.model_server import Answers, words
from dayhand.errors import LedgerError
from dayhand.ledger.journal import Journal
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import TaskLog
from dayhand.ledger.redis_server import connect, embedded
from dayhand.sandbox.base import Box
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.task import Ask, State, Task, TaskKind
from dayhand.usage import Switch

MAX_TURNS = 1000
AROUND = 6  # items that a history may be longer or shorter and still count as one of that length
REPOSITORY = (
    "git init -q -b main && git -c user.name=B -c user.email=b@localhost commit -q --allow-empty -m Begin"
)


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of one turn."""

    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians of the turns at one length of history."""

    ours: Spent
    bare: Spent
    turns: int  # how many they are


@dataclass(slots=True)
class Watch:
    """The model of our loop: it stops the time, and between two turns lets the bare loop have one.

    A turn lasts from one request to the next: what goes out, what comes in, the journal, the tool and its results.
    """

    inner: Model
    bare: openai.OpenAI
    lengths: Sequence[int]
    name: str = "bench"
    scripted: bool = True
    images: bool = True
    switches: tuple[Switch, ...] = ()
    window: int = 0
    spent: dict[int, list[Spent]] = field(default_factory=dict)
    bare_spent: dict[int, list[Spent]] = field(default_factory=dict)
    _began: tuple[int, float, float] | None = None

    def reply(
        self,
        items: Sequence[Item],
        tools: Sequence[Item],
        *,
        key: str,
        listener: Listener,
        choice: str = AUTO,
    ) -> Reply:
        self._stop()
        near = next((length for length in self.lengths if abs(len(items) - length) <= AROUND), None)
        if near is not None:
            began = _now()
            bare_turn(self.bare, [*items], tools)
            self.bare_spent.setdefault(near, []).append(_since(began))
            self._began = (near, *_now())
        return self.inner.reply(items, tools, key=key, listener=listener, choice=choice)

    def _stop(self) -> None:
        if self._began is not None:
            near, *began = self._began
            self.spent.setdefault(near, []).append(_since((began[0], began[1])))
            self._began = None


def bare_turn(client: openai.OpenAI, history: list[Any], tools: Sequence[Item]) -> None:
    """The least loop that there can be on the library as its documentation shows it: one turn."""
    arguments: dict[str, Any] = {"model": "bench", "store": False, "tools": [*tools]}
    stream = cast("openai.Stream[Any]", client.responses.create(input=history, stream=True, **arguments))
    for event in stream:
        if event.type != "response.completed":
            continue
        history += event.response.output
        for item in event.response.output:
            if item.type == "function_call":
                json.loads(item.arguments)
                history.append(
                    {"type": "function_call_output", "call_id": item.call_id, "output": "Plan updated."}
                )


def measure_turns(data: Path, answers: Answers, lengths: Sequence[int], *, rounds: int) -> Mapping[int, Cost]:
    """Let our loop take as many turns as the longest history needs, ``rounds`` times.

    Raises ``SandboxError`` where no box can be opened.
    """
    sandbox = BubblewrapSandbox(data)
    with ExitStack() as stack:
        box = stack.enter_context(sandbox.open())
        box.run(REPOSITORY)
        clients = [
            stack.enter_context(openai.OpenAI(api_key="none", base_url=answers.base_url, max_retries=0))
            for _ in range(2)
        ]
        watch = Watch(ResponsesModel(clients[0], "bench", scripted=True), clients[1], lengths)
        bare_turn(clients[1], [{"role": "user", "content": words(1)}], ())  # what is built once is built now
        redis = stack.enter_context(connect(stack.enter_context(embedded(data))))
        for number in range(rounds):
            _travel(Ledger(redis), watch, box, task=_task(number, (max(lengths) + AROUND) // 2 + 1))
    return {length: _cost(watch.spent[length], watch.bare_spent[length]) for length in lengths}


def _travel(ledger: Ledger, model: Model, box: Box, *, task: Task) -> None:
    """Solve a task with a real journal and a real log."""
    ledger.open(task, delivery=task.id, meaning=task.id)
    claim = ledger.claim(task.id, "bench")
    if claim is None:
        raise LedgerError("The bench's own task was taken by somebody else.")
    with claim.kept():
        memory = Journal(ledger.redis, task.id, claim)
        solve(
            task,
            box,
            model,
            briefing="",
            memory=memory,
            log=TaskLog(ledger, claim),
            bounds=WorkLimits(turns=MAX_TURNS),
        )
    ledger.finish(claim, State.ANSWERED)


def _task(number: int, turns: int) -> Task:
    return Task(
        id=f"bench-{number}",
        repository="bench/plans",
        installation=0,
        number=number,
        title="Make plans",
        body=words(turns),
        ask=Ask(TaskKind.FIX, words(turns), "bench"),
        default_branch="main",
        created_at=time.time(),
    )


def _cost(ours: Sequence[Spent], bare: Sequence[Spent]) -> Cost:
    return Cost(_median(ours), _median(bare), len(ours))


def _median(spent: Sequence[Spent]) -> Spent:
    return Spent(
        round(statistics.median(one.cpu for one in spent), 2),
        round(statistics.median(one.wall for one in spent), 2),
    )


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _since(began: tuple[float, float]) -> Spent:
    cpu, wall = _now()
    return Spent((cpu - began[0]) * 1000, (wall - began[1]) * 1000)
