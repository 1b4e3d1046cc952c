"""Every backend that works on this machine, with its data in a folder that the boxes' own users can reach."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from dayhand.bench.measure import descendants
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.docker.backend import DockerSandbox
from dayhand.sandbox.limits import MIB, Capacity
from tests.sandbox.image import require_image

SMALL = Capacity(memory=256 * MIB, processes=64, file=32 * MIB, scratch=16 * MIB, disk=48 * MIB, files=20_000)


@pytest.fixture(scope="session")
def data():
    with tempfile.TemporaryDirectory(prefix="dayhand-sandbox-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session", params=["bubblewrap", "docker"])
def sandbox(request, data):
    """With small limits, so that they are soon reached."""
    if request.param == "docker":
        client, image = require_image()
        client.close()
        backend = DockerSandbox(data / request.param, image=image, capacity=SMALL)
    else:
        backend = BubblewrapSandbox(data / request.param, capacity=SMALL)
    backend.self_test()
    return backend


@pytest.fixture
def remains(sandbox, data):
    """A function that returns the containers, volumes and folders of boxes that exist."""

    def find() -> list[str]:
        if sandbox.name == "docker":
            mine = {"label": f"dayhand.owner={sandbox.owner}"}
            with contextlib.closing(docker.from_env()) as client:
                found = [*client.containers.list(all=True, filters=mine), *client.volumes.list(filters=mine)]
            return [each.name for each in found]
        folder = data / sandbox.name / "sandbox"
        return [str(each) for kind in ("boxes", "trash") for each in (folder / kind).iterdir()]

    return find


@pytest.fixture(scope="session")
def box(sandbox):
    """One box for all tests that neither fill nor end it: a container takes 0.3 s of a processor, however short its life is."""
    with sandbox.open() as opened:
        yield opened


@pytest.fixture
def new_box(sandbox):
    """For a test that would leave too much to those after it."""
    with sandbox.open() as opened:
        yield opened


@pytest.fixture
def break_box(sandbox):
    """A function that breaks the boxes of this test from outside."""

    def containers() -> list[Container]:
        mine = {"label": f"dayhand.owner={sandbox.owner}"}
        with contextlib.closing(docker.from_env()) as client:
            return client.containers.list(filters=mine)

    before = containers() if sandbox.name == "docker" else []

    def break_open_boxes() -> None:
        if sandbox.name == "docker":
            for container in containers():
                if container not in before:
                    container.remove(force=True)
            return
        bwraps = [pid for pid, name in descendants([os.getpid()]).items() if name == "bwrap"]
        inner = descendants(bwraps)
        # The outer one first: it would report the death of the inner one as the command's exit code.
        for pid in sorted(bwraps, key=lambda pid: pid in inner):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    return break_open_boxes
