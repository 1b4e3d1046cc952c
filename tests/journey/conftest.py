"""One harness for each test. Redis and the environments are shared, because they are slow to create."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dayhand.ledger.redis_server import connect, embedded
from dayhand.localhub.server import LocalHub
from dayhand.scripted_model.server import ScriptedServer
from dayhand.settings.table import Settings
from tests.journey.harness import (
    Harness,
    ScriptedModel,
    create_harness,
    open_web,
    script,
)


@pytest.fixture(scope="session")
def data() -> Iterator[Path]:
    """A data folder that the sandbox's own users can enter; pytest's folders are private."""
    with tempfile.TemporaryDirectory(prefix="dayhand-story-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def redis_url(data: Path) -> Iterator[str]:
    with embedded(data) as url:
        yield url


@pytest.fixture
def harness(data: Path, redis_url: str, tmp_path: Path) -> Iterator[Harness]:
    connect(redis_url).flushall()
    scripted_model = ScriptedModel()
    with ExitStack() as stack:
        hub = stack.enter_context(LocalHub(tmp_path / "github"))
        model = stack.enter_context(ScriptedServer([script(scripted_model)], keep=True))
        made = create_harness(
            hub, model, scripted_model, Settings(data=data, redis_url=redis_url, sandbox="bubblewrap")
        )
        web = open_web(made.settings, made.ledger, made.live)
        stack.callback(web.server_close)
        stack.callback(web.shutdown)
        made.app.webhook_url = f"http://127.0.0.1:{web.server_port}/webhook"
        yield made
