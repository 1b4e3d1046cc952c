"""Tells people early that two pull requests of ours cannot both be merged."""

from __future__ import annotations

from collections.abc import Iterable

from dayhand.errors import HubError, HubUnavailable
from dayhand.hub.models import Pull
from dayhand.hub.repository import RepositoryHub
from dayhand.publish.wording import comment
from dayhand.task import Conflict, Task


def tell_conflicts(hub: RepositoryHub, task: Task, pull: Pull, *, conflicts: Iterable[Conflict]) -> str:
    """Comment where each open sibling was asked for, if somebody else did; returns the same for the task's own comment.

    What GitHub refuses there decides nothing. Raises ``HubUnavailable``.
    """
    texts = []
    for conflict in conflicts:
        sibling = conflict.sibling
        try:
            other = hub.pull(sibling.pull)
            if other.state != "open":
                continue
            if sibling.asker != task.ask.asker:
                text = comment.conflicts_with_later(sibling, pull, asker=task.ask.asker, paths=conflict.paths)
                hub.comment(sibling.number, text, marker=f"conflict:{pull.number}")
        except HubUnavailable:
            raise
        except HubError:
            continue
        texts.append(comment.conflicts_with_earlier(other, conflict.paths))
    return "".join(f"\n\n{text}" for text in texts)
