"""A worker that is told to stop: its task goes on elsewhere, and nothing is paid for twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from dayhand.agent.model.base import Listener, Model, Reply
from dayhand.journey_tools import Tools
from dayhand.ledger.ledger import Claim
from dayhand.publish.base import Publication
from dayhand.task import State, Task
from dayhand.wiring.github import GitHubServices
from dayhand.worker.job import travel_with
from tests.journey.harness import UNTESTED_SHOP, Harness


class StoppingServices:
    """Services whose worker is told to stop while the model writes its first reply."""

    def __init__(self, services: GitHubServices, stopping: threading.Event) -> None:
        self._services, self._stopping = services, stopping
        self.publication = services.publication
        self.notify = services.notify

    @contextmanager
    def tools(self, task: Task, claim: Claim, publication: Publication) -> Iterator[Tools]:
        with self._services.tools(task, claim, publication) as tools:
            yield replace(tools, model=StoppingModel(tools.model, self._stopping))  # type: ignore[arg-type]


class StoppingModel:
    """A model whose replies take so long that its listener is asked whether to go on."""

    def __init__(self, model: Model, stopping: threading.Event) -> None:
        self._model, self._stopping = model, stopping

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)

    def reply(self, *arguments: Any, listener: Listener, **options: Any) -> Reply:
        self._stopping.set()
        listener.on_wait()
        return self._model.reply(*arguments, listener=listener, **options)


def test_a_worker_that_is_stopped_during_a_reply_keeps_it_and_nobody_pays_for_it_again(
    harness: Harness,
) -> None:
    repo = harness.repository("shop", UNTESTED_SHOP)
    harness.label(repo, harness.issue(repo))
    (task_id,) = harness.waiting()
    stopping = threading.Event()
    services = StoppingServices(GitHubServices(harness.settings, harness.ledger), stopping)
    travel_with(harness.ledger.claim(task_id, "w"), services, stopping=stopping)
    assert harness.ledger.record(task_id).state is State.QUEUED
    assert len(harness.model_server.bodies) == 1
    (record,) = harness.work()
    assert (record.state, len(harness.model_server.bodies)) == (State.PROPOSED, 2)
