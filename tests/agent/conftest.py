"""What the agent's tests share: a client of a scripted server, and recorders where no Redis is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import openai
import pytest

from dayhand.agent.faults import Patience
from dayhand.agent.model import Listener
from dayhand.agent.prices import Price
from dayhand.agent.responses import ResponsesModel
from dayhand.agent.scripted import Move, Scene, Script, ScriptedServer


@dataclass
class Clock:
    """A clock that only sleeping moves."""

    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Heard:
    """A listener's ears."""

    words: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def listener(self) -> Listener:
        return Listener(self.words.append, self.faults.append)


@dataclass
class Played:
    """A scripted server and a model that talks to it."""

    server: ScriptedServer
    model: ResponsesModel
    clock: Clock


Play = Callable[..., Played]


def script(turns: list[list[Move]]) -> Script:
    """A script that matches everything and plays these turns; the last one again and again."""

    def play(scene: Scene) -> list[Move]:
        return turns[min(scene.turn, len(turns) - 1)]

    return Script("test", lambda _: True, play)


@pytest.fixture
def play() -> Iterator[Play]:
    with ExitStack() as stack:

        def start(*turns: list[Move], patience: Patience | None = None, key: str = "sk-test-123") -> Played:
            server = stack.enter_context(ScriptedServer([script(list(turns))], keep=True))
            client = stack.enter_context(openai.OpenAI(api_key=key, base_url=server.base_url, max_retries=0))
            clock = Clock()
            model = ResponsesModel(
                client,
                "test-model",
                scripted=True,
                prices={"test-model": Price(input=2.0, cached=0.1, output=10.0)},
                patience=patience or Patience(jitter=lambda: 0.5),
                sleep=clock.sleep,
                clock=clock.time,
            )
            return Played(server, model, clock)

        yield start


@pytest.fixture
def heard() -> Heard:
    return Heard()
