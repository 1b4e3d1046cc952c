"""Answers each thread of the review that asked, with the commit that settles it."""

from __future__ import annotations

from collections.abc import Callable

from dayhand.errors import HubError, HubUnavailable
from dayhand.hub.repository import RepositoryHub, hidden_marker
from dayhand.task import Task


def answer_threads(hub: RepositoryHub, task: Task, reply: Callable[[str], str]) -> None:
    """Reply once in each thread of the review; ``reply`` says what happened to the file. Raises ``HubUnavailable``.

    A thread that GitHub refuses (deleted meanwhile, or locked) is passed by: the task's comment says the same.
    """
    if not task.ask.review:
        return
    said, marker = hub.conversation(task.number), f"task:{task.id}"
    answered = {one.thread for one in said if one.ours and one.text.rstrip().endswith(hidden_marker(marker))}
    for one in said:
        if one.review == task.ask.review and one.thread == one.id and one.id not in answered:
            try:
                hub.reply_in_thread(
                    task.number, one.id, reply(one.place.rpartition(":")[0] or one.place), marker=marker
                )
            except HubUnavailable:
                raise
            except HubError:
                continue
