"""What finished tasks leave in Redis: logs and journals are compressed, and the oldest tasks are deleted over a limit."""

from __future__ import annotations

from dayhand.ledger import keys
from dayhand.ledger.journal import compress_journal
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.log import compress_log
from dayhand.ledger.telemetry.audit import trim_audit

EVERY_SECONDS = 60
COUNT_SECONDS = 3600  # between two looks at all finished tasks
BATCH = 500


def tidy(redis: TextRedis, kept_bytes: int, *, audit_days: int = 0) -> None:
    """Compress what finished since the last time, then delete the oldest beyond ``kept_bytes`` (0: no limit).

    The audit log loses what is older than ``audit_days`` (0: nothing). Once an hour all finished tasks are looked at.
    """
    if not redis.set(keys.TIDIED, "", nx=True, ex=EVERY_SECONDS):
        return
    trim_audit(redis, audit_days)
    if redis.set(keys.COUNTED, "", nx=True, ex=COUNT_SECONDS):
        _count(redis)
    for task_id in _newly_finished(redis):
        compress_log(redis, task_id)
        compress_journal(redis, task_id)
        size = sum(redis.memory_usage(key) or 0 for key in _keys_of(task_id))
        redis.hset(keys.FINISHED_BYTES, task_id, size)
        redis.incrby(keys.FINISHED_TOTAL, size)
    if kept_bytes:
        _delete_oldest(redis, int(redis.get(keys.FINISHED_TOTAL) or 0) - kept_bytes)


def _count(redis: TextRedis) -> None:
    """Forget the sizes of tasks that expired by their age, and add up the others."""
    sizes = redis.hgetall(keys.FINISHED_BYTES)
    for gone in set(sizes) - set(redis.zrange(keys.TASKS, 0, -1)):
        redis.hdel(keys.FINISHED_BYTES, gone)
        del sizes[gone]
    redis.set(keys.FINISHED_TOTAL, sum(map(int, sizes.values())))


def _newly_finished(redis: TextRedis) -> list[str]:
    """The finished tasks whose size is not known. They are mostly among the newest, so the search begins there."""
    missing = redis.zcard(keys.TASKS) - redis.scard(keys.UNFINISHED) - redis.hlen(keys.FINISHED_BYTES)
    found: list[str] = []
    first = 0
    while len(found) < missing and (ids := redis.zrevrange(keys.TASKS, first, first + BATCH - 1)):
        sizes, unfinished = redis.hmget(keys.FINISHED_BYTES, ids), redis.smismember(keys.UNFINISHED, ids)
        rows = zip(ids, sizes, unfinished, strict=True)
        found += [task_id for task_id, size, waits in rows if size is None and not waits]
        first += BATCH
    return found


def _delete_oldest(redis: TextRedis, too_many: int) -> None:
    """Delete finished tasks of so many bytes, the oldest first."""
    first = 0
    while too_many > 0 and (ids := redis.zrange(keys.TASKS, first, first)):
        if redis.sismember(keys.UNFINISHED, ids[0]):
            first += 1
            continue
        too_many -= delete_task(redis, ids[0])


def delete_task(redis: TextRedis, task_id: str) -> int:
    """Delete everything about a finished task; how many bytes it took."""
    size = int(redis.hget(keys.FINISHED_BYTES, task_id) or 0)
    with redis.pipeline() as pipe:
        pipe.delete(*_keys_of(task_id)).zrem(keys.TASKS, task_id).hdel(keys.FINISHED_BYTES, task_id)
        pipe.decrby(keys.FINISHED_TOTAL, size).execute()
    return size


def _keys_of(task_id: str) -> tuple[str, ...]:
    logs = (keys.log, keys.log_parts, keys.log_archive)
    makers = (keys.record, keys.facts, *logs, keys.journal, keys.checked_change)
    return tuple(make(task_id) for make in makers)
