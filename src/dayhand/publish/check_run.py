"""The check run's growing text, told at the pace that GitHub's write budget allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from dayhand.ledger.log import Note
from dayhand.publish.markdown.escape import MAX_BYTES, fenced, tail
from dayhand.publish.wording.pull_request import check_title
from dayhand.untrusted_text import clean

LOG_BYTES = MAX_BYTES - 6_000  # the stages stand before it
OUTPUT_CHARS = 1_500
MAX_ENTRIES = 2_000
MAX_STAGES = 40
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
        self._stages: deque[tuple[str, float]] = deque(maxlen=MAX_STAGES)
        self._entries: deque[str] = deque(maxlen=MAX_ENTRIES)

    def recall(self, notes: Iterable[Note]) -> None:
        """Take in what an earlier worker said of this task, so that the text goes on where it was."""
        for note in notes:
            self._keep(note)

    def take(self, note: Note) -> None:
        """Take one note; tell it now if enough time has gone since the last telling."""
        self._keep(note)
        if self._clock() >= self._next:
            self._next = self._clock() + self._every
            self._update(self.title, self.text)

    @property
    def title(self) -> str:
        return check_title(self._stages[-1][0] if self._stages else "")

    @property
    def text(self) -> str:
        """What is done with its durations, what is under way, then the log's tail."""
        now = [f"- **{self.title} …**"] if self._stages else []
        return self._whole([*self._stages_done(), *now])

    @property
    def last_text(self) -> str:
        """The same once it is over: nothing is under way."""
        return self._whole(self._stages_done(over=True))

    def _keep(self, note: Note) -> None:
        text = clean(note.text)  # before anything is cut: half a key is a secret too
        if note.kind == "stage":
            self._stages.append((note.stage, note.at))
            self._entries.append(f"\n— {check_title(note.stage)}")
        elif note.kind in SHOWN:
            self._entries.append(SHOWN[note.kind] + _end(text))
        elif note.kind == "output":
            self._entries.append(_end(text).rstrip())
        elif note.kind in ("say", "model"):
            self._entries.append(f"# {' '.join(text.split())[:400]}")

    def _whole(self, stages: list[str]) -> str:
        log = tail("\n".join(self._entries).lstrip("\n"), LOG_BYTES)
        block = fenced(log, most=len(log) + 1) if log else ""
        return "\n".join([*stages, "", block]).strip()

    def _stages_done(self, *, over: bool = False) -> list[str]:
        stages = list(self._stages)
        ends = [began for _, began in stages[1:]] + ([self._clock()] if over else [])
        return [
            f"- ✓ {check_title(name)} ({max(0, ended - began):.0f} s)"
            for (name, began), ended in zip(stages, ends, strict=False)
        ]


def _end(text: str) -> str:
    """The end of a long text, where its result stands."""
    return text if len(text) <= OUTPUT_CHARS else f"…{text[-OUTPUT_CHARS:]}"
