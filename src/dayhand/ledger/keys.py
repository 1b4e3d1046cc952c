"""The keys of everything that Dayhand keeps in Redis."""

from __future__ import annotations

import hashlib
from typing import Any, TypeAlias

# A client with decode_responses=True. redis-py's own types allow both bytes and text, whichever was chosen.
TextRedis: TypeAlias = Any

DELIVERY_SECONDS = 8 * 24 * 3600  # GitHub can redeliver for three days (seven on GitHub Enterprise)
KEPT_SECONDS = 90 * 24 * 3600  # for a finished task, with its log and journal

TASKS = "dayhand:tasks"  # sorted set: ids by time of creation
UNFINISHED = "dayhand:unfinished"  # set of ids
WAITING = "dayhand:waiting"  # hash: id → the class, the person and so on of an unfinished task; and the prefix of their index
TURNS = "dayhand:turns"  # what an older version wrote instead
HELD = "dayhand:held"  # set: ids of tasks that a worker claimed, while their lease lasts
DURATIONS = (
    "dayhand:durations"  # list: how many seconds the last tasks took from their first claim, the newest first
)
SHORTAGES = (
    "dayhand:shortages"  # sorted set: machines that take no task, with the reason, by when that is outdated
)
TOLD = "dayhand:told-to-wait"  # set: ids of tasks whose comment says that they wait
LOOKED_FOR_WAITING = "dayhand:looked-for-waiting"  # expires when it is time to look again
MAX_RUNNING = "dayhand:max-running"  # how many tasks of an installation run at once; 0: any number
SERVED = "dayhand:served"  # sorted set: people and repositories by when a task of theirs was claimed
BEAT = "dayhand:beat"  # when a janitor last looked, in milliseconds of Redis's clock
AFTER_OUTAGE = "dayhand:after-outage"  # exists for a while after nobody could look
ENDED = "dayhand:ended"  # hash: the number of tasks that ended in each state
UNREAD = "dayhand:unread"  # set: the threads with messages that nobody has read
INBOX = "dayhand:inbox"  # sorted set: GUIDs of deliveries that nobody handled yet, by when they are due (milliseconds), less for the more urgent
INBOX_HELD = "dayhand:inbox-held"  # hash: GUID → the dispatcher that holds it
READ_UNTIL = "dayhand:deliveries-read-until"  # in GitHub's list: seconds since the epoch
FINISHED_BYTES = "dayhand:finished-bytes"  # hash: what each finished task takes
FINISHED_TOTAL = "dayhand:finished-total"  # bytes of all of them
COUNTED = "dayhand:counted"  # expires when it is time to add them up again
TIDIED = "dayhand:tidied"  # expires when it is time to tidy up again
READY = "dayhand:ready"  # only written, to see whether Redis takes it
LOOKED = "dayhand:looked-for-missed"  # expires when it is time to look again
LOOKED_AROUND = "dayhand:looked-around"  # expires when it is time to look at repositories again
RECONCILED = "dayhand:reconciled"  # sorted set: repositories by when they were looked at
NOTIFICATIONS = "dayhand:notifications"  # sorted set: JSON by when it is due (seconds)
NOTIFYING = "dayhand:notifying"  # expires when it is time to look again
AUDIT = "dayhand:audit"  # stream: the audit log
COUNTERS = "dayhand:counters"  # hash: what ``/metrics`` reports
GITHUB_LEFT = "dayhand:github-left"  # hash: installation → what its last response said about GitHub's limit
GITHUB_REJECTS = (
    "dayhand:github-rejects"  # hash: the App's key or an installation → since when it is refused, and why
)
INSTALLED = "dayhand:installed"  # hash: repository → the installation that was last heard of
REMOVED = "dayhand:removed"  # sorted set: repositories that the App was removed from, by when
INBOX_BYTES = "dayhand:inbox-bytes"  # of the bodies, as stored


def record(task_id: str) -> str:
    return f"dayhand:task:{task_id}"


def facts(task_id: str) -> str:
    return f"dayhand:facts:{task_id}"


def lease(task_id: str) -> str:
    return f"dayhand:lease:{task_id}"


def log(task_id: str) -> str:
    return f"dayhand:log:{task_id}"


def log_parts(task_id: str) -> str:
    """A hash: a part of the log of a task that is over, compressed, by its first line."""
    return f"dayhand:log-parts:{task_id}"


def log_archive(task_id: str) -> str:
    """What an older version wrote instead of the parts: all of the log."""
    return f"dayhand:log-archive:{task_id}"


def journal(task_id: str) -> str:
    return f"dayhand:journal:{task_id}"


def checkpoint(task_id: str) -> str:
    return f"dayhand:checkpoint:{task_id}"


def checked_change(task_id: str) -> str:
    return f"dayhand:checked-change:{task_id}"


def delivery(guid: str) -> str:
    return f"dayhand:delivery:{guid}"


def thread(key: str) -> str:
    return f"dayhand:thread:{key}"


def thread_of(key: str) -> str:
    return f"dayhand:thread-of:{key}"


def spent(day: str) -> str:
    return f"dayhand:spent:{day}"


def thread_plan(key: str) -> str:
    return f"dayhand:thread-plan:{key}"


def thread_question(key: str) -> str:
    return f"dayhand:thread-question:{key}"


def thread_hosts(key: str) -> str:
    return f"dayhand:thread-hosts:{key}"


def mailbox(key: str) -> str:
    return f"dayhand:mailbox:{key}"


def withdrawn(repository_id: int, number: int) -> str:
    return f"dayhand:withdrawn:{repository_id}#{number}"


def notified(task_id: str, outcome: str) -> str:
    return f"dayhand:notified:{task_id}:{outcome}"


def inbox(guid: str) -> str:
    return f"dayhand:inbox:{guid}"


def taken_up(request: str) -> str:
    return f"dayhand:taken-up:{request}"


def reconciled(repository: str) -> str:
    """A hash: how far its lists were read, in GitHub's seconds."""
    return f"dayhand:reconciled:{repository}"


def examined(repository: str) -> str:
    return f"dayhand:examined:{repository}"


def siblings(repository: str) -> str:
    return f"dayhand:siblings:{repository}"


def accepted(repository: str, commit: str) -> str:
    return f"dayhand:accepted:{repository}:{commit}"


def pushed(repository: str, commit: str) -> str:
    return f"dayhand:pushed:{repository}:{commit}"


def pushed_head(repository: str, commit: str) -> str:
    return f"dayhand:pushed-head:{repository}:{commit}"


def stop(task_id: str) -> str:
    return f"dayhand:stop:{task_id}"


def github(installation: int, part: str) -> str:
    """A part of what is counted for one installation."""
    return f"dayhand:github:{installation}:{part}"


def github_asked(name: str) -> str:
    """Exists while what GitHub rejects is not asked for again."""
    return f"dayhand:github-asked:{name}"


def github_secret(name: str) -> str:
    return f"dayhand:github-secret:{name}"


def missing_features(server: str, model: str) -> str:
    digest = hashlib.sha256(f"{server} {model}".encode()).hexdigest()
    return f"dayhand:lacks:{digest[:32]}"
