"""The real ``dayhand dispatch`` under ``kill -9``: its deliveries go on elsewhere."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from dayhand.ledger import keys
from dayhand.ledger.deliveries import Deliveries
from dayhand.ledger.redis_server import connect, embedded
from tests.waiting import until
from tests.worker.test_pool import Silence, children, working

BODY = {
    "action": "labeled", "label": {"name": "codex"}, "installation": {"id": 1},
    "sender": {"login": "ada", "type": "User"}, "issue": {"number": 1, "title": "Title", "body": ""},
    "repository": {"id": 1, "full_name": "a/b", "clone_url": "https://127.0.0.1:1/a/b.git", "default_branch": "main"},
}  # fmt: skip

NEVER = 2**52  # when its lease runs out: it goes on only if somebody sees at once that its holder is dead


def test_a_delivery_of_a_killed_dispatcher_goes_to_another_without_being_woken_by_the_web_process(
    tmp_path: Path, private_key: str
) -> None:
    github = Silence()
    with (
        embedded(tmp_path) as redis_url,
        connect(redis_url) as redis,
        working(redis_url, tmp_path, github, private_key, command="dispatch") as pool,
    ):
        deliveries = Deliveries(redis)
        deliveries.store("d-1", "issues", json.dumps(BODY).encode())
        until(lambda: redis.hvals(keys.INBOX_HELD))
        (name,) = redis.hvals(keys.INBOX_HELD)
        busy = int(redis.hget(f"rq:worker:{name}", "pid"))
        assert busy in children(pool.pid)
        os.kill(busy, signal.SIGKILL)
        redis.zadd(keys.INBOX, {"d-1": NEVER})
        until(lambda: redis.hvals(keys.INBOX_HELD) not in ([], [name]))
        assert int(redis.hget(keys.inbox("d-1"), "attempts")) == 1, "it has not crashed"
    github.close()


def test_it_asks_github_for_missed_deliveries_when_it_starts(tmp_path: Path, private_key: str) -> None:
    github = Silence()
    with embedded(tmp_path) as redis_url, connect(redis_url) as redis:
        redis.set(keys.LOOKED, "", ex=3600)  # of the process before
        with working(redis_url, tmp_path, github, private_key, command="dispatch", poll=5):
            until(lambda: github.taken)
            until(lambda: 0 < redis.ttl(keys.LOOKED) <= 5)
    github.close()
