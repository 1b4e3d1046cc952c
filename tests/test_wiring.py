"""What a worker opens for its jobs, and what it finds out once for all of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from dayhand.ledger.ledger import Ledger
from dayhand.ledger.redis_server import connect, kept_server
from dayhand.settings.table import Settings
from dayhand.usage import Usage
from dayhand.wiring.sandboxes import open_sandbox
from dayhand.wiring.tools import open_tools
from tests.tasks import make_task

UNUSED: Any = None


def test_what_was_found_out_of_a_sandbox_holds_for_the_next_job() -> None:
    with tempfile.TemporaryDirectory(prefix="dayhand-wiring-") as one, tempfile.TemporaryDirectory() as other:
        for folder in (one, other):
            Path(folder).chmod(0o755)
        first = open_sandbox(Settings(Path(one), sandbox="bubblewrap"))
        assert open_sandbox(Settings(Path(one), sandbox="bubblewrap")) is first
        assert open_sandbox(Settings(Path(other), sandbox="bubblewrap")) is not first


def test_a_paid_reply_is_in_the_data_folder_while_redis_is_away(tmp_path: Path) -> None:
    settings, task = Settings(tmp_path, models=("m",)), make_task()
    with kept_server(tmp_path) as server, connect(server.url, quick=True) as redis:
        ledger = Ledger(redis)
        ledger.open(task, delivery="d-1", thread="1001#7")
        claim = ledger.claim(task.id, "one")
        assert claim
        unused = {"checkout": UNUSED, "sandbox": UNUSED, "publication": UNUSED}
        with open_tools(settings, ledger, task, claim=claim, **unused) as tools:
            server.end()
            with pytest.raises(RedisError):
                tools.journal.write_reply(1, [{"text": "paid"}], Usage())
    assert [path.read_text() for path in (tmp_path / "replies").rglob("*") if path.is_file()]
