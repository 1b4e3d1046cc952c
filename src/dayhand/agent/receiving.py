"""Receives one reply of the model, and keeps it before anything waits for Redis or GitHub."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from redis.exceptions import RedisError

from dayhand.agent.model.base import Listener, Reply
from dayhand.agent.model.items import ParagraphWriter
from dayhand.background import Background
from dayhand.ledger.log import TaskLog


def receive(
    ask: Callable[..., Reply],
    log: TaskLog,
    *,
    keep: Callable[[Reply], object],
    on_wait: Callable[[], object] = bool,
    meanwhile: Callable[[], object] = bool,
    in_background: Callable[[], object] = bool,
) -> Reply:
    """``ask`` for a reply, log its text as it arrives, and look about once a second whether the task was stopped.

    Redis and GitHub may be silent meanwhile, and this process may be killed. So the log is written by another thread,
    which calls ``meanwhile`` once and ``in_background`` every second, and this one only reads the reply and calls ``keep``
    with it. ``on_wait`` is called about once a second, and may raise to end the reply. Raises what ``ask``, ``keep``,
    ``meanwhile`` and the log raise.
    """
    with Background() as background:
        background.begin(meanwhile)

        def write(kind: str, text: str) -> None:
            background.begin(partial(_if_possible, partial(log.line, kind, text)))

        def look() -> None:
            _if_possible(partial(log.check, in_reply=True))
            _if_possible(in_background)

        def wait() -> None:
            background.check()
            if background.idle:
                background.begin(look)
            on_wait()

        def on_fault(fault: str) -> None:
            text.flush()  # of half a reply: the next attempt starts from the beginning
            write("error", fault)

        text = ParagraphWriter(partial(write, "model"))
        reply = ask(listener=Listener(text.feed, on_fault, wait, keep))
        text.flush()
    return reply


def _if_possible(call: Callable[[], object]) -> None:
    """While Redis is away, a line of the log is lost, and the reply that is under way is not."""
    with suppress(RedisError):
        call()
