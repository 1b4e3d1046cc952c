"""A thread: an issue with the pull request that came of it, its one unfinished task, and the messages for that task.

What is asked while a task runs goes into the thread's mailbox. The task reads it before the model's next turn; what is
left at its end becomes the thread's next task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from dayhand.errors import NewerRecord
from dayhand.ledger import keys, scripts
from dayhand.ledger.codec import encode_task, pack, unpack
from dayhand.ledger.keys import TextRedis
from dayhand.ledger.waiting.turns import encode_turn
from dayhand.startup.records import dataclass
from dayhand.task import Task, TaskKind

MAX_MESSAGES = 50  # unread ones of a thread
STEERING = (
    TaskKind.FIX,
    TaskKind.FOLLOW_UP,
    TaskKind.QUESTION,
    TaskKind.UNCLEAR,
)  # what the model of a running task can read; others wait for their turn


@dataclass(frozen=True, slots=True)
class Message:
    """What a person said while a task of the thread was unfinished."""

    task: Task  # that is opened for it if no task reads it
    mention: bool  # False: a comment that does not address the App, which starts nothing by itself
    permission: str = "write"  # of its author, as GitHub names it

    @property
    def id(self) -> str:
        """The comment's, so that an edited comment replaces itself while nobody has read it."""
        return f"comment-{self.task.ask.comment}" if self.task.ask.comment else self.task.id

    def steers(self, running: TaskKind) -> bool:
        """Whether the model of a running task of this kind can read it: one that answers a question changes nothing."""
        kind = self.task.ask.kind
        only_words = running in (TaskKind.QUESTION, TaskKind.PLAN)
        return kind is TaskKind.QUESTION if only_words else kind in STEERING

    def encode(self) -> str:
        return pack({"message": asdict(self)})


def decode_message(text: str) -> Message:
    """Read a message back. Raises ``LedgerError`` if it is none, or if a newer version wrote it."""
    stored = unpack("message", text)
    return stored.decode(Message, stored.data.get("message"))


@dataclass(frozen=True, slots=True)
class Thread:
    """What the ledger knows about one thread."""

    key: str
    task: str  # the unfinished one; "" for none
    last: str  # the task that was opened last; "" for none
    pull: int  # the number of our pull request; 0 for none
    branch: str  # of that pull request
    unread: tuple[Message, ...]  # the oldest first


@dataclass(frozen=True, slots=True)
class Threads:
    """The threads of one Redis."""

    redis: TextRedis
    clock: Callable[[], float]

    def find_key(self, repository_id: int, number: int) -> str:
        """The key of the thread that an issue or pull request belongs to; one of ours belongs to its issue's thread."""
        own = f"{repository_id}#{number}"
        return str(self.redis.get(keys.thread_of(own)) or own)

    def of_task(self, task_id: str) -> str:
        """The key of the task's thread; "" if an older version opened the task."""
        return str(self.redis.hget(keys.record(task_id), "thread") or "")

    def find(self, key: str) -> Thread:
        """Raises ``LedgerError`` if a message cannot be read."""
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.thread(key)).hgetall(keys.mailbox(key))
            fields, mailbox = pipe.execute()
        task = fields.get("task", "")
        return Thread(
            key,
            task if task and self.redis.sismember(keys.UNFINISHED, task) else "",
            fields.get("last", ""),
            int(fields.get("pull", 0)),
            fields.get("branch", ""),
            decode_messages(mailbox),
        )

    def post_message(self, key: str, message: Message) -> bool:
        """Keep what a person said for the thread's unfinished task; False if there is none, or too much waits for it.

        What asks for something goes through ``Ledger.open`` instead, which opens a task if there is none.
        """
        script_keys = [keys.thread(key), keys.mailbox(key), keys.UNFINISHED, keys.UNREAD]
        args = [key, message.id, message.encode(), MAX_MESSAGES]
        return bool(self._run(scripts.POST, script_keys, args))

    def open_from_mailboxes(self) -> list[str]:
        """Open the next task of each thread whose task ended before it read everything; returns the tasks' ids.

        Comments that do not address the App are dropped: GitHub keeps them. A thread with a message that only a newer
        version can read is left to a process of that version.
        """
        opened = []
        for key in sorted(self.redis.smembers(keys.UNREAD)):
            with suppress(NewerRecord):
                opened.append(self._open_next(key))
        return [task for task in opened if task]

    def _open_next(self, key: str) -> str:
        thread = self.find(key)
        if thread.task:
            return ""
        first = next((message for message in thread.unread if message.mention), None)
        if first is None:
            script_keys = [keys.thread(key), keys.mailbox(key), keys.UNFINISHED, keys.UNREAD]
            self._run(scripts.DISCARD, script_keys, [key, *(message.id for message in thread.unread)])
            return ""
        task = first.task
        script_keys = [
            keys.thread(key),
            keys.mailbox(key),
            keys.record(task.id),
            keys.TASKS,
            keys.UNFINISHED,
            keys.UNREAD,
        ]
        args = [first.id, task.id, encode_task(task), self.clock(), keys.KEPT_SECONDS, key, encode_turn(task)]
        return task.id if self._run(scripts.OPEN_FROM_MAILBOX, script_keys, args) else ""

    def _run(self, script: str, script_keys: list[str], args: list[Any]) -> Any:
        return self.redis.register_script(script)(keys=script_keys, args=args)


def decode_messages(mailbox: Mapping[str, str]) -> tuple[Message, ...]:
    """The messages of a mailbox, the oldest first. Raises ``LedgerError`` if one cannot be read."""
    messages = (decode_message(text) for text in mailbox.values())
    return tuple(sorted(messages, key=lambda message: (message.task.created_at, message.id)))
