"""The demo as an operator starts it: the command itself, all processes, one local GitHub."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dayhand.demo.run import select_stories
from dayhand.demo.stories import STORIES
from dayhand.errors import SettingsError
from dayhand.scripted_model.moves import Refuse, Script
from dayhand.scripted_model.server import ScriptedServer
from tests.waiting import PATIENCE, becomes_true

MAX_SECONDS = 580


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder that the sandbox's own users can pass through, which pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="dayhand-demo-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def command(data: Path, *arguments: str, **settings: str) -> tuple[list[str], dict[str, str]]:
    ours = ("DAYHAND_", "OPENAI_", "GITHUB_", "REDIS_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return [sys.executable, "-m", "dayhand.cli", "demo", *arguments], {
        **env,
        "DAYHAND_DATA": str(data),
        **settings,
    }


def demo(data: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    line, env = command(data, *arguments, **settings)
    return subprocess.run(
        line, env=env, cwd=data, capture_output=True, text=True, timeout=MAX_SECONDS, check=False
    )


@contextmanager
def started(data: Path, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """A running demo; whatever a test finds, it is gone afterwards."""
    line, env = command(data, *arguments, **settings)
    background = [
        "/bin/sh",
        "-c",
        'trap "" INT; exec "$@"',
        "sh",
    ]  # as a script's `&` starts it: Ctrl-C ignored
    with subprocess.Popen(
        [*background, *line], env=env, cwd=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], text: str, *, errors: bool = False) -> str:
    """Read standard output (or error) line by line until ``text`` appears; pytest's own time limit bounds it."""
    stream = process.stderr if errors else process.stdout
    assert stream
    output = ""
    while text not in output:
        read = stream.readline()
        assert read, f"it ended: {output}"
        output += read
    return output


def left_over(data: Path) -> list[str]:
    """The processes whose environment or command names this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command_line = (process / "cmdline").read_bytes()
            text = (process / "environ").read_bytes() + command_line
        except OSError:
            continue
        if str(data).encode() in text:
            found.append(command_line.decode(errors="replace"))
    return found


def test_three_issues_become_three_pull_requests_and_no_fourth_though_all_workers_are_killed(
    data: Path,
) -> None:
    with started(data, "--once", "--json") as process:
        begun = read_until(process, "solve", errors=True)
        killed = workers_of(data)
        for worker in killed:
            with suppress(ProcessLookupError):  # it ended with another one
                os.kill(worker, signal.SIGKILL)
        output, errors = process.communicate(timeout=MAX_SECONDS)
    assert killed
    assert process.returncode == 0, errors[-3000:]
    assert "scripted model" in begun + errors
    results = {each["case"]: each for each in map(json.loads, output.splitlines())}
    assert set(results) == {"search", "reminders", "chat", "search-follow-up"}
    fixes = [results[story.name] for story in STORIES]
    assert len({each["pull_url"] for each in fixes}) == 3
    for each in fixes:
        assert each["pull_url"].startswith("http://127.0.0.1:")
        assert each["check_url"].startswith("http://127.0.0.1:")
        assert each["conclusion"] == "success"
        assert each["verification"]
        # On each repository: the issue is 1 and its one pull request is 2. A second one would be 3.
        assert each["pull_url"].endswith("/2")
    # What cannot be installed here is no failure. The others passed before the change, too.
    verdicts = {row["verdict"] for each in fixes for row in each["verification"]}
    assert verdicts - {"the environment cannot run it"} == {"passes"}
    answer = results["search-follow-up"]
    assert answer["conclusion"] == "answered"
    assert answer["pull_url"] == results["search"]["pull_url"]
    assert "`sql/search.sql`, line 7" in answer["answer"]
    assert becomes_true(lambda: not left_over(data), pause=0.05), left_over(data)


def workers_of(data: Path) -> list[int]:
    """The forked workers of the demo's ``dayhand work``, and the jobs that they run."""
    parents = {}
    ours = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "environ").read_bytes()
            command_line = (process / "cmdline").read_bytes()
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if str(data).encode() in text and b"\0work\0" in command_line:
            ours.append(int(process.name))
    return [number for number in ours if parents[number] in ours]


def test_without_once_it_stays_up_until_ctrl_c_and_ends_as_its_task_did(data: Path) -> None:
    refuses = Script("refuses", lambda _: True, lambda _: [Refuse("I will not write reminders.")])
    with (
        ScriptedServer([refuses]) as model,
        started(
            data, "--json", "--case", "reminders", OPENAI_BASE_URL=model.base_url, OPENAI_API_KEY="k"
        ) as process,
    ):
        (result,) = [json.loads(read_until(process, "}\n"))]
        output = read_until(process, "Press Ctrl-C to stop.", errors=True)
        address = output.partition("Try it yourself at ")[2].split()[0]
        with urllib.request.urlopen(f"{address}/ada/come-back/pull/2", timeout=PATIENCE) as page:
            assert page.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE) == 1
    assert result["case"] == "reminders"
    assert "I will not write reminders." in output
    assert becomes_true(lambda: not left_over(data), pause=0.05), left_over(data)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_whatever_ends_it_in_mid_work_nothing_is_left_running(
    data: Path, number: signal.Signals, code: int
) -> None:
    """Ctrl-C has the handler of the first."""
    with started(data, "--case", "search") as process:
        read_until(process, "  prepare")
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE) == code
    assert becomes_true(lambda: not left_over(data), pause=0.05), left_over(data)


def test_without_a_sandbox_it_says_so_and_starts_nothing(data: Path) -> None:
    done = demo(data, "--once", DAYHAND_SANDBOX="docker", DOCKER_HOST=f"unix://{data}/no.sock")
    assert done.returncode == 1
    assert "The Docker engine does not answer" in done.stderr
    assert sorted(path.name for path in (data / "demo").iterdir()) == ["lock"]


def test_a_case_that_is_none_is_answered_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match="“chess”") as caught:
        select_stories(["chess"])
    assert caught.value.advice == "The cases are: search, reminders, chat."


def test_without_a_name_every_case_is_played() -> None:
    assert select_stories([]) == STORIES
    assert [story.name for story in select_stories(["chat", "chat", "search"])] == ["chat", "search"]
