"""Every backend that works on this machine, each in a folder that the boxes' own users can reach."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from dayhand.sandbox.bubblewrap import Bubblewrap
from dayhand.sandbox.limits import MIB, Capacity

SMALL = Capacity(memory=256 * MIB, processes=64, file=32 * MIB, scratch=16 * MIB, disk=48 * MIB)


@pytest.fixture(scope="session")
def data():
    with tempfile.TemporaryDirectory(prefix="dayhand-sandbox-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session", params=["bubblewrap"])
def sandbox(request, data):
    """A small one, so that its limits are soon reached."""
    made = Bubblewrap(data / request.param, capacity=SMALL)
    made.probe()
    return made


@pytest.fixture
def box(sandbox):
    with sandbox.open() as opened:
        yield opened
