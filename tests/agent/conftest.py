"""What the agent's tests share: a client of a scripted server, and recorders where no Redis is needed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from dayhand.agent.model.base import Listener
from dayhand.agent.model.client import ModelClient
from dayhand.agent.model.prices import Price
from dayhand.agent.model.remote import RemoteModel
from dayhand.agent.model.retry import RetryPolicy
from dayhand.agent.model.server_features import FeatureStore
from dayhand.ledger.journal import Journalled, JournalledTurn, JsonItem
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.redis_server import connect, embedded
from dayhand.ledger.thread import Message
from dayhand.sandbox.base import Box, Snapshot
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.scripted_model.moves import Move, Script, ScriptState
from dayhand.scripted_model.server import ScriptedServer
from dayhand.task import TaskKind
from dayhand.usage import Usage


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
class ListenerRecorder:
    """Records what a listener is called with."""

    words: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    waits: int = 0

    @property
    def listener(self) -> Listener:
        return Listener(self.words.append, self.faults.append, self.wait)

    def wait(self) -> None:
        self.waits += 1


@dataclass
class Played:
    """A scripted server and a model that talks to it."""

    server: ScriptedServer
    model: RemoteModel
    clock: Clock


Play = Callable[..., Played]
PRICE = Price(input=2.0, cached=0.1, output=10.0)


def script(turns: list[list[Move]]) -> Script:
    """A script that matches everything and plays these turns; the last one again and again."""

    def play(state: ScriptState) -> list[Move]:
        return turns[min(state.turn, len(turns) - 1)]

    return Script("test", lambda _: True, play)


both_apis = pytest.mark.parametrize("play", ["/v1/responses", "/v1/chat/completions"], indirect=True)


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    """Starts scripted servers of the Responses API, or of both APIs in turn (``both_apis``)."""
    endpoint = getattr(request, "param", "/v1/responses")
    with ExitStack() as stack:

        def start(
            *turns: list[Move],
            retry_policy: RetryPolicy | None = None,
            key: str = "sk-test-123",
            feature_store: FeatureStore | None = None,
            window: int = 0,
            refuses_above: int = 0,
            plays: Script | None = None,
            price: Price | None = PRICE,
        ) -> Played:
            server = stack.enter_context(
                ScriptedServer(
                    [plays or script(list(turns))], keep=True, window=refuses_above, endpoint=endpoint
                )
            )
            client = stack.enter_context(ModelClient(server.base_url, key))
            clock = Clock()
            model = RemoteModel(
                client,
                "test-model",
                scripted=price is not None,
                prices={"test-model": price} if price else {},
                retry_policy=replace(
                    retry_policy or RetryPolicy(jitter=lambda: 0.5),
                    sleep=clock.sleep,
                    clock=clock.time,
                    now=clock.time,
                ),
                feature_store=feature_store,
                window=window,
            )
            return Played(server, model, clock)

        yield start


@pytest.fixture
def recorder() -> ListenerRecorder:
    return ListenerRecorder()


SET_UP = r"""
set -e
git init -q -b main; git config user.name T; git config user.email t@localhost
mkdir src; echo 'print("hi")' > src/app.py; echo 'echo run' > run.sh; echo old > old.txt
printf 'line %s\n' one two three four five six seven eight nine ten > src/lines.txt
git add -A; git commit -qm base
"""


@pytest.fixture(scope="session")
def sandbox() -> Iterator[BubblewrapSandbox]:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own cannot be passed through by the boxes' users
        path = Path(folder)
        path.chmod(0o711)
        yield BubblewrapSandbox(path)


@pytest.fixture(scope="session")
def repository(sandbox: BubblewrapSandbox) -> Snapshot:
    """A snapshot with a small repository."""
    dated = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    with sandbox.open() as box:
        made = box.run(SET_UP, env=dated)
        assert made.passed, made.text()
        return box.save("repository")


@pytest.fixture
def boxes(sandbox: BubblewrapSandbox, repository: Snapshot) -> Iterator[Callable[[], Box]]:
    """Opens boxes that all hold the same small repository, as on another worker."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(sandbox.open(origin=repository))


@pytest.fixture
def box(boxes: Callable[[], Box]) -> Box:
    return boxes()


class Log:
    """Hears what the task's log would hold."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def line(self, kind: str, text: str) -> int:
        self.lines.append((kind, text))
        return len(self.lines)

    def check(self, *, in_reply: bool = False) -> None:
        """Nobody stops us here."""


class Killed(BaseException):
    """The worker is gone."""


class Journal:
    """A task's memory in a list; it can die right after a write, as a worker may."""

    def __init__(self, dies_after: int = 0) -> None:
        self.written: list[tuple[str, int]] = []
        self.entries: dict[int, JournalledTurn] = {}
        self.kept: tuple[int, bytes] | None = None
        self.shorter: dict[int, Journalled] = {}
        self.dies_after = dies_after

    def turns(self) -> list[JournalledTurn]:
        return [self.entries[turn] for turn in sorted(self.entries)]

    def write_reply(self, turn: int, items: Sequence[JsonItem], usage: Usage) -> None:
        assert turn not in self.entries
        self.entries[turn] = JournalledTurn(turn, tuple(items), usage)
        self._wrote("reply", turn)

    def write_results(self, turn: int, items: Sequence[JsonItem]) -> None:
        self.entries[turn] = replace(self.entries[turn], results=tuple(items))
        self._wrote("results", turn)

    def write_compaction(self, turn: int, items: Sequence[JsonItem], usage: Usage) -> None:
        assert turn not in self.shorter
        self.shorter[turn] = Journalled(tuple(items), usage)
        self._wrote("compaction", turn)

    def compactions(self) -> dict[int, Journalled]:
        return dict(self.shorter)

    def understanding(self) -> Journalled | None:
        return None

    def messages(self) -> dict[int, tuple[Message, ...]]:
        """Nobody says anything here."""
        return {}

    def take_messages(self, turn: int, kind: TaskKind) -> tuple[Message, ...]:
        return ()

    def is_given_more(self, kind: TaskKind) -> bool:
        return False

    def is_asked_for_more(self, kind: TaskKind) -> bool:
        return False

    def save_checkpoint(self, turn: int, data: bytes) -> None:
        self.kept = (turn, data)
        self._wrote("checkpoint", turn)

    def checkpoint(self) -> tuple[int, bytes] | None:
        return self.kept

    def _wrote(self, name: str, turn: int) -> None:
        self.written.append((name, turn))
        if len(self.written) == self.dies_after:
            raise Killed


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def ledger(redis_url: str) -> Iterator[Ledger]:
    client = connect(redis_url)
    client.flushall()
    yield Ledger(client)
    client.close()
