"""Real workers under ``kill -9``: their tasks go on elsewhere, and nothing of them is left.

GitHub is a socket that takes connections and never answers: a worker that speaks to it is in the middle of its task.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dayhand.ledger import keys
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.redis_server import connect, embedded
from dayhand.ledger.waiting.places import find_shortages
from dayhand.sandbox.limits import MIB, Capacity, ControlGroup, own_oom_kills
from dayhand.task import State, Task
from dayhand.worker.tasks import NICENESS
from tests.tasks import find_abandoned, make_task
from tests.waiting import PATIENCE, until

TASK = make_task(clone_url="https://127.0.0.1:1/acme/shop.git")


class Silence:
    """A server that takes connections and says nothing."""

    def __init__(self) -> None:
        self.taken: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api/v3"
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self._listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for end in (self._listener, *self.taken):
            end.close()


@dataclass(frozen=True)
class ScriptState:
    """A running ``dayhand work``, and what it stands between."""

    crew: subprocess.Popen[bytes]
    ledger: Ledger
    github: Silence

    def workers(self) -> list[int]:
        return children(self.crew.pid)

    def begin(self, *tasks: Task) -> int:
        """Open tasks (and enqueue nothing: the janitor sees to that); give the process that is in the middle of them."""
        for task in tasks or (TASK,):
            self.ledger.open(task, delivery=task.id, thread=f"acme/shop#{task.number}:fix")
        until(lambda: all(self.attempt(task) for task in tasks or (TASK,)) and self.github.taken)
        (worker,) = self.workers()
        return worker

    def attempt(self, task: Task = TASK) -> int:
        return int(self.ledger.redis.hget(keys.record(task.id), "attempt") or 0)

    def holder(self, task: Task = TASK) -> str:
        return self.ledger.redis.hget(keys.record(task.id), "worker") or ""

    def kill(self, worker: int, number: signal.Signals) -> None:
        """Kill a worker, whose leases do not run out: its tasks go on only if somebody sees at once that it is dead."""
        os.kill(worker, number)
        for key in self.ledger.redis.scan_iter(keys.lease("*")):
            self.ledger.redis.persist(key)


def children(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        ]
    except FileNotFoundError:
        return []


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@contextmanager
def working(
    redis_url: str, data: Path, github: Silence, private_key: str, *, command: str = "work", **settings: int
) -> Iterator[subprocess.Popen[bytes]]:
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("DAYHAND_", "GITHUB_", "OPENAI_"))}
    env = {
        **plain,
        "REDIS_URL": redis_url,
        "DAYHAND_DATA": str(data),
        "DAYHAND_CONCURRENCY": "2",
        "DAYHAND_STOP_SECONDS": "1",
        "DAYHAND_LOG": "json",
        "DAYHAND_MIN_FREE_MB": "0",
        "GITHUB_API_URL": github.url,
        "GITHUB_APP_ID": "1",
        "GITHUB_APP_PRIVATE_KEY": private_key,
        "GITHUB_WEBHOOK_SECRET": "secret",
        **{f"DAYHAND_{name.upper()}": str(value) for name, value in settings.items()},
    }
    words_of = [sys.executable, "-m", "dayhand.cli", command]
    with (
        (data / "words").open("w") as words,
        subprocess.Popen(words_of, cwd=data, env=env, stderr=words) as crew,
    ):
        try:
            yield crew
        finally:
            crew.kill()


@pytest.fixture
def scene(tmp_path: Path, private_key: str) -> Iterator[ScriptState]:
    github = Silence()
    with ExitStack() as stack:
        stack.callback(github.close)
        redis_url = stack.enter_context(embedded(tmp_path))
        ledger = Ledger(stack.enter_context(connect(redis_url)))
        limits = {"max_running_per_installation": 7}
        crew = stack.enter_context(working(redis_url, tmp_path, github, private_key, **limits))
        yield ScriptState(crew, ledger, github)


def test_a_task_whose_process_is_killed_goes_on_at_once(
    scene: ScriptState, tmp_path: Path, private_key: str
) -> None:
    worker = scene.begin()
    assert scene.ledger.redis.get(keys.MAX_RUNNING) == "7"
    holder = scene.holder()
    scene.kill(worker, signal.SIGKILL)
    until(lambda: scene.holder() != holder)
    assert scene.attempt() == 1, "what is killed from outside has not crashed"
    assert worker not in scene.workers()
    until(lambda: len(scene.github.taken) > 1)
    logged = (tmp_path / "words").read_text()
    entries = [entry for entry in map(json.loads, logged.splitlines()) if entry.get("task") == TASK.id]
    attempts = [entry["message"] for entry in entries if "attempt" in entry["message"]]
    assert attempts == [f"task {TASK.id}: attempt 1"] * 2
    assert {entry["installation"] for entry in entries} == {str(TASK.installation)}
    assert not any(line in logged for line in private_key.splitlines()), "no secret of the settings is logged"


def test_tasks_share_a_process_and_after_its_death_each_goes_on_at_once_in_its_own(
    scene: ScriptState,
) -> None:
    tasks = [make_task(id=f"shop-{n}-0b4e77", number=n, clone_url=TASK.clone_url) for n in (1, 2)]
    worker = scene.begin(*tasks)
    assert len({scene.holder(task) for task in tasks}) == 1
    scene.kill(worker, signal.SIGABRT)
    until(lambda: all(scene.attempt(task) == 2 for task in tasks))
    assert len({scene.holder(task) for task in tasks}) == 2
    until(lambda: len(scene.workers()) == 3)  # one for each of them, and one that takes new tasks
    assert worker not in scene.workers()


def test_tasks_leave_the_processors_to_what_people_wait_for(scene: ScriptState) -> None:
    worker = scene.begin()
    parent = os.getpriority(os.PRIO_PROCESS, scene.crew.pid)
    assert os.getpriority(os.PRIO_PROCESS, worker) == min(parent + NICENESS, 19)


@pytest.mark.parametrize("where", ["in the worker's group", "in a box's"])
def test_a_worker_has_crashed_if_the_kernel_killed_it_for_lack_of_memory(
    scene: ScriptState, where: str
) -> None:
    worker, holder = scene.begin(), scene.holder()
    with small_group() as group:
        if where == "in the worker's group":
            group.add(scene.crew.pid)
            group.add(worker)
            Path(f"/proc/{worker}/oom_score_adj").write_text("1000")  # the kernel kills it first
        use_up(group)
        if where == "in a box's":
            scene.kill(worker, signal.SIGKILL)
        until(lambda: scene.holder() != holder)
        assert scene.attempt() == (2 if where == "in the worker's group" else 1)
        scene.crew.kill()
        scene.crew.wait(PATIENCE)


@contextmanager
def small_group() -> Iterator[ControlGroup]:
    """A control group with little memory, but more than a pool needs."""
    group = ControlGroup.create(f"dayhand-test-pool-{os.getpid()}", Capacity(memory=256 * MIB))
    if not group or own_oom_kills() is None:
        pytest.skip("no control groups that count kills can be made here")
    try:
        yield group
    finally:
        group.remove()


def use_up(group: ControlGroup) -> None:
    """Use more memory in the group than it may have."""
    hold = [sys.executable, "-c", f"import sys; sys.stdin.read(1); print(len(b'x' * {512 * MIB}))"]
    with subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hog:
        group.add(hog.pid)
        hog.communicate(b"!", timeout=PATIENCE)
    assert hog.returncode == -signal.SIGKILL
    assert group.oom_kills()


def test_nothing_outlives_a_parent_that_is_killed_and_the_next_one_goes_on_at_once(
    scene: ScriptState, tmp_path: Path, private_key: str
) -> None:
    family, holder = [scene.begin(), *scene.workers()], scene.holder()
    scene.crew.kill()
    until(lambda: all(gone(pid) for pid in family))
    with working("", tmp_path, scene.github, private_key):
        until(lambda: scene.holder() != holder)
        assert scene.attempt() == 1, "a restart is no crash"


def test_what_does_not_stop_in_time_is_killed_and_its_task_is_left_to_the_next(scene: ScriptState) -> None:
    family = [scene.begin(), *scene.workers()]
    scene.crew.terminate()
    scene.crew.wait(timeout=PATIENCE)
    assert all(gone(pid) for pid in family)
    assert scene.attempt() == 0, "a restart is no crash"
    assert find_abandoned(scene.ledger) == [TASK.id]
    assert scene.ledger.record(TASK.id).state is State.RUNNING


def test_a_worker_without_room_takes_no_task_and_says_so(tmp_path: Path, private_key: str) -> None:
    github = Silence()
    with (
        embedded(tmp_path) as redis_url,
        connect(redis_url) as client,
        working(redis_url, tmp_path, github, private_key, min_free_mb=10**9) as crew,
    ):
        Ledger(client).open(TASK, delivery="d-1", thread="1#7")
        until(lambda: client.llen("rq:queue:dayhand") == 1)
        until(lambda: "No task is taken until there is more." in (tmp_path / "words").read_text("utf-8"))
        until(lambda: find_shortages(client, now=time.time()))
        assert all("MB of disk are free" in one for one in find_shortages(client, now=0)), "people read it"
        assert not github.taken
        crew.terminate()
        assert crew.wait(timeout=PATIENCE) == 0
    github.close()


def test_a_worker_looks_for_waiting_deliveries_before_it_takes_a_task(
    tmp_path: Path, private_key: str
) -> None:
    github = Silence()
    with (
        embedded(tmp_path) as redis_url,
        connect(redis_url) as client,
        client.monitor() as monitor,
    ):
        Ledger(client).open(TASK, delivery="d-1", thread="1#7")
        with working(redis_url, tmp_path, github, private_key):
            commands = (seen["command"].split() for seen in monitor.listen())
            before = list(itertools.takewhile(lambda words: words[0].upper() != "BLMOVE", commands))
        assert any((words[0].upper(), *words[1:2]) == ("ZRANGE", keys.INBOX) for words in before)
    github.close()


def test_workers_ride_out_a_restart_of_redis(tmp_path: Path, private_key: str) -> None:
    github = Silence()
    with ExitStack() as stack:
        stack.callback(github.close)
        with embedded(tmp_path) as redis_url:
            crew = stack.enter_context(working(redis_url, tmp_path, github, private_key))
            until(lambda: len(children(crew.pid)) == 1)
            with connect(redis_url) as client:
                until(lambda: client.scard("rq:workers") == 1)
                os.kill(client.info("server")["process_id"], signal.SIGKILL)
        hands = children(crew.pid)
        until(lambda: "Redis does not answer" in (tmp_path / "words").read_text(encoding="utf-8"))
        redis_url = stack.enter_context(embedded(tmp_path))
        ledger = Ledger(stack.enter_context(connect(redis_url)))
        ledger.open(TASK, delivery="d-1", thread="acme/shop#7:fix")
        until(lambda: github.taken)
        assert children(crew.pid) == hands


FIRST_REQUEST = """
import sys
from pathlib import Path

from dayhand.agent.model.base import Listener
from dayhand.scripted_model.moves import Say, Script
from dayhand.scripted_model.server import ScriptedServer
from dayhand.worker.tasks import warm
from dayhand.ledger.redis_server import connect, embedded
from dayhand.settings.table import Settings
from dayhand.wiring.models import open_model

class Facts:
    def get(self, fact):
        return None

script = Script("any", lambda _prompt: True, lambda _scene: [Say("Hello")])
data = Path(sys.argv[1])
with ScriptedServer([script]) as server, embedded(data) as redis_url, connect(redis_url) as redis:
    redis.ping()
    warm()
    before = set(sys.modules)
    quiet = Listener(lambda _: None, lambda _: None, lambda: None)
    with open_model(Settings(data, openai_base_url=server.base_url), redis, Facts()) as model:
        print(model.reply([{"role": "user", "content": "Hi"}], [], cache_key="k", listener=quiet).text)
    print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


def test_a_job_of_a_warm_worker_imports_nothing_for_its_first_request(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", FIRST_REQUEST, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert (told.stdout, told.stderr) == ("Hello\n", "\n")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "GITHUB_APP_PRIVATE_KEY",
            "not a key",
            "What is set as the App's private key cannot be read as a PEM key.",
        ),
        ("DAYHAND_PRICES", "none.toml", "none.toml cannot be read"),
    ],
)
def test_a_worker_says_at_its_start_what_is_wrong_with_its_settings(
    tmp_path: Path, private_key: str, name: str, value: str, words: str
) -> None:
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DAYHAND_", "GITHUB_"))},
        "DAYHAND_DATA": str(tmp_path),
        "GITHUB_APP_ID": "1",
        "GITHUB_APP_PRIVATE_KEY": private_key,
        "GITHUB_WEBHOOK_SECRET": "s",
        name: value,
    }
    told = subprocess.run(
        [sys.executable, "-m", "dayhand.cli", "work"], env=env, capture_output=True, text=True, check=False
    )
    assert told.returncode != 0
    assert words in told.stderr
    assert "Traceback" not in told.stderr
