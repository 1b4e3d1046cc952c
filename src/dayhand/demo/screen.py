"""What the demo shows in the terminal while it goes: a calm table, or plain lines where there is no terminal."""

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

from dayhand.demo.progress import Part
from dayhand.task import State, TaskKind
from dayhand.verification import Verdict

LOOKS = {
    "success": "green",
    "answered": "green",
    "neutral": "yellow",
    "failure": "red",
    "action_required": "yellow",
}
WORDS = {
    "success": "✓ ready for review, its checks pass",
    "neutral": "● ready for review, nothing could be checked",
    "action_required": "● its checks pass, but it alters what they check",
    "answered": "✓ answered",
    "failure": "✗ failed",
}
PARTLY = "● ready for review; what could be run here passes"
WIDTH = 100


class Screen(Protocol):
    """Where the parts are shown."""

    def show(self, parts: Sequence[Part]) -> None:
        """Show how far they are."""


@contextmanager
def open_screen(console: Console) -> Iterator[Screen]:
    """A live table on a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield Lines(console)
        return
    with Live(console=console, refresh_per_second=8) as live:
        yield Board(live)


class Board:
    """The live table."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, parts: Sequence[Part]) -> None:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True)
        table.add_column("case", no_wrap=True, min_width=9)
        table.add_column("stage", no_wrap=True, min_width=8)
        table.add_column("now", no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column("seconds", justify="right", no_wrap=True)
        for part in parts:
            look = LOOKS.get(part.conclusion, "") if part.over else ""
            table.add_row(part.name, stage_of(part), Text(words_of(part), style=look), f"{part.seconds:.0f}")
        self._live.update(table)


class Lines:
    """One line for each new stage, and one for each end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: dict[str, str] = {}
        self._began = time.monotonic()

    def show(self, parts: Sequence[Part]) -> None:
        for part in parts:
            told = words_of(part) if part.over else stage_of(part)
            if told and self._told.get(part.name) != told:
                self._told[part.name] = told
                seconds = time.monotonic() - self._began
                say(self._console, f"{seconds:5.1f} s  {part.name:<17} {told}")


def stage_of(part: Part) -> str:
    """The stage in a word."""
    if part.over:
        return "done" if not part.failed else "failed"
    if part.record is None:
        return "asked"
    return part.record.stage if part.record.state is State.RUNNING else part.record.state.value


def words_of(part: Part) -> str:
    """What happens now, or how it ended."""
    if not part.over:
        return part.now[:WIDTH]
    ended = WORDS.get(part.conclusion, part.conclusion)
    if part.conclusion == "success" and any(row["verdict"] == Verdict.CANNOT_RUN for row in part.findings):
        ended = PARTLY
    return f"{ended}: {part.reason}" if part.failed and part.reason else ended


def say(console: Console, text: str = "") -> None:
    """Print words as they are: no markup, no wrapping in the middle of an address."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def quote(console: Console, text: str) -> None:
    """Say somebody's words, folded to the width of the terminal, or of a page where there is none."""
    width = (console.width if console.is_terminal else WIDTH) - 4
    for paragraph in text.splitlines():
        for line in textwrap.wrap(paragraph, max(width, 20)) or [""]:
            say(console, f"  │ {line}".rstrip())


def tell_ends(console: Console, parts: Sequence[Part], task_url: str) -> None:
    """Say where everything is that came of it."""
    for part in parts:
        say(console)
        say(console, f"{part.name}: {words_of(part)} ({part.seconds:.0f} s)")
        addresses = {
            "issue": part.issue_url,
            "pull request": part.pull_url or part.asked_on,
            "check run": part.check_url,
            "task": f"{task_url}/{part.record.task.id}" if part.record else "",
        }
        for name, address in addresses.items():
            if address:
                say(console, f"  {name:<13} {address}")
        for row in part.findings:
            say(console, f"  {row['check']:<13} {row['command']}: {row['verdict']}")
        if part.kind is TaskKind.FOLLOW_UP and part.over and not part.failed:
            say(console, f"  asked         {part.story.follow_up}")
            quote(console, part.summary)
