"""``dayhand bench agent``: what the loop costs besides the model, beside the least loop on the bare library.

The model answers at once and runs in another process. Everything else is real: Redis, the worker, the sandbox.
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
from dayhand.bench.model_server import RecordedRequest, answering
from dayhand.bench.turn_cost import Cost, measure_turns
from dayhand.bench.warm_worker import (
    Starts,
    WorkerMemory,
    first_requests,
    running_tasks,
    town,
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
    """What was measured in one run. Milliseconds and seconds are medians; lengths of history are in items."""

    cpu_ms_per_turn: dict[
        str, float
    ]  # of our own process: the request, the reply, the journal, the plan tool
    bare_cpu_ms_per_turn: dict[str, float]  # of ``client.responses.create(input=history, stream=True)``
    wall_ms_per_turn: dict[str, float]
    bare_wall_ms_per_turn: dict[str, float]
    bytes_per_turn: dict[str, int]  # what one request sends
    prefix_identity: float  # of the bytes of each task's prompts, the share with which the next one begins
    first_request_s: float  # from the start of the job in a warm worker, for a fix
    first_request_stages_s: dict[str, float]
    first_request_question_s: float  # the same for a question, for which no pull request is opened first
    pss_mb_per_task: float | None  # the task's own process; its sandbox is `dayhand bench sandbox`'s
    pss_mb_per_worker: float | None  # the process that waits for the task's
    pss_mb_parent: float | None
    tasks: int  # that ran at once when memory was looked at
    constant_prompt_tokens: int  # the instructions and the tools, which each request begins with
    constant_prompt_counted: str  # by what


def bench_agent(
    *, as_json: bool, lengths: Sequence[int] = LENGTHS, rounds: int = ROUNDS, tasks: int = TASKS
) -> int:
    """Measure and print. Raises ``DayhandError`` where it cannot: no sandbox, no Redis, a machine too busy to tell."""
    with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder, answering() as answers:
        data = Path(folder)
        data.chmod(0o755)
        BubblewrapSandbox(data).self_test()
        costs = measure_turns(data, answers, lengths, rounds=rounds)
        with town(data, answers, tasks) as place:
            fixes = first_requests(place, rounds, kind=TaskKind.FIX)
            questions = first_requests(place, rounds, kind=TaskKind.FOLLOW_UP)
            memory = running_tasks(place, tasks)
        requests = [one for one in answers.requests() if one.key]
    figures = _figures(costs, requests, (fixes, questions), memory=memory)
    if as_json:
        print(json.dumps(asdict(figures)))
    else:
        _show(figures)
    return 0


def _figures(
    costs: Mapping[int, Cost],
    requests: Sequence[RecordedRequest],
    starts: tuple[Sequence[Starts], Sequence[Starts]],
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
        pss_mb_per_worker=memory.waiting,
        pss_mb_parent=memory.parent,
        tasks=memory.tasks,
        constant_prompt_tokens=tokens,
        constant_prompt_counted=counted,
    )


def identity(requests: Sequence[RecordedRequest]) -> float:
    """Of all bytes that a later request of the same task could have repeated, the share that it did repeat."""
    known = sum(one.known for one in requests)
    return round(sum(one.same for one in requests) / known, 4) if known else 1.0


def constant_tokens() -> tuple[int, str]:
    """The tokens of the instructions and of the tools, as JSON, and by what they were counted."""
    text = SYSTEM + json.dumps(TOOLS, ensure_ascii=False)
    if find_spec("bpe_openai"):
        import bpe_openai  # type: ignore[import-not-found,unused-ignore]

        return len(bpe_openai.get_encoding(VOCABULARY).encode(text)), VOCABULARY
    return round(len(text.encode()) / BYTES_PER_TOKEN), f"estimate: {BYTES_PER_TOKEN} bytes a token"


def _size(requests: Sequence[RecordedRequest], items: int) -> int:
    """The bytes of the request whose history is nearest to a length."""
    return min(requests, key=lambda one: abs(one.items - items)).size


def _show(figures: AgentFigures) -> None:
    table = Table(title="A turn of the loop beside one on the bare openai library (medians, in turns)")
    for column in ("items", "CPU ms", "bare", "wall ms", "bare", "bytes sent"):
        table.add_column(column, justify="right")
    for length, cpu in figures.cpu_ms_per_turn.items():
        walls = figures.wall_ms_per_turn[length], figures.bare_wall_ms_per_turn[length]
        bare = figures.bare_cpu_ms_per_turn[length]
        sent = f"{figures.bytes_per_turn[length]:,}"
        table.add_row(length, f"{cpu:.1f}", f"{bare:.1f}", *(f"{wall:.1f}" for wall in walls), sent)
    console = Console()
    console.print(table)
    console.print(f"Each prompt begins with {figures.prefix_identity:.2%} of the one before it.")
    stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in figures.first_request_stages_s.items())
    console.print(
        f"From a job's start to its first request in a warm worker: {figures.first_request_s:.2f} s ({stages}); "
        f"for a question {figures.first_request_question_s:.2f} s."
    )
    told = (
        "an amount that this kernel does not tell"
        if figures.pss_mb_per_task is None
        else f"{figures.pss_mb_per_task} MB, its worker {figures.pss_mb_per_worker} MB, "
        f"the workers' parent {figures.pss_mb_parent} MB"
    )
    console.print(f"A running task, one of {figures.tasks}, holds {told} (PSS).")
    console.print(
        f"Instructions and tools: {figures.constant_prompt_tokens} tokens ({figures.constant_prompt_counted})."
    )
