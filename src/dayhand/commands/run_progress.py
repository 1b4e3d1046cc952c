"""What `dayhand run` shows while it works, on standard error: the log, and on a terminal a line that is kept up to date."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, TextIO

from dayhand.commands.local import MARKS
from dayhand.untrusted_text import CLEAR_LINE, clean
from dayhand.usage import Usage

if TYPE_CHECKING:  # the ledger's import takes longer than everything here
    from dayhand.ledger.log import Note

SHOWN = (*MARKS, "model", "plan")


class RunProgress:
    """Shows notes as they come, and measures the stages."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._began = time.monotonic()
        self._stage = ""
        self._command = ""
        self._stages: dict[str, float] = {}
        self._entered = self._began
        self._tokens = 0
        self._dollars: float | None = 0.0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def stages(self) -> dict[str, float]:
        """Seconds by stage, up to now."""
        self._leave()
        return dict(self._stages)

    def show(self, note: Note) -> None:
        """Show one entry of the log."""
        if note.kind == "stage":
            self._leave()
            self._stage, self._command = note.text, ""
        elif note.kind in ("command", "result"):
            self._command = note.text if note.kind == "command" else ""
        if note.kind in SHOWN:
            self._write(f"{MARKS.get(note.kind, ' ')} {clean(note.text)}")

    def add(self, usage: Usage) -> None:
        """Count a reply."""
        self._tokens += usage.input_tokens + usage.output_tokens
        known = self._dollars is not None and usage.dollars is not None
        self._dollars = (self._dollars or 0.0) + (usage.dollars or 0.0) if known else None
        self._write("")

    def close(self) -> None:
        """Remove the line that is kept up to date."""
        if self._live:
            print(CLEAR_LINE, end="", file=self._out, flush=True)

    def _leave(self) -> None:
        now = time.monotonic()
        if self._stage:
            self._stages[self._stage] = self._stages.get(self._stage, 0.0) + now - self._entered
        self._entered = now

    def _write(self, text: str) -> None:
        if not self._live:
            if text:
                print(text, file=self._out, flush=True)
            return
        price = "price unknown" if self._dollars is None else f"${self._dollars:.2f}"
        status = f"{self._stage} · {self.seconds:.0f} s · {self._tokens:,} tokens · {price}"
        if self._command:
            status += f" · $ {clean(self._command)}"
        width = shutil.get_terminal_size().columns - 1
        line = " ".join(status.split())[:width]
        print(f"{CLEAR_LINE}{text}{chr(10) if text else ''}{line}", end="", file=self._out, flush=True)
