"""The growing text of the check run, updated as often as GitHub's write budget allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from dayhand.errors import DayhandError, EnvironmentFailure, HubError, PolicyRefusal, TaskStopped
from dayhand.ledger.log import Note
from dayhand.publish.markdown.escape import MAX_BYTES, fenced, tail
from dayhand.publish.wording.check_run import STARTING, stage_title
from dayhand.untrusted_text import clean

LOG_BYTES = MAX_BYTES - 6_000  # the list of stages comes before the log
OUTPUT_CHARS = 1_500
MAX_ENTRIES = 2_000
MAX_STAGES = 40
REFUSALS = frozenset({401, 403, 404})  # of GitHub: a person must change the App's settings
PREFIXES = {"command": "$ ", "result": "", "error": "✗ "}


class CheckRunProgress:
    """Collects log entries and calls ``update(title, text)`` at most once every ``every()`` seconds.

    ``clock`` returns seconds since the epoch, as in the log.
    """

    def __init__(
        self, update: Callable[[str, str], None], *, every: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self._update = update
        self._every = every
        self._clock = clock
        self._updated, self._pause = 0.0, 0.0
        self._stages: deque[tuple[str, float]] = deque(maxlen=MAX_STAGES)
        self._entries: deque[str] = deque(maxlen=MAX_ENTRIES)

    def restore(self, notes: Iterable[Note]) -> None:
        """Add the entries of earlier workers of this task, so that the text continues where they stopped."""
        for note in notes:
            self._append(note)

    def add(self, note: Note) -> None:
        """Add one entry, and update the check run if the last update is long enough ago."""
        self._append(note)
        if not 0 <= self._clock() - self._updated < self._pause:  # less than 0: the clock was set back
            self._updated, self._pause = self._clock(), self._every()
            self._update(self.title, self.text)

    @property
    def title(self) -> str:
        return stage_title(self._stages[-1][0]) if self._stages else STARTING

    @property
    def text(self) -> str:
        """The finished stages with their durations, the current stage, then the end of the log."""
        current = [f"- **{self.title} …**"] if self._stages else []
        return self._with_log([*self._finished_stages(), *current])

    @property
    def final_text(self) -> str:
        """The same once the task has ended: no stage is current."""
        return self._with_log(self._finished_stages(ended=True))

    def _append(self, note: Note) -> None:
        text = clean(note.text)  # before anything is cut: half a key is a secret too
        if note.kind == "stage":
            self._stages.append((note.stage, note.at))
            self._entries.append(f"\n— {stage_title(note.stage)}")
        elif note.kind in PREFIXES:
            self._entries.append(PREFIXES[note.kind] + _end(text))
        elif note.kind == "output":
            self._entries.append(_end(text).rstrip())
        elif note.kind in ("say", "model"):
            self._entries.append(f"# {' '.join(text.split())[:400]}")

    def _with_log(self, stages: list[str]) -> str:
        log = tail("\n".join(self._entries).lstrip("\n"), LOG_BYTES)
        block = fenced(log, most=len(log) + 1) if log else ""
        return "\n".join([*stages, "", block]).strip()

    def _finished_stages(self, *, ended: bool = False) -> list[str]:
        stages = list(self._stages)
        ends = [began for _, began in stages[1:]] + ([self._clock()] if ended else [])
        return [
            f"- ✓ {stage_title(name)} ({max(0, end - began):.0f} s)"
            for (name, began), end in zip(stages, ends, strict=False)
        ]


def _end(text: str) -> str:
    """The end of a long text: that is where the result is."""
    return text if len(text) <= OUTPUT_CHARS else f"…{text[-OUTPUT_CHARS:]}"


def failure_conclusion(error: DayhandError) -> str:
    """The conclusion of the check run: "action_required" if a person can do something about it."""
    match error:
        case TaskStopped():
            return "cancelled"
        case PolicyRefusal() | EnvironmentFailure():
            return "action_required"
        case HubError() if error.status in REFUSALS:
            return "action_required"
        case _:
            return "failure"
