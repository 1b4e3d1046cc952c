"""A task's journal and checkpoint: where the next worker continues after one was killed."""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from redis.commands.core import Script

from dayhand.errors import LeaseLost, LedgerError, NewerRecord
from dayhand.ledger import codec, keys, scripts
from dayhand.ledger.codec import unpack
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.ledger import Claim, fenced
from dayhand.ledger.telemetry.audit import Action, audit
from dayhand.ledger.telemetry.counters import Increment, count, count_usage
from dayhand.ledger.telemetry.metrics import SANDBOX_STARTS
from dayhand.ledger.thread import Message, decode_message, decode_messages
from dayhand.startup.records import dataclass
from dayhand.task import CheckedChange, TaskKind
from dayhand.usage import Usage, total

JsonItem: TypeAlias = dict[str, Any]  # of the model's API, kept as it is
FORGOTTEN_SECONDS = 2 * 24 * 3600
REPLY, RESULTS, COMPACTION, MESSAGES = "reply:", "results:", "compaction:", "messages:"
KEPT_SUFFIX = ".kept"  # of a reply's file
UNDERSTANDING = "understanding"  # what an unclear request means
ARCHIVE = "archive"  # all the fields of a task that is over, compressed


@dataclass(frozen=True, slots=True)
class Journalled:
    """Items of the history, and what they cost."""

    items: tuple[JsonItem, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class JournalledTurn:
    """A reply of the model, and the results of its tool calls."""

    turn: int
    items: tuple[JsonItem, ...]
    usage: Usage
    results: tuple[JsonItem, ...] | None = None  # None: the reply was not acted on


@dataclass(frozen=True, slots=True)
class _Results:
    items: tuple[JsonItem, ...]


@dataclass(frozen=True, slots=True)
class _Messages:
    messages: tuple[str, ...]  # as they were in the mailbox


class Journal:
    """The journal of one claimed task. Every write raises ``LeaseLost`` once another worker has the task."""

    def __init__(self, redis: TextRedis, task_id: str, claim: Claim, *, replies: Path | None = None) -> None:
        """``replies``: a folder on this machine for what the model wrote and Redis could not take yet."""
        self._redis = redis
        self._replies = UnwrittenReplies(replies, task_id) if replies else None
        self._claim = claim
        self._thread = claim.ledger.threads.of_task(task_id)
        self._journal = keys.journal(task_id)
        self._work = keys.checked_change(task_id)
        self._checkpoint = keys.checkpoint(task_id)
        self._write = redis.register_script(scripts.WRITE)
        self._write_progress = redis.register_script(scripts.WRITE_PROGRESS)
        self._take = redis.register_script(scripts.TAKE_MESSAGES)

    def turns(self) -> list[JournalledTurn]:
        """The turns in order. Raises ``LedgerError`` if a newer version wrote them.

        Replies that an earlier process on this machine could not write are written first.
        """
        self._write_unwritten()
        fields = self._redis.hgetall(self._journal)
        results = {turn: _read_results(text) for turn, text in _numbered(fields, RESULTS).items()}
        replies = {turn: _read(text) for turn, text in _numbered(fields, REPLY).items()}
        return [
            JournalledTurn(turn, replies[turn].items, replies[turn].usage, results.get(turn))
            for turn in sorted(replies)
        ]

    def write_reply(self, turn: int, items: Sequence[JsonItem], usage: Usage) -> None:
        """Keep a reply before it is acted on."""
        self._keep(f"{REPLY}{turn}", items, usage)

    def write_understanding(self, items: Sequence[JsonItem], usage: Usage) -> None:
        """Keep what the model says an unclear request means."""
        self._keep(UNDERSTANDING, items, usage)

    def understanding(self) -> Journalled | None:
        """What the model said an unclear request means. Raises ``LedgerError`` if a newer version wrote it."""
        self._write_unwritten()
        text = self._redis.hget(self._journal, UNDERSTANDING)
        return _read(text) if text else None

    def write_results(self, turn: int, items: Sequence[JsonItem]) -> None:
        """Keep the results of a reply's tool calls."""
        text = codec.pack({"items": list(items)})
        self._put(self._write, self._journal, {f"{RESULTS}{turn}": text})

    def write_compaction(self, turn: int, items: Sequence[JsonItem], usage: Usage) -> None:
        """Keep the history that replaces everything before the request of ``turn``, and what making it cost."""
        self._keep(f"{COMPACTION}{turn}", items, usage)

    def audit(self, action: Action, **fields: object) -> None:
        """Add an entry about this task to the audit log."""
        audit(self._redis, action, task=self._claim.task_id, **fields)

    def count_sandbox(self, backend: str) -> None:
        """A sandbox was opened for this task."""
        count(self._redis, [Increment(SANDBOX_STARTS, backend)])

    def compactions(self) -> dict[int, Journalled]:
        """The histories that replaced others, by turn. Raises ``LedgerError`` if a newer version wrote them."""
        self._write_unwritten()
        texts = _numbered(self._redis.hgetall(self._journal), COMPACTION)
        return {turn: _read(text) for turn, text in texts.items()}

    def take_messages(self, turn: int, kind: TaskKind) -> tuple[Message, ...]:
        """Read what people said since the last turn, once: it leaves the mailbox and is part of this turn from now on.

        ``kind``: of the task that runs; it leaves what it cannot do.
        """
        if not (ids := [message.id for message in self._waiting(kind)]):
            return ()
        script_keys = [
            keys.record(self._claim.task_id),
            self._journal,
            keys.mailbox(self._thread),
            keys.UNREAD,
        ]
        args = [self._claim.token, f"{MESSAGES}{turn}", self._thread, *ids]
        return _read_messages(fenced(self._take, script_keys, args))

    def messages(self) -> dict[int, tuple[Message, ...]]:
        """What was read before each turn. Raises ``LedgerError`` if a newer version wrote it."""
        texts = _numbered(self._redis.hgetall(self._journal), MESSAGES)
        return {turn: _read_messages(text) for turn, text in texts.items()}

    def is_asked_for_more(self, kind: TaskKind) -> bool:
        """Whether a person addressed this task since its last turn."""
        return any(message.mention for message in self._waiting(kind))

    def is_given_more(self, kind: TaskKind) -> bool:
        """Whether a person changed the limits since its last turn."""
        asks = [message.task.ask for message in self._waiting(kind)]
        return any(ask.max_dollars or ask.max_minutes for ask in asks)

    def _waiting(self, kind: TaskKind) -> list[Message]:
        mailbox = self._redis.hgetall(keys.mailbox(self._thread)) if self._thread else {}
        return [message for message in decode_messages(mailbox) if message.steers(kind)]

    def save_checkpoint(self, turn: int, data: bytes) -> None:
        """Keep the worktree as it is after a turn, in place of the checkpoint before."""
        fields = {"turn": str(turn), "data": base64.b64encode(data).decode()}
        self._put(self._write, self._checkpoint, fields)

    def checkpoint(self) -> tuple[int, bytes] | None:
        """The turn and the worktree of the last checkpoint."""
        turn, data = self._redis.hmget(self._checkpoint, "turn", "data")
        return (int(turn), base64.b64decode(data)) if turn and data else None

    def keep_images(self, urls: Sequence[str]) -> None:
        """Keep the images that the model gets, so that another worker sends the same ones, until the task ends."""
        self._put(self._write, self._checkpoint, {"images": json.dumps(list(urls))})

    def images(self) -> tuple[str, ...]:
        """Those images, as "data:" URLs."""
        return tuple(json.loads(self._redis.hget(self._checkpoint, "images") or "[]"))

    def keep_checked_change(self, work: CheckedChange, pack: bytes) -> None:
        """Keep a checked change before it is pushed. ``pack`` has the objects that its base does not have."""
        fields = {"work": codec.pack({"checked": asdict(work)}), "pack": base64.b64encode(pack).decode()}
        self._put(self._write, self._work, fields)

    def checked_change(self, earlier: str = "") -> tuple[CheckedChange, bytes] | None:
        """The checked change and its pack of this task, or of the ``earlier`` one that this task publishes.

        Raises ``LedgerError`` if it cannot be read.
        """
        fields = self._redis.hgetall(self._work)
        if not fields and earlier:
            fields = self._redis.hgetall(keys.checked_change(earlier))
        if not fields:
            return None
        stored = unpack("checked change", fields["work"])
        return stored.decode(CheckedChange, stored.data.get("checked")), base64.b64decode(fields["pack"])

    def _keep(self, field: str, items: Sequence[JsonItem], usage: Usage) -> None:
        """Write what was paid for. It is progress: the attempts are counted from here.

        It is on this machine's disk until Redis has it, since Redis may be away and this process may be killed.
        """
        text = codec.pack({"items": list(items), "usage": asdict(usage)})
        if self._replies:
            self._replies.keep(field, text)
        try:
            self._put(self._write_progress, self._journal, {field: text})
        except LeaseLost:
            self._forget(field)  # another worker has the task, and writes replies of its own
            raise
        self._forget(field)
        count_usage(self._redis, usage)

    def _forget(self, field: str) -> None:
        if self._replies:
            self._replies.written(field)

    def _write_unwritten(self) -> None:
        """Write what an earlier process on this machine could not write, unless another worker did it meanwhile.

        A machine without power leaves files that are not complete: they are deleted. Raises ``NewerRecord``.
        """
        if self._replies is None:
            return
        for field, text in self._replies.found():
            if _is_readable(text) and not self._redis.hexists(self._journal, field):
                self._put(self._write_progress, self._journal, {field: text})
            self._replies.written(field)

    def _put(self, script: Script, key: str, fields: Mapping[str, str]) -> None:
        pairs = [part for pair in fields.items() for part in pair]
        fenced(script, [keys.record(self._claim.task_id), key], [self._claim.token, *pairs])


def reviews_read(redis: TextRedis, task_id: str) -> tuple[tuple[int, int], ...]:
    """The reviews that a task read while it ran, each with its pull request's number. Raises ``LedgerError`` if a newer version wrote its journal."""
    texts = _numbered(redis.hgetall(keys.journal(task_id)), MESSAGES)
    tasks = [message.task for text in texts.values() for message in _read_messages(text)]
    return tuple((task.number, task.ask.review) for task in tasks if task.ask.review)


def has_checked_change(redis: TextRedis, task_id: str) -> bool:
    """Whether a task left a checked change, which is kept until its record is deleted."""
    return bool(redis.exists(keys.checked_change(task_id)))


def usage_so_far(redis: TextRedis, task_id: str) -> Usage:
    """What a task has cost so far. Raises ``LedgerError`` if a newer version wrote its journal."""
    fields = _read_fields(redis, task_id)
    first = [_read(fields[UNDERSTANDING]).usage] if UNDERSTANDING in fields else []
    usages = [(turn, 0, _read(text).usage) for turn, text in _numbered(fields, COMPACTION).items()]
    usages += [(turn, 1, _read(text).usage) for turn, text in _numbered(fields, REPLY).items()]
    return total([*first, *(usage for *_, usage in sorted(usages, key=lambda entry: entry[:2]))])


def compress_journal(redis: TextRedis, task_id: str) -> None:
    """Replace the journal of a task that is over by a compressed copy, which ``usage_so_far`` reads too."""
    key = keys.journal(task_id)
    fields = redis.hgetall(key)
    if not fields or ARCHIVE in fields:
        return
    archive = base64.b64encode(zlib.compress(json.dumps(fields, ensure_ascii=False).encode())).decode()
    with redis.pipeline() as pipe:
        pipe.hset(key, ARCHIVE, archive).hdel(key, *fields)  # it expires as before
        pipe.execute()


def _read_fields(redis: TextRedis, task_id: str) -> dict[str, str]:
    fields: dict[str, str] = redis.hgetall(keys.journal(task_id))
    if ARCHIVE in fields:
        fields |= json.loads(zlib.decompress(base64.b64decode(fields.pop(ARCHIVE))))
    return fields


class UnwrittenReplies:
    """Replies of one task on this machine's disk, each under its journal's field until Redis has it."""

    def __init__(self, folder: Path, task_id: str) -> None:
        self.folder = folder
        self.task_id = task_id

    def keep(self, field: str, text: str) -> None:
        """Keep a reply. A disk that is full is no failure: Redis usually answers."""
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = self._path(field).with_suffix(".part")
            part.touch(mode=0o600)
            part.write_text(text, encoding="utf-8")
            part.rename(self._path(field))

    def found(self) -> list[tuple[str, str]]:
        """The fields of earlier processes. Those of other tasks that nobody came back for in days are deleted."""
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.name.startswith(f"{self.task_id}_"):
                continue
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - FORGOTTEN_SECONDS:
                    path.unlink()
        paths = sorted(self.folder.glob(f"{self.task_id}_*{KEPT_SUFFIX}"))
        return [
            (path.stem.removeprefix(f"{self.task_id}_"), path.read_text(encoding="utf-8", errors="replace"))
            for path in paths
        ]

    def written(self, field: str) -> None:
        with suppress(OSError):
            self._path(field).unlink(missing_ok=True)

    def _path(self, field: str) -> Path:
        return self.folder / f"{self.task_id}_{field}{KEPT_SUFFIX}"


def _numbered(fields: Mapping[str, str], prefix: str) -> dict[int, str]:
    """The fields of one kind, by turn."""
    return {int(name.removeprefix(prefix)): text for name, text in fields.items() if name.startswith(prefix)}


def _read(text: str) -> Journalled:
    return unpack("journal entry", text).decode(Journalled)


def _is_readable(text: str) -> bool:
    """Whether it is a whole reply. Raises ``NewerRecord``."""
    try:
        _read(text)
    except NewerRecord:
        raise
    except LedgerError:
        return False
    return True


def _read_messages(text: str | None) -> tuple[Message, ...]:
    texts = unpack("journal entry", text).decode(_Messages).messages if text else ()
    return tuple(decode_message(one) for one in texts)


def _read_results(text: str) -> tuple[JsonItem, ...]:
    stored = unpack("journal entry", text)
    if not stored.version:  # a list without a version
        return stored.decode(tuple[JsonItem, ...])
    return stored.decode(_Results).items
