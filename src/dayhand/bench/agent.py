"""``dayhand bench agent``: the cost of the agent loop without the model, compared with a minimal loop.

The model is a script in another process that replies at once. Redis, the worker and the sandbox are real.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dayhand.agent.prompt import SYSTEM
from dayhand.agent.tools.schema import TOOLS
from dayhand.bench.model_server import RecordedRequest, model_server_process
from dayhand.bench.turn_cost import TurnCost, measure_turns
from dayhand.bench.warm_worker import (
    FirstRequest,
    WorkerMemory,
    measure_first_requests,
    measure_memory,
    worker_harness,
)
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.task import TaskKind

LENGTHS = (10, 100, 600)
ROUNDS = 3
TASKS = 8
BYTES_PER_TOKEN = 4
VOCABULARY = "o200k_base"


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """The figures of one run. Milliseconds and seconds are medians, by length of the history in items."""

    cpu_ms_per_turn: dict[str, float]  # of our process: request, reply, journal and plan tool
    bare_cpu_ms_per_turn: dict[str, float]  # of ``client.responses.create(input=history, stream=True)``
    wall_ms_per_turn: dict[str, float]
    bare_wall_ms_per_turn: dict[str, float]
    bytes_per_turn: dict[str, int]  # sent in one request
    prefix_identity: float  # the share of each prompt's bytes that the next one begins with
    first_request_s: float  # from the start of the job in a warm worker, for a fix
    first_request_stages_s: dict[str, float]
    first_request_question_s: float  # the same for a question, which opens no pull request first
    pss_mb_per_task: float | None  # its share of all processes; `dayhand bench sandbox` measures its sandbox
    pss_mb_per_worker: float | None  # a process that runs several tasks
    pss_mb_parent: float | None
    tasks: int  # that ran when memory was measured
    constant_prompt_tokens: int  # of the instructions and tools, with which each request begins
    constant_prompt_counted: str  # how they were counted


def bench_agent(
    *, as_json: bool, lengths: Sequence[int] = LENGTHS, rounds: int = ROUNDS, tasks: int = TASKS
) -> int:
    """Measure and print. Raises ``DayhandError`` without a sandbox or Redis, or if the machine is too busy."""
    with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder, model_server_process() as server:
        data = Path(folder)
        data.chmod(0o755)
        BubblewrapSandbox(data).self_test()
        costs = measure_turns(data, server, lengths, rounds=rounds)
        with worker_harness(data, server, tasks) as harness:
            fixes = measure_first_requests(harness, rounds, kind=TaskKind.FIX)
            questions = measure_first_requests(harness, rounds, kind=TaskKind.FOLLOW_UP)
            memory = measure_memory(harness, tasks)
        requests = [request for request in server.requests() if request.key]
    figures = _figures(costs, requests, (fixes, questions), memory=memory)
    if as_json:
        print(json.dumps(asdict(figures)))
    else:
        show(figures)
    return 0


def _figures(
    costs: Mapping[int, TurnCost],
    requests: Sequence[RecordedRequest],
    starts: tuple[Sequence[FirstRequest], Sequence[FirstRequest]],
    *,
    memory: WorkerMemory,
) -> AgentFigures:
    fixes, questions = starts
    tokens, counted = constant_tokens()
    return AgentFigures(
        cpu_ms_per_turn={str(n): cost.ours.cpu for n, cost in costs.items()},
        bare_cpu_ms_per_turn={str(n): cost.bare.cpu for n, cost in costs.items()},
        wall_ms_per_turn={str(n): cost.ours.wall for n, cost in costs.items()},
        bare_wall_ms_per_turn={str(n): cost.bare.wall for n, cost in costs.items()},
        bytes_per_turn={str(n): _size(requests, n) for n in costs},
        prefix_identity=identity(requests),
        first_request_s=round(statistics.median(one.seconds for one in fixes), 3),
        first_request_stages_s={
            name: round(statistics.median(one.stages[name] for one in fixes), 3) for name in fixes[0].stages
        },
        first_request_question_s=round(statistics.median(one.seconds for one in questions), 3),
        pss_mb_per_task=memory.task,
        pss_mb_per_worker=memory.worker,
        pss_mb_parent=memory.parent,
        tasks=memory.tasks,
        constant_prompt_tokens=tokens,
        constant_prompt_counted=counted,
    )


def identity(requests: Sequence[RecordedRequest]) -> float:
    """The share of each request's prompt that the next request of the same task repeats."""
    known = sum(one.known for one in requests)
    return round(sum(one.same for one in requests) / known, 4) if known else 1.0


def constant_tokens() -> tuple[int, str]:
    """The number of tokens of the instructions and the tools (as JSON), and how they were counted."""
    text = SYSTEM + json.dumps(TOOLS, ensure_ascii=False)
    if find_spec("bpe_openai"):
        import bpe_openai  # type: ignore[import-not-found,unused-ignore]

        return len(bpe_openai.get_encoding(VOCABULARY).encode(text)), VOCABULARY
    return round(len(text.encode()) / BYTES_PER_TOKEN), f"estimate: {BYTES_PER_TOKEN} bytes a token"


def _size(requests: Sequence[RecordedRequest], items: int) -> int:
    """The bytes of the request whose history is closest to ``items`` items."""
    return min(requests, key=lambda one: abs(one.items - items)).size


def show(figures: AgentFigures) -> None:
    table = Table(
        title="One turn of the agent loop, compared with a minimal loop on the openai library (medians)"
    )
    for column in ("items", "CPU ms", "minimal", "wall ms", "minimal", "bytes sent"):
        table.add_column(column, justify="right")
    for length, cpu in figures.cpu_ms_per_turn.items():
        walls = figures.wall_ms_per_turn[length], figures.bare_wall_ms_per_turn[length]
        bare = figures.bare_cpu_ms_per_turn[length]
        sent = f"{figures.bytes_per_turn[length]:,}"
        table.add_row(length, f"{cpu:.1f}", f"{bare:.1f}", *(f"{wall:.1f}" for wall in walls), sent)
    console = Console()
    console.print(table)
    console.print(f"Each prompt repeats {figures.prefix_identity:.2%} of the previous one.")
    stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in figures.first_request_stages_s.items())
    console.print(
        f"From the start of a job to its first request in a warm worker: {figures.first_request_s:.2f} s ({stages}); "
        f"for a question: {figures.first_request_question_s:.2f} s."
    )
    memory = (
        "an amount that this kernel does not report"
        if figures.pss_mb_per_task is None
        else f"{figures.pss_mb_per_task} MB of all processes; a worker process uses {figures.pss_mb_per_worker} MB, "
        f"the parent of the workers {figures.pss_mb_parent} MB"
    )
    console.print(f"A running task, one of {figures.tasks}, uses {memory} (PSS).")
    console.print(
        f"Instructions and tools: {figures.constant_prompt_tokens} tokens ({figures.constant_prompt_counted})."
    )
