"""What finished tasks leave in Redis: logs and journals are compressed, and the oldest tasks are deleted over a limit."""

from __future__ import annotations

from dayhand.ledger import keys
from dayhand.ledger.journal import compress_journal
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.log import compress_log
from dayhand.ledger.telemetry.audit import trim_audit

EVERY_SECONDS = 60


def tidy(redis: TextRedis, kept_bytes: int, *, audit_days: int = 0) -> None:
    """Compress what finished since the last time, then delete the oldest beyond ``kept_bytes`` (0: no limit).

    The audit log loses what is older than ``audit_days`` (0: nothing).
    """
    if not redis.set(keys.TIDIED, "", nx=True, ex=EVERY_SECONDS):
        return
    trim_audit(redis, audit_days)
    ids: list[str] = redis.zrange(keys.TASKS, 0, -1)
    unfinished, sizes = redis.smembers(keys.UNFINISHED), redis.hgetall(keys.FINISHED_BYTES)
    for gone in set(sizes) - set(ids):  # expired by its age
        redis.hdel(keys.FINISHED_BYTES, gone)
    finished = [task_id for task_id in ids if task_id not in unfinished]
    for task_id in finished:
        if task_id not in sizes:
            compress_log(redis, task_id)
            compress_journal(redis, task_id)
            sizes[task_id] = sum(redis.memory_usage(key) or 0 for key in _keys_of(task_id))
            redis.hset(keys.FINISHED_BYTES, task_id, sizes[task_id])
    total = sum(int(sizes[task_id]) for task_id in finished)
    for task_id in finished:  # the oldest first
        if not kept_bytes or total <= kept_bytes:
            return
        total -= int(sizes[task_id])
        delete_task(redis, task_id)


def delete_task(redis: TextRedis, task_id: str) -> None:
    """Delete everything about a finished task."""
    with redis.pipeline() as pipe:
        pipe.delete(*_keys_of(task_id)).zrem(keys.TASKS, task_id).hdel(keys.FINISHED_BYTES, task_id)
        pipe.execute()


def _keys_of(task_id: str) -> tuple[str, ...]:
    logs = (keys.log, keys.log_parts, keys.log_archive)
    makers = (keys.record, keys.facts, *logs, keys.journal, keys.checked_change)
    return tuple(make(task_id) for make in makers)
