"""One harness for each test. Redis and the environments are shared, because they are slow to create."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dayhand.ledger.redis_server import embedded
from tests.journey.harness import Harness, start_harness


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
    with start_harness(data, redis_url, tmp_path / "github") as made:
        yield made
