"""``dayhand demo``: what an operator runs, against a GitHub of our own; and three people's issues in it."""

from __future__ import annotations

import json
import secrets
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen
from types import FrameType
from typing import TextIO

from rich.console import Console

from dayhand.child_process import running
from dayhand.demo.data_dir import take_ground
from dayhand.demo.fixtures import LABEL, Fixtures, set_scene
from dayhand.demo.progress import Part
from dayhand.demo.screen import open_screen, say, tell_ends
from dayhand.demo.stories import STORIES
from dayhand.demo.story import Story
from dayhand.errors import DayhandError, SettingsError
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader
from dayhand.ledger.redis_server import connect, embedded
from dayhand.localhub.server import LocalHub
from dayhand.scripted_model.moves import SCRIPTED_MODEL
from dayhand.scripted_model.server import ScriptedServer
from dayhand.settings.table import Settings
from dayhand.task import TaskKind
from dayhand.wiring import open_sandbox

LOOK_SECONDS = 0.2
START_SECONDS = 30.0
CONCURRENCY = 3
PROGRESS_SECONDS = 2
THINKING_SECONDS = 0.5  # before each scripted reply, where somebody watches
LAST_LINES = 15
FAILED = 1


def run_demo(settings: Settings, *, once: bool, as_json: bool, cases: Sequence[str]) -> int:
    """Play the stories (all, or those named in ``cases``) and give the exit code: 1 where a task failed.

    With ``once`` it ends when they are done; else it stays up until Ctrl-C. With ``as_json`` standard output holds
    one object a task and nothing else. Raises ``DayhandError`` where nothing could be started.
    """
    stories = choose(cases)
    console = Console(stderr=as_json)
    # Also SIGINT, by name: a shell that starts us in the background has it ignored, and Python keeps that.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    with ExitStack() as stack:
        ground = stack.enter_context(take_ground(settings.data))
        say(console, "Starting a GitHub, Redis and Dayhand on this machine …")
        open_sandbox(_moved(settings, ground))  # before anything starts: without one there is no demo
        demo = _open(stack, settings, ground, stories=stories, thinking=0.0 if once else THINKING_SECONDS)
        _introduce(console, demo, settings)
        parts = demo.play(console, stories)
        if as_json:
            _print_json(parts)
        tell_ends(console, parts, f"{demo.url}/tasks")
        failed = any(part.failed for part in parts)
        if not once:
            _stay(console, demo, settings)
    return FAILED if failed else 0


def choose(cases: Sequence[str]) -> tuple[Story, ...]:
    """The stories of these names; all where none is named. Raises ``SettingsError`` for a name that is none."""
    known = {story.name: story for story in STORIES}
    for name in cases:
        if name not in known:
            raise SettingsError(f"There is no case “{name}”.", advice=f"The cases are: {', '.join(known)}.")
    return tuple(known[name] for name in dict.fromkeys(cases)) or STORIES


@dataclass(frozen=True, slots=True)
class Demo:
    """All that runs."""

    stage: Fixtures
    ledger: Ledger
    url: str  # of the dashboard
    children: Mapping[str, Popen[str]]
    logs: Path

    def play(self, console: Console, stories: Sequence[Story]) -> list[Part]:
        """Start every story at once, ask the follow-ups when their pull requests are there, and see all to the end."""
        parts = [self._begin(story) for story in stories]
        live = LogReader(self.ledger.redis)
        with open_screen(console) as screen:
            while not all(part.over for part in parts):
                time.sleep(LOOK_SECONDS)
                self.check_alive()
                records = self.ledger.recent()
                for part in parts:
                    part.look(live, records)
                parts += self._follow_up(parts)
                screen.show(parts)
        for part in parts:
            if part.pull_url:
                part.check_url, part.checked = self.stage.check(part.story, _number(part.pull_url))
        return parts

    def _begin(self, story: Story) -> Part:
        part = Part(story.name, story, TaskKind.FIX, self.stage.issue_url(story))
        self.stage.begin(story)
        return part

    def _follow_up(self, parts: Sequence[Part]) -> Iterator[Part]:
        asked = {part.story.name for part in parts if part.kind is TaskKind.FOLLOW_UP}
        for part in parts:
            if part.story.follow_up and part.pull_url and part.story.name not in asked:
                name = f"{part.name}-follow-up"
                question = Part(name, part.story, TaskKind.FOLLOW_UP, part.issue_url, part.pull_url)
                self.stage.ask(part.story, _number(part.pull_url))
                yield question

    def check_alive(self) -> None:
        """Raise ``DayhandError`` with the last words of a process that ended by itself."""
        for name, child in self.children.items():
            if child.poll() is not None:
                log = self.logs / f"{name}.log"
                last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
                raise DayhandError(
                    f"`dayhand {name}` ended with exit code {child.returncode}. Its last words:\n"
                    + "\n".join(last),
                    advice=f"All it said is in {log}.",
                )


def _open(
    stack: ExitStack, settings: Settings, ground: Path, *, stories: Sequence[Story], thinking: float
) -> Demo:
    """Start Redis, the local GitHub, the scripted model where no real one is set, web and workers."""
    redis_url = stack.enter_context(embedded(ground))
    hub = stack.enter_context(LocalHub(ground / "github"))
    url = f"http://127.0.0.1:{_free_port()}"
    secret = secrets.token_hex(20)
    stage = set_scene(hub, stories, webhook=f"{url}/webhook", secret=secret)
    key = ground / "app.pem"
    key.unlink(missing_ok=True)
    key.touch(mode=0o600)
    key.write_text(stage.private_key, encoding="utf-8")
    env = {
        "GITHUB_API_URL": hub.api_url,
        "GITHUB_APP_ID": str(stage.app_id),
        "GITHUB_APP_PRIVATE_KEY": "",  # whatever a .env file says
        "GITHUB_APP_PRIVATE_KEY_PATH": str(key),
        "GITHUB_WEBHOOK_SECRET": secret,
        "REDIS_URL": redis_url,
        "DAYHAND_DATA": str(ground),
        "DAYHAND_URL": url,
        "DAYHAND_HOST": "127.0.0.1",
        "DAYHAND_PORT": url.rpartition(":")[2],
        "DAYHAND_LABEL": LABEL,
        "DAYHAND_HANDLES": "bot",
        "DAYHAND_CONCURRENCY": str(CONCURRENCY),
        "DAYHAND_PROGRESS_SECONDS": str(PROGRESS_SECONDS),
        **_model(stack, settings, stories, thinking=thinking),
    }
    children = {name: stack.enter_context(_logged(name, env, ground)) for name in ("web", "work")}
    demo = Demo(stage, Ledger(connect(redis_url)), url, children, ground)
    _wait_until_ready(demo)
    return demo


def _model(
    stack: ExitStack, settings: Settings, stories: Sequence[Story], *, thinking: float
) -> dict[str, str]:
    """The model's settings: the operator's own, else those of a scripted one that is started here."""
    if settings.real_model:
        return {}
    scripts = [script for story in stories for script in story.scripts]
    server = stack.enter_context(ScriptedServer(scripts, delay=thinking))
    return {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "scripted", "DAYHAND_MODEL": SCRIPTED_MODEL}


@contextmanager
def _logged(name: str, env: Mapping[str, str], ground: Path) -> Iterator[Popen[str]]:
    with (
        (ground / f"{name}.log").open("w", encoding="utf-8") as log,
        running([name], env=env, output=log) as child,
    ):
        yield child


def _wait_until_ready(demo: Demo) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        demo.check_alive()
        try:
            with urllib.request.urlopen(f"{demo.url}/readyz", timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(LOOK_SECONDS)
    raise DayhandError(
        f"The web process did not become ready within {START_SECONDS:.0f} seconds.",
        advice=f"Its log is {demo.logs / 'web.log'}.",
    )


def _free_port() -> int:
    """A port that is free now: the address must be known before the process that listens there starts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _number(pull_url: str) -> int:
    return int(pull_url.rpartition("/")[2])


def _moved(settings: Settings, ground: Path) -> Settings:
    return replace(settings, data=ground)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _introduce(console: Console, demo: Demo, settings: Settings) -> None:
    who = (
        f"{', '.join(settings.models)}, as you set it"
        if settings.real_model
        else (
            "a scripted model: its words are written, what its commands print is real. Set OPENAI_API_KEY for a real one"
        )
    )
    say(console, f"A GitHub for this machine: {demo.stage.hub.url}")
    say(console, f"Dayhand's tasks:           {demo.url}/tasks")
    say(console, f"The model:                 {who}.")
    say(console)


def _print_json(parts: Sequence[Part]) -> None:
    for part in parts:
        print(json.dumps(part.as_json(), ensure_ascii=not _speaks_utf8(sys.stdout)))
    sys.stdout.flush()


def _speaks_utf8(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def _stay(console: Console, demo: Demo, settings: Settings) -> None:
    """Keep everything up for the person to play with, until Ctrl-C."""
    say(console)
    say(console, f"All of it stays up; play with it at {demo.stage.hub.url}")
    say(console, f"  · open an issue as bob, then as ada set the label “{LABEL}” or comment “@bot fix this”")
    say(console, "  · ask on a pull request: “@bot are you sure that …?”; read its check run; merge it")
    if not settings.real_model:
        say(console, "  · the scripted model knows the issues above only, and says so")
    say(console, "Ctrl-C ends it.")
    try:
        while True:
            time.sleep(LOOK_SECONDS)
            demo.check_alive()
    except KeyboardInterrupt:
        say(console, "Ended.")
