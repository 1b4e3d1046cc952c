"""Shows the demo's progress: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dayhand.demo.progress import TaskProgress
from dayhand.task import State, TaskKind
from dayhand.verification import Verdict

STYLES = {
    "success": "green",
    "answered": "green",
    "neutral": "yellow",
    "failure": "red",
    "action_required": "yellow",
}
STATUS = {
    "success": "✓ ready for review, its checks pass",
    "neutral": "● ready for review, no check could verify it",
    "action_required": "● its checks pass, but the change modifies them",
    "answered": "✓ answered",
    "failure": "✗ failed",
}
STATUS_PARTLY_CHECKED = "● ready for review, the checks that can run here pass"
WIDTH = 100


class Display(Protocol):
    """Shows the progress of tasks."""

    def show(self, tasks: Sequence[TaskProgress]) -> None:
        """Show the current progress."""


@contextmanager
def open_display(console: Console) -> Iterator[Display]:
    """A live table if the console is a terminal, else plain lines."""
    if not console.is_terminal:
        yield LineDisplay(console)
        return
    with Live(console=console, refresh_per_second=8) as live:
        yield TableDisplay(live)


class TableDisplay:
    """A table that is redrawn in place."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, tasks: Sequence[TaskProgress]) -> None:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True)
        table.add_column("case", no_wrap=True, min_width=9)
        table.add_column("stage", no_wrap=True, min_width=8)
        table.add_column("latest", no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column("seconds", justify="right", no_wrap=True)
        for task in tasks:
            style = STYLES.get(task.conclusion, "") if task.finished else ""
            status = Text(status_text(task), style=style)
            table.add_row(task.name, stage_label(task), status, f"{task.seconds:.0f}")
        self._live.update(table)


class LineDisplay:
    """One line for each new stage and for each end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, str] = {}
        self._started = time.monotonic()

    def show(self, tasks: Sequence[TaskProgress]) -> None:
        for task in tasks:
            text = status_text(task) if task.finished else stage_label(task)
            if text and self._shown.get(task.name) != text:
                self._shown[task.name] = text
                seconds = time.monotonic() - self._started
                print_line(self._console, f"{seconds:5.1f} s  {task.name:<17} {text}")


def stage_label(task: TaskProgress) -> str:
    """The stage in one word."""
    if task.finished:
        return "done" if not task.failed else "failed"
    if task.record is None:
        return "asked"
    return task.record.stage if task.record.state is State.RUNNING else task.record.state.value


def status_text(task: TaskProgress) -> str:
    """The latest log line of a running task, or how a finished one ended."""
    if not task.finished:
        return task.last_line[:WIDTH]
    status = STATUS.get(task.conclusion, task.conclusion)
    if task.conclusion == "success" and any(row["verdict"] == Verdict.CANNOT_RUN for row in task.findings):
        status = STATUS_PARTLY_CHECKED
    return f"{status}: {task.reason}" if task.failed and task.reason else status


def print_line(console: Console, text: str = "") -> None:
    """Print text as it is: no markup, no line breaks inside an address."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def print_quote(console: Console, text: str) -> None:
    """Print text as a quote, wrapped to the terminal's width or to ``WIDTH``."""
    width = (console.width if console.is_terminal else WIDTH) - 4
    for paragraph in text.splitlines():
        for line in textwrap.wrap(paragraph, max(width, 20)) or [""]:
            print_line(console, f"  │ {line}".rstrip())


def print_summary(console: Console, tasks: Sequence[TaskProgress], task_url: str) -> None:
    """Print the result and the addresses of each task."""
    for task in tasks:
        print_line(console)
        print_line(console, f"{task.name}: {status_text(task)} ({task.seconds:.0f} s)")
        addresses = {
            "issue": task.issue_url,
            "pull request": task.pull_url or task.asked_on,
            "check run": task.check_url,
            "task": f"{task_url}/{task.record.task.id}" if task.record else "",
        }
        for name, address in addresses.items():
            if address:
                print_line(console, f"  {name:<13} {address}")
        for row in task.findings:
            print_line(console, f"  {row['check']:<13} {row['command']}: {row['verdict']}")
        if task.kind is TaskKind.QUESTION and task.finished and not task.failed:
            print_line(console, f"  question      {task.story.follow_up}")
            print_quote(console, task.summary)
