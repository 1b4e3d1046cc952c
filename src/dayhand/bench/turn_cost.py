"""The cost of a turn of the agent loop, compared with a minimal loop on the openai library with the same history."""

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
from dayhand.agent.model.client import ModelClient
from dayhand.agent.model.remote import RemoteModel
from dayhand.bench.model_server import ModelServerProcess, task_prompt
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
LENGTH_TOLERANCE = 6  # a history that is this many items longer or shorter counts as one of that length
REPOSITORY = (
    "git init -q -b main && git config user.name B && git config user.email b@localhost && "
    "git commit -q --allow-empty -m Begin"
)


@dataclass(frozen=True, slots=True)
class TurnTime:
    """The milliseconds of one turn."""

    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class TurnCost:
    """The medians of the turns at one length of history."""

    ours: TurnTime
    bare: TurnTime
    turns: int  # that were measured


@dataclass(slots=True)
class TimedModel:
    """A model that measures the turns of our loop, and runs a turn of the minimal loop between them.

    A turn lasts from one request to the next: request, reply, journal, tool call and result.
    """

    inner: Model
    client: openai.OpenAI  # of the minimal loop
    lengths: Sequence[int]
    name: str = "bench"
    scripted: bool = True
    supports_images: bool = True
    switches: tuple[Switch, ...] = ()
    window: int = 0
    times: dict[int, list[TurnTime]] = field(default_factory=dict)
    baseline_times: dict[int, list[TurnTime]] = field(default_factory=dict)
    _began: tuple[int, float, float] | None = None

    def reply(
        self,
        items: Sequence[Item],
        tools: Sequence[Item],
        *,
        cache_key: str,
        listener: Listener,
        tool_choice: str = AUTO,
        effort: str = "",
    ) -> Reply:
        self._stop()
        near = next((length for length in self.lengths if abs(len(items) - length) <= LENGTH_TOLERANCE), None)
        if near is not None:
            began = _now()
            baseline_turn(self.client, [*items], tools)
            self.baseline_times.setdefault(near, []).append(_since(began))
            self._began = (near, *_now())
        return self.inner.reply(items, tools, cache_key=cache_key, listener=listener, tool_choice=tool_choice)

    def _stop(self) -> None:
        if self._began is not None:
            near, *began = self._began
            self.times.setdefault(near, []).append(_since((began[0], began[1])))
            self._began = None


def baseline_turn(client: openai.OpenAI, history: list[Any], tools: Sequence[Item]) -> None:
    """One turn of a minimal loop, written as the library's documentation shows it."""
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


def measure_turns(
    data: Path, server: ModelServerProcess, lengths: Sequence[int], *, rounds: int
) -> Mapping[int, TurnCost]:
    """Let our loop take as many turns as the longest history needs, ``rounds`` times.

    Raises ``SandboxError`` if no box can be opened.
    """
    sandbox = BubblewrapSandbox(data)
    with ExitStack() as stack:
        box = stack.enter_context(sandbox.open())
        box.run(REPOSITORY)
        library = stack.enter_context(openai.OpenAI(api_key="none", base_url=server.base_url, max_retries=0))
        client = stack.enter_context(ModelClient(server.base_url))
        timed_model = TimedModel(RemoteModel(client, "bench", scripted=True), library, lengths)
        baseline_turn(
            library, [{"role": "user", "content": task_prompt(1)}], ()
        )  # warm up: the client builds some things once
        redis = stack.enter_context(connect(stack.enter_context(embedded(data))))
        for number in range(rounds):
            _solve_task(
                Ledger(redis),
                timed_model,
                box,
                task=_task(number, (max(lengths) + LENGTH_TOLERANCE) // 2 + 1),
            )
    return {
        length: _cost(timed_model.times[length], timed_model.baseline_times[length]) for length in lengths
    }


def _solve_task(ledger: Ledger, model: Model, box: Box, *, task: Task) -> None:
    """Solve a task with a real journal and a real log."""
    ledger.open(task, delivery=task.id, thread=task.id)
    claim = ledger.claim(task.id, "bench")
    if claim is None:
        raise LedgerError("Another worker claimed the benchmark's task.")
    with claim.kept():
        memory = Journal(ledger.redis, task.id, claim)
        solve(
            task,
            box,
            model,
            briefing="",
            journal=memory,
            log=TaskLog(ledger, claim),
            limits=WorkLimits(turns=MAX_TURNS),
        )
    ledger.finish(claim, State.ANSWERED)


def _task(number: int, turns: int) -> Task:
    return Task(
        id=f"bench-{number}",
        repository="bench/plans",
        installation=0,
        number=number,
        title="Make plans",
        body=task_prompt(turns),
        ask=Ask(TaskKind.FIX, task_prompt(turns), "bench"),
        default_branch="main",
        created_at=time.time(),
    )


def _cost(ours: Sequence[TurnTime], bare: Sequence[TurnTime]) -> TurnCost:
    return TurnCost(_median(ours), _median(bare), len(ours))


def _median(times: Sequence[TurnTime]) -> TurnTime:
    return TurnTime(
        round(statistics.median(one.cpu for one in times), 2),
        round(statistics.median(one.wall for one in times), 2),
    )


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _since(began: tuple[float, float]) -> TurnTime:
    cpu, wall = _now()
    return TurnTime((cpu - began[0]) * 1000, (wall - began[1]) * 1000)
