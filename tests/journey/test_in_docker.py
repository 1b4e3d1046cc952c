"""A task in Docker containers: setup through the tunnel, the agent's turns, checks in clean boxes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import docker
import pytest
from docker.models.images import Image

from dayhand.sandbox.docker.backend import DockerSandbox
from dayhand.sandbox.docker.labels import OWNER
from dayhand.scripted_model.moves import Shell
from dayhand.task import Proposed, State
from tests.journey.harness import (
    DONE,
    FIX,
    SHOP,
    Harness,
)
from tests.sandbox.image import require_image

PYTHON = {
    "shop.py": SHOP["shop.py"],
    "test_shop.py": "from shop import total\n\n\ndef test_nothing():\n    assert total([]) == 0\n",
    "pyproject.toml": '[project]\nname = "shop"\nversion = "0"\n\n[dependency-groups]\ndev = ["pytest", "ruff"]\n\n'
    '[tool.setuptools]\npy-modules = ["shop"]\n\n[tool.ruff]\nline-length = 100\n',
}


@pytest.fixture
def docked(harness: Harness) -> Iterator[Harness]:
    client, image = require_image()
    harness.settings = replace(harness.settings, sandbox="docker", sandbox_image=image)
    with contextlib.closing(client):
        yield harness
        for state in states(client, harness):
            client.images.remove(str(state.id), force=True)


def states(client: docker.DockerClient, harness: Harness) -> list[Image]:
    return client.images.list(filters={"label": f"{OWNER}={DockerSandbox(harness.settings.data).owner}"})


def test_a_label_becomes_a_pull_request_by_way_of_containers(docked: Harness) -> None:
    docked.scripted_model.turns = [
        [Shell("pytest -q; id -un; env | grep -ci -e proxy -e token -e key; cat /run/egress/*")],
        [FIX],
        [DONE],
    ]
    repo = docked.repository("docked", PYTHON)
    issue = docked.issue(repo)
    docked.label(repo, issue)

    (record,) = docked.work()

    assert record.state is State.PROPOSED, record.reason
    (pull,) = docked.pulls(repo)
    (check,) = docked.checks(repo, pull)
    assert check.conclusion == "success", pull.body
    assert isinstance(record.outcome, Proposed)
    findings = record.outcome.verification.findings
    assert {one.verdict for one in findings} <= {"passes", "fixed"}
    assert {one.kind for one in findings} >= {"lint", "test"}
    log = "".join(note.text for note in docked.live.read(record.task.id) if note.kind == "output")
    assert "1 failed" in log, "the agent saw the test fail before it mended it"
    assert "dayhand\n0\n" in log, "and had neither a proxy nor a secret"
    with contextlib.closing(docker.from_env()) as client:
        owner = f"{OWNER}={DockerSandbox(docked.settings.data).owner}"
        assert client.containers.list(all=True, filters={"label": owner}) == []
        assert states(client, docked), "what was installed is kept for the next task"
