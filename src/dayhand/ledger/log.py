"""The live log of a task: every entry has a line number, so that evidence can link to it."""

from __future__ import annotations

import base64
import json
import time
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple
from itertools import islice

from dayhand.errors import DayhandError, TaskStopped
from dayhand.ledger import keys, scripts
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.ledger import Claim, Ledger, fenced
from dayhand.ledger.states import UNFINISHED
from dayhand.ledger.telemetry.counters import observe
from dayhand.ledger.telemetry.metrics import STAGE_SECONDS
from dayhand.startup.records import dataclass
from dayhand.task import Stage
from dayhand.untrusted_text import redact_output

MAX_LINES = 10_000
MAX_CHARS = 64 * 1024
BLOCK_MS = 2_000  # shorter than the client's socket timeout, which would end the read
KEEP_ALIVE_SECONDS = 15.0
BATCH = 500
PART_LINES = 500  # of a log that is over: they are compressed together
SAVING_SECONDS = 30.0  # for what a stopped task does to keep its work


@dataclass(frozen=True, slots=True)
class Note:
    """One entry of the live log. Kinds: stage, say, command, output, result, error, model, plan."""

    line: int  # from 1, per task; it continues after a resume
    at: float  # seconds since the epoch
    stage: str
    kind: str
    text: str


class TaskLog:
    """Writes the log of a claimed task, and passes each entry to listeners. Every write is fenced by the claim."""

    def __init__(self, ledger: Ledger, claim: Claim) -> None:
        self._ledger = ledger
        self._claim = claim
        self._append = ledger.redis.register_script(scripts.APPEND)
        self._listeners: list[Callable[[Note], None]] = []
        self._cancellations: list[tuple[Callable[[], None], bool]] = []
        self._stage = ""
        self._began: dict[Stage, float] = {}
        self._ended: tuple[DayhandError, float] | None = None  # what ended the journey, and when

    def listen(self, listener: Callable[[Note], None]) -> None:
        self._listeners.append(listener)

    def line(self, kind: str, text: str) -> int:
        """Write one note, without credentials, and give its line number. Raises ``LeaseLost``."""
        text = redact_output(text)  # before anything is cut: half a key is a secret too
        cut = (
            text
            if len(text) <= MAX_CHARS
            else f"{text[: MAX_CHARS // 2]}\n… cut …\n{text[-MAX_CHARS // 2 :]}"
        )
        at = self._ledger.clock()
        script_keys = [keys.record(self._claim.task_id), keys.log(self._claim.task_id)]
        entry = ["at", at, "stage", self._stage, "kind", kind, "text", cut]
        number = int(fenced(self._append, script_keys, [self._claim.token, MAX_LINES, *entry]))
        note = Note(number, at, self._stage, kind, cut)
        for listener in self._listeners:
            listener(note)
        return number

    @contextmanager
    def stage(self, stage: Stage, *, in_background: bool = False) -> Iterator[None]:
        """Record a stage's beginning and end. Raises ``LeaseLost``, and ``TaskStopped`` if a person stopped the task.

        ``in_background``: the block only starts it, and ``ended`` is called when it is done.
        """
        self.check()
        self._began[stage] = began = self._ledger.clock()
        self._stage = stage.value
        self._ledger.note_stage(
            self._claim, {"stage": stage.value, f"started:{stage}": began, f"ended:{stage}": ""}
        )
        self.line("stage", stage.value)
        try:
            yield
        finally:  # also for a stage that fails
            if in_background:
                self._note_end(stage)
            else:
                self.ended(stage)

    def ended(self, stage: Stage) -> None:
        """Record when a stage ended, and how long it took. Raises ``LeaseLost``."""
        seconds = self._note_end(stage) - self._began[stage]
        observe(self._ledger.redis, STAGE_SECONDS, stage, seconds=seconds)

    def _note_end(self, stage: Stage) -> float:
        ended = self._ledger.clock()
        self._ledger.note_stage(self._claim, {f"ended:{stage}": ended})
        return ended

    @contextmanager
    def cancelled_by(self, check: Callable[[], None], *, in_replies: bool = True) -> Iterator[None]:
        """Within the block, ``check`` may end the journey by raising an error; if not ``in_replies``, between replies only."""
        self._cancellations.append((check, in_replies))
        try:
            yield
        finally:
            self._cancellations.remove((check, in_replies))

    def check(self, *, in_reply: bool = False) -> None:
        """Raise an error if this journey must end: ``LeaseLost``, ``TaskStopped``, or that of a ``cancelled_by`` check.

        It is raised once, so that saving the work is not interrupted; ``TaskStopped`` again if that takes too long.
        """
        self._claim.check()
        if self._ended:
            error, at = self._ended
            if isinstance(error, TaskStopped) and self._ledger.clock() - at > SAVING_SECONDS:
                raise error
            return
        try:
            self.check_stop()
            for check, in_replies in self._cancellations:
                if in_replies or not in_reply:
                    check()
        except DayhandError as error:
            self._ended = (error, self._ledger.clock())
            raise

    def check_stop(self) -> None:
        """Raise ``TaskStopped`` if a person asked for that: each time, for work beside the journey."""
        if who := self._ledger.redis.get(keys.stop(self._claim.task_id)):
            raise TaskStopped(f"{who} stopped this task.", advice="Ask again to start it again.")


class LogReader:
    """Reads the logs of one Redis: all of one, from a line on, or as it grows."""

    def __init__(self, redis: TextRedis, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.redis = redis
        self._clock = clock

    def read(self, task_id: str, after: int = 0, *, most: int | None = None) -> list[Note]:
        """The entries after line ``after``, at most ``most`` of them."""
        if parts := self._parts(task_id):
            first = max(0, bisect_right(parts, after) - 1)
            notes = (note for part in parts[first:] for note in self._unpack(task_id, part))
            return list(islice((note for note in notes if note.line > after), most))
        entries = self.redis.xrange(keys.log(task_id), min=f"({after}-0" if after else "-", count=most)
        return [_note(entry_id, fields) for entry_id, fields in entries]

    def read_before(self, task_id: str, before: int, *, most: int) -> list[Note]:
        """The last ``most`` entries before line ``before``, or of all if that is 0."""
        if parts := self._parts(task_id):
            last = bisect_left(parts, before) if before else len(parts)
            notes = (
                note for part in reversed(parts[:last]) for note in reversed(self._unpack(task_id, part))
            )
            found = list(islice((note for note in notes if not before or note.line < before), most))
        else:
            entries = self.redis.xrevrange(
                keys.log(task_id), max=f"({before}-0" if before else "+", count=most
            )
            found = [_note(entry_id, fields) for entry_id, fields in entries]
        return found[::-1]

    def _parts(self, task_id: str) -> list[int]:
        """The first lines of the compressed parts; none of a task whose log is not compressed yet."""
        if firsts := self.redis.hkeys(keys.log_parts(task_id)):
            return sorted(int(first) for first in firsts)
        return [1] if self.redis.exists(keys.log_archive(task_id)) else []

    def _unpack(self, task_id: str, first: int) -> list[Note]:
        text = self.redis.hget(keys.log_parts(task_id), first) or self.redis.get(keys.log_archive(task_id))
        return [Note(*fields) for fields in json.loads(zlib.decompress(base64.b64decode(text)))]

    def follow(
        self, task_id: str, after: int = 0, *, ended: Callable[[], bool] = lambda: False
    ) -> Iterator[Note | None]:
        """The entries after line ``after`` as they are written, until the task is over or ``ended``; None as a keep-alive."""
        last_word = self._clock()
        while True:
            over = self._over(task_id)
            notes = self.read(task_id, after, most=BATCH) if over else self._wait(task_id, after)
            for note in notes:
                after = note.line
                yield note
            if notes:
                last_word = self._clock()
            elif over:
                return
            elif self._clock() - last_word >= KEEP_ALIVE_SECONDS:
                last_word = self._clock()
                yield None
            if ended():
                return

    def _wait(self, task_id: str, after: int) -> list[Note]:
        found = self.redis.xread({keys.log(task_id): f"{after}-0"}, count=BATCH, block=BLOCK_MS)
        return [_note(entry_id, fields) for _, entries in found or [] for entry_id, fields in entries]

    def _over(self, task_id: str) -> bool:
        state = self.redis.hget(keys.record(task_id), "state")
        return state is None or state not in UNFINISHED


def compress_log(redis: TextRedis, task_id: str) -> None:
    """Replace the log of a task that is over by compressed parts, which ``LogReader`` reads too."""
    parts, last = {}, 0
    while entries := redis.xrange(keys.log(task_id), min=f"({last}-0" if last else "-", count=PART_LINES):
        notes = [_note(entry_id, fields) for entry_id, fields in entries]
        text = json.dumps([astuple(note) for note in notes], ensure_ascii=False)
        parts[notes[0].line] = base64.b64encode(zlib.compress(text.encode())).decode()
        last = notes[-1].line
    if not parts:
        return
    with redis.pipeline() as pipe:
        pipe.hset(keys.log_parts(task_id), mapping=parts).expire(keys.log_parts(task_id), keys.KEPT_SECONDS)
        pipe.delete(keys.log(task_id)).execute()


def _note(entry_id: str, fields: Mapping[str, str]) -> Note:
    line = int(entry_id.partition("-")[0])
    return Note(line, float(fields["at"]), fields["stage"], fields["kind"], fields["text"])
