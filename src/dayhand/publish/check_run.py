"""The check run's growing text, told at the pace that GitHub's write budget allows."""

from __future__ import annotations

from collections.abc import Callable

from dayhand.ledger.notes import Note
from dayhand.publish.markdown import MOST_CHARS, fenced, line, redact
from dayhand.publish.wording import check_title

ROOM = MOST_CHARS - 2_000
OUTPUT_CHARS = 1_500
SHOWN = {"command": "$ ", "result": "", "error": "✗ "}


class Progress:
    """Takes notes in and calls ``update(title, text)`` at most once in ``every`` seconds.

    ``clock`` gives seconds since the epoch, as notes do.
    """

    def __init__(
        self, update: Callable[[str, str], None], *, every: float, clock: Callable[[], float]
    ) -> None:
        self._update = update
        self._every = every
        self._clock = clock
        self._next = 0.0
        self._stages: list[tuple[str, float]] = []
        self._lines: list[str] = []

    def take(self, note: Note) -> None:
        """Take one note; tell it now if enough time has gone since the last telling."""
        text = redact(note.text)  # before anything is cut: half a key is a secret too
        if note.kind == "stage":
            self._stages.append((note.stage, note.at))
            self._lines.append(f"\n— {check_title(note.stage)}")
        elif note.kind in SHOWN:
            self._lines.append(SHOWN[note.kind] + text)
        elif note.kind == "output":
            cut = text if len(text) <= OUTPUT_CHARS else f"…{text[-OUTPUT_CHARS:]}"
            self._lines.append(cut.rstrip())
        elif note.kind in ("say", "model"):
            self._lines.append(f"# {line(text)[:400]}")
        if self._clock() >= self._next:
            self._next = self._clock() + self._every
            self._update(self.title, self.text)

    @property
    def title(self) -> str:
        return check_title(self._stages[-1][0] if self._stages else "")

    @property
    def text(self) -> str:
        """What is done with its durations, what is under way, then the log's tail."""
        done, now = self._stages_done(), [f"- **{self.title} …**"] if self._stages else []
        return "\n".join([*done, *now]) + "\n\n" + self._log()

    @property
    def last_text(self) -> str:
        """The same once it is over: nothing is under way."""
        return "\n".join([*self._stages_done(over=True)]) + "\n\n" + self._log()

    def _stages_done(self, *, over: bool = False) -> list[str]:
        ends = [began for _, began in self._stages[1:]] + ([self._clock()] if over else [])
        return [
            f"- ✓ {check_title(name)} ({max(0, ended - began):.0f} s)"
            for (name, began), ended in zip(self._stages, ends, strict=False)
        ]

    def _log(self) -> str:
        return fenced("\n".join(self._lines)[-ROOM // 2 :].lstrip(), most=ROOM)
