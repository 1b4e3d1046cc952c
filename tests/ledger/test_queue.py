"""The queue starts our one job and nothing else, whoever wrote into Redis."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.job import Callback, Job
from rq.serializers import JSONSerializer

from dayhand.errors import LedgerError
from dayhand.ledger.queue import (
    DISPATCH,
    FIELDS,
    NAME,
    PERFORM,
    WRITE_NOTICES,
    AllowedJob,
    dispatch_queue,
    enqueue,
    enqueue_delivery,
    enqueue_notices,
    queue,
    waiting,
    waiting_deliveries,
)
from dayhand.task_deadline import JOB_SECONDS
from dayhand.worker.dispatcher import DispatchWorker
from dayhand.worker.job import perform
from dayhand.worker.task_worker import TaskWorker


def work(jobs: Queue) -> None:
    """Run what is queued, here and now, as our workers do."""
    tasks = partial(TaskWorker, at_once=1, find_shortage=str, note=print)
    worker = tasks if jobs.job_class is AllowedJob else DispatchWorker
    worker([jobs], connection=jobs.connection, serializer=JSONSerializer).work(
        burst=True, logging_level="CRITICAL"
    )


def strangers(raw: Redis, name: str = NAME) -> Queue:
    """The same queue, as somebody sees it who can write into Redis."""
    return Queue(name, connection=raw, serializer=JSONSerializer)


def test_a_wake_up_names_the_job_and_the_task_in_plain_json(raw: Redis) -> None:
    enqueue(raw, "t-1")
    (job_id,) = queue(raw).job_ids
    job = AllowedJob.fetch(job_id, connection=raw, serializer=JSONSerializer)
    assert json.loads(job.data) == [PERFORM, None, ["t-1"], {}]
    assert waiting(raw) == {"t-1"}


def test_a_task_may_be_woken_twice(raw: Redis) -> None:
    enqueue(raw, "t-1")
    enqueue(raw, "t-1")
    enqueue(raw, "t-2")
    assert waiting(raw) == {"t-1", "t-2"}
    assert len(queue(raw).job_ids) == 3


def test_a_job_that_an_older_version_queued_still_runs(raw: Redis) -> None:
    """``version_0/job.json`` holds such a job as that version wrote it, byte by byte."""
    written = json.loads((Path(__file__).parent / "version_0" / "job.json").read_text("utf-8"))
    ((key, fields),) = written.items()
    raw.hset(key, mapping={name: base64.b64decode(value) for name, value in fields.items()})
    job = AllowedJob.fetch(key.removeprefix("rq:job:"), connection=raw, serializer=JSONSerializer)
    assert (job.func, job.args) == (perform, ["queued-1"])


@pytest.mark.parametrize("open_queue", [queue, dispatch_queue])
@pytest.mark.parametrize("name", ["os.system", "dayhand.worker.tasks.work"])
def test_a_strange_function_is_not_run(
    raw: Redis, tmp_path: Path, open_queue: Callable[[Redis], Queue], name: str
) -> None:
    proof, jobs = tmp_path / "owned", open_queue(raw)
    job = strangers(raw, jobs.name).enqueue(name, f"touch {proof}")
    work(jobs)
    assert not proof.exists()
    assert job.get_status() == "failed"
    with pytest.raises(LedgerError, match=rf"'{name}', which is not a job of Dayhand"):
        _ = jobs.job_class.fetch(job.id, connection=raw, serializer=JSONSerializer).func


def test_tasks_never_wait_in_front_of_deliveries(raw: Redis) -> None:
    enqueue(raw, "t-1")
    enqueue_delivery(raw, "d-1")
    enqueue_notices(raw)
    assert (waiting(raw), waiting_deliveries(raw)) == ({"t-1"}, {"d-1"})
    assert len(dispatch_queue(raw).job_ids) == 2
    assert dispatch_queue(raw).jobs[0].func_name == WRITE_NOTICES, "they tell many people at once"


def test_each_queue_starts_its_own_function_only(raw: Redis) -> None:
    for jobs, other in ((queue(raw), DISPATCH), (dispatch_queue(raw), PERFORM)):
        job = strangers(raw, jobs.name).enqueue(other, "t-1")
        work(jobs)
        assert job.get_status() == "failed"


def test_a_strange_callback_is_not_even_looked_for(raw: Redis) -> None:
    named = Callback("strangers.evil")
    job = strangers(raw).enqueue("os.getcwd", on_failure=named, on_success=named, on_stopped=named)
    ours = AllowedJob.fetch(job.id, connection=raw, serializer=JSONSerializer)
    assert (ours.failure_callback, ours.success_callback, ours.stopped_callback) == (None, None, None)
    with pytest.raises(ValueError, match="strangers"):  # what RQ alone would have done
        _ = Job.fetch(job.id, connection=raw, serializer=JSONSerializer).failure_callback


READABLE = {"data": '["os.getcwd", null, [], {}]', "created_at": "2026-11-28T12:00:00.0Z"}
POISON: dict[str, dict[str, str | bytes]] = {
    "no-data": {"created_at": READABLE["created_at"]},
    "no-json": {**READABLE, "data": b"\x80\x04garbage"},
    "short": {**READABLE, "data": "[]"},
    "no-name": {**READABLE, "data": "[[1], null, [], {}]"},
    "huge": {**READABLE, "data": json.dumps(["os.getcwd", None, ["x" * 10_000_000], {}])},
    **{field: {**READABLE, field: b"\xff\xfe"} for field in FIELDS},
}
NO_IDS = (b"\xff\xfe", b"", b"two words", "\N{SNOWMAN}".encode(), b"long" * 1_000_000)


@pytest.mark.parametrize("open_queue", [queue, dispatch_queue])
def test_what_cannot_be_read_is_dropped_and_what_is_behind_it_runs(
    raw: Redis, open_queue: Callable[[Redis], Queue]
) -> None:
    """Each worker would end at it, and so would the next one, which tidies up after the one before."""
    jobs = open_queue(raw)
    for job_id, fields in POISON.items():
        raw.hset(f"rq:job:{job_id}", mapping=fields)
    raw.set("rq:job:string", "x")
    raw.rpush(jobs.key, *NO_IDS, *POISON, "string", "missing")
    raw.rpush(jobs.intermediate_queue_key, *NO_IDS)  # a worker died that had taken them
    assert "huge" not in waiting(raw) | waiting_deliveries(raw), "the pool reads them too"
    behind = strangers(raw, jobs.name).enqueue("os.getcwd")
    work(jobs)
    assert (raw.lrange(jobs.key, 0, -1), behind.get_status()) == ([], "failed")
    work(jobs)
    assert raw.lrange(jobs.intermediate_queue_key, 0, -1) == []


def test_a_job_sets_no_limit_of_time_and_no_repeats(raw: Redis) -> None:
    """It serves any task: a limit of one second would end somebody's."""
    fields = {"timeout": "1", "retries_left": "9", "repeats_left": "9", "repeat_intervals": "[0]"}
    raw.hset("rq:job:short", mapping={**READABLE, **fields})
    job = AllowedJob.fetch("short", connection=raw, serializer=JSONSerializer)
    assert (job.timeout, job.retries_left, job.repeats_left) == (JOB_SECONDS, None, None)


def test_a_pickle_is_not_read(raw: Redis) -> None:
    job = Queue(NAME, connection=raw).enqueue(PERFORM, "t-1")  # RQ's own default is pickle
    work(queue(raw))
    assert job.get_status() == "failed"
