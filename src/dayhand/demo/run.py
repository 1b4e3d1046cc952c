"""``dayhand demo``: the processes that an operator runs, with a local GitHub and three issues in it."""

from __future__ import annotations

import json
import secrets
import signal
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

from dayhand.child_process import PROCESSES, reserved_port, running
from dayhand.demo.data_dir import lock_data_dir
from dayhand.demo.display import open_display, print_line, print_summary
from dayhand.demo.fixtures import LABEL, Fixtures, create_fixtures
from dayhand.demo.progress import TaskProgress
from dayhand.demo.stories import STORIES
from dayhand.demo.story import Story
from dayhand.errors import DayhandError, ExitCode, SettingsError
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader
from dayhand.ledger.redis_server import connect, embedded
from dayhand.localhub.server import LocalHub
from dayhand.scripted_model.name import SCRIPTED_MODEL
from dayhand.scripted_model.server import ScriptedServer
from dayhand.settings.dashboard_token import TOKEN_NAME, dashboard_link, dashboard_token
from dayhand.settings.table import Settings
from dayhand.task import TaskKind
from dayhand.wiring.sandboxes import open_sandbox

POLL_SECONDS = 0.2
MAX_START_SECONDS = 90.0
CONCURRENCY = 3
PROGRESS_SECONDS = 2
REPLY_DELAY_SECONDS = 0.5  # before each scripted reply, so that the demo can be watched
LOG_TAIL_LINES = 15


def run_demo(settings: Settings, *, once: bool, as_json: bool, cases: Sequence[str]) -> int:
    """Run the stories (all, or those named in ``cases``); the exit code is 1 if a task failed.

    With ``once`` the demo ends when the tasks are done, otherwise on Ctrl-C. With ``as_json`` standard output holds
    one object for each task and nothing else. Raises ``DayhandError`` if the demo cannot start.
    """
    stories = select_stories(cases)
    console = Console(stderr=as_json)
    # SIGINT too: a shell ignores it for processes in the background, and Python would inherit that.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    with ExitStack() as stack:
        data_dir = stack.enter_context(lock_data_dir(settings.data))
        print_line(console, "Starting a local GitHub, Redis and Dayhand …")
        open_sandbox(replace(settings, data=data_dir))  # fails before anything else starts if there is none
        delay = 0.0 if once else REPLY_DELAY_SECONDS
        demo = _start(stack, settings, data_dir, stories=stories, delay=delay)
        _print_introduction(console, demo, settings)
        tasks = demo.run(console, stories)
        if as_json:
            _print_json(tasks)
        print_summary(console, tasks, f"{demo.url}/tasks")
        failed = any(task.failed for task in tasks)
        if once:
            print_line(
                console,
                "\nThe local GitHub ends now, and its addresses with it; without --once it keeps running.",
            )
        else:
            _wait_for_interrupt(console, demo, settings)
    return ExitCode.FAILED if failed else ExitCode.OK


def select_stories(cases: Sequence[str]) -> tuple[Story, ...]:
    """The stories of these names, or all if ``cases`` is empty. Raises ``SettingsError`` for an unknown name."""
    known = {story.name: story for story in STORIES}
    for name in cases:
        if name not in known:
            raise SettingsError(f"There is no case “{name}”.", advice=f"The cases are: {', '.join(known)}.")
    return tuple(known[name] for name in dict.fromkeys(cases)) or STORIES


@dataclass(frozen=True, slots=True)
class Demo:
    """The running demo."""

    fixtures: Fixtures
    ledger: Ledger
    url: str  # of the dashboard
    link: str  # that opens it
    children: Mapping[str, Popen[str]]
    logs: Path

    def run(self, console: Console, stories: Sequence[Story]) -> list[TaskProgress]:
        """Start every story, ask the follow-up on each pull request, and wait until all tasks are finished."""
        tasks = [self._start(story) for story in stories]
        logs = LogReader(self.ledger.redis)
        with open_display(console) as display:
            while not all(task.finished for task in tasks):
                time.sleep(POLL_SECONDS)
                self.check_processes()
                records = self.ledger.recent()
                for task in tasks:
                    task.update(logs, records)
                tasks += self._ask_follow_ups(tasks)
                display.show(tasks)
        for task in tasks:
            if task.pull_url:
                number = _pull_number(task.pull_url)
                task.check_url, task.check_conclusion = self.fixtures.check_run(task.story, number)
        return tasks

    def _start(self, story: Story) -> TaskProgress:
        task = TaskProgress(story.name, story, TaskKind.FIX, self.fixtures.issue_url(story))
        self.fixtures.start(story)
        return task

    def _ask_follow_ups(self, tasks: Sequence[TaskProgress]) -> Iterator[TaskProgress]:
        asked = {task.story.name for task in tasks if task.kind is TaskKind.QUESTION}
        for task in tasks:
            if task.story.follow_up and task.pull_url and task.story.name not in asked:
                name = f"{task.name}-follow-up"
                question = TaskProgress(
                    name, task.story, TaskKind.QUESTION, task.issue_url, asked_on=task.pull_url
                )
                self.fixtures.ask_follow_up(task.story, _pull_number(task.pull_url))
                yield question

    def check_processes(self) -> None:
        """Raises ``DayhandError`` with the end of the log if a process has ended."""
        for name, child in self.children.items():
            if child.poll() is not None:
                log = self.logs / f"{name}.log"
                tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
                failure = SettingsError if child.returncode == ExitCode.SETTINGS else DayhandError
                raise failure(
                    f"`dayhand {name}` ended with exit code {child.returncode}. The end of its log:\n"
                    + "\n".join(tail),
                    advice=f"The whole log is {log}.",
                )


def _start(
    stack: ExitStack, settings: Settings, data_dir: Path, *, stories: Sequence[Story], delay: float
) -> Demo:
    """Start Redis, the local GitHub, a scripted model unless a real one is configured, web and workers."""
    redis_url = stack.enter_context(embedded(data_dir))
    hub = stack.enter_context(LocalHub(data_dir / "github"))
    url = f"http://127.0.0.1:{stack.enter_context(reserved_port())}"
    secret = secrets.token_hex(20)
    fixtures = create_fixtures(hub, stories, webhook=f"{url}/webhook", secret=secret)
    token = dashboard_token(replace(settings, data=data_dir))
    key = data_dir / "app.pem"
    key.unlink(missing_ok=True)
    key.touch(mode=0o600)
    key.write_text(fixtures.private_key, encoding="utf-8")
    env = {
        "GITHUB_API_URL": hub.api_url,
        "GITHUB_APP_ID": str(fixtures.app_id),
        "GITHUB_APP_PRIVATE_KEY": "",  # overrides a .env file
        "GITHUB_APP_PRIVATE_KEY_PATH": str(key),
        "GITHUB_WEBHOOK_SECRET": secret,
        "REDIS_URL": redis_url,
        "DAYHAND_DATA": str(data_dir),
        "DAYHAND_URL": url,
        TOKEN_NAME: token,
        "DAYHAND_HOST": "127.0.0.1",
        "DAYHAND_PORT": url.rpartition(":")[2],
        "DAYHAND_LABEL": LABEL,
        "DAYHAND_HANDLES": "bot",
        "DAYHAND_CONCURRENCY": str(CONCURRENCY),
        "DAYHAND_PROGRESS_SECONDS": str(PROGRESS_SECONDS),
        **_model_settings(stack, settings, stories, delay=delay),
    }
    children = {name: stack.enter_context(_run_logged(name, env, data_dir)) for name in PROCESSES}
    link = dashboard_link(replace(settings, url=url), token)
    demo = Demo(fixtures, Ledger(connect(redis_url)), url, link, children, data_dir)
    _wait_until_ready(demo)
    return demo


def _model_settings(
    stack: ExitStack, settings: Settings, stories: Sequence[Story], *, delay: float
) -> dict[str, str]:
    """The model's settings: the operator's own, or those of a scripted model that is started here."""
    if settings.real_model:
        return {}
    scripts = [script for story in stories for script in story.scripts]
    server = stack.enter_context(ScriptedServer(scripts, delay=delay))
    return {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "scripted", "DAYHAND_MODEL": SCRIPTED_MODEL}


@contextmanager
def _run_logged(name: str, env: Mapping[str, str], data_dir: Path) -> Iterator[Popen[str]]:
    with (
        (data_dir / f"{name}.log").open("w", encoding="utf-8") as log,
        running([name], env=env, output=log) as child,
    ):
        yield child


def _wait_until_ready(demo: Demo) -> None:
    ends = time.monotonic() + MAX_START_SECONDS
    while time.monotonic() < ends:
        demo.check_processes()
        try:
            with urllib.request.urlopen(f"{demo.url}/readyz", timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(POLL_SECONDS)
    raise DayhandError(
        f"The web process did not become ready within {MAX_START_SECONDS:.0f} seconds.",
        advice=f"Its log is {demo.logs / 'web.log'}.",
    )


def _pull_number(pull_url: str) -> int:
    return int(pull_url.rpartition("/")[2])


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _print_introduction(console: Console, demo: Demo, settings: Settings) -> None:
    model = (
        f"{', '.join(settings.models)}, from your settings"
        if settings.real_model
        else (
            "a scripted model: its replies are prepared, but its commands really run. Set OPENAI_API_KEY to use a real model"
        )
    )
    print_line(console, f"Local GitHub: {demo.fixtures.hub.url}")
    print_line(console, f"Tasks:        {demo.link}")
    print_line(console, f"Model:        {model}.")
    print_line(console)


def _print_json(tasks: Sequence[TaskProgress]) -> None:
    for task in tasks:
        print(json.dumps(task.as_json(), ensure_ascii=not _is_utf8(sys.stdout)))
    sys.stdout.flush()


def _is_utf8(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def _wait_for_interrupt(console: Console, demo: Demo, settings: Settings) -> None:
    """Keep everything running until Ctrl-C."""
    print_line(console)
    print_line(console, f"The demo keeps running. Try it yourself at {demo.fixtures.hub.url}")
    print_line(
        console, f"  · open an issue as bob, then add the label “{LABEL}” as ada, or comment “@bot fix this”"
    )
    print_line(console, "  · on a pull request, ask “@bot are you sure that …?”, read the check run, merge")
    if not settings.real_model:
        print_line(console, "  · the scripted model can only solve the issues above")
    print_line(console, "Press Ctrl-C to stop.")
    try:
        while True:
            time.sleep(POLL_SECONDS)
            demo.check_processes()
    except KeyboardInterrupt:
        print_line(console, "Stopped.")
