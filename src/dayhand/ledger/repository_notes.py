"""What is kept about each repository: its last examination, the heads that people accepted, and their pushes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict

from dayhand.errors import LedgerError
from dayhand.ledger import facts, keys, scripts
from dayhand.ledger.codec import decode_outcome, encode_outcome, pack, unpack
from dayhand.ledger.ledger import Claim, Ledger, fenced
from dayhand.startup.records import dataclass
from dayhand.task import Blocked, Examined, Sibling

EXAMINATION = "outcome"
MAX_SIBLINGS = 50  # of a repository, the newest


@dataclass(frozen=True, slots=True)
class RepositoryNotes:
    """Where a claimed task writes what it learned about its repository."""

    ledger: Ledger
    claim: Claim
    repository: str

    def keep_blocked(self, blocked: tuple[Blocked, ...]) -> None:
        """Replace the blocked hosts of the task. Raises ``LeaseLost``."""
        self.claim.facts.put(facts.BLOCKED, blocked)

    def keep_examination(self, examination: Examined) -> None:
        """Replace the examination of the repository. Raises ``LeaseLost``."""
        self._write(keys.examined(self.repository), EXAMINATION, encode_outcome(examination))

    def allowed_hosts(self) -> tuple[str, ...]:
        """The hosts that people allowed for the task's thread."""
        thread = self.ledger.threads.of_task(self.claim.task_id)
        return tuple(sorted(self.ledger.redis.smembers(keys.thread_hosts(thread))))

    def keep_plan(self, plan: str) -> None:
        """Keep a plan until a person approves it, in place of the thread's last one."""
        thread = self.ledger.threads.of_task(self.claim.task_id)
        self.ledger.redis.set(keys.thread_plan(thread), plan, ex=keys.KEPT_SECONDS)

    def keep_question(self) -> None:
        """Keep that the task asked a person what to build: a thread is asked once."""
        thread = self.ledger.threads.of_task(self.claim.task_id)
        self.ledger.redis.set(keys.thread_question(thread), self.claim.task_id, ex=keys.KEPT_SECONDS)

    def questioned_by(self) -> str:
        """The task of the thread that asked a person what to build; "" if none did."""
        thread = self.ledger.threads.of_task(self.claim.task_id)
        return self.ledger.redis.get(keys.thread_question(thread)) or ""

    def keep_sibling(self, pushed: Sibling) -> None:
        """Keep what was pushed to a pull request, so that later pushes are compared with it. Raises ``LeaseLost``."""
        key = keys.siblings(self.repository)
        self._write(key, str(pushed.pull), pack({"sibling": asdict(pushed)}))
        if outdated := sorted(self.ledger.redis.hkeys(key), key=int)[:-MAX_SIBLINGS]:
            self.ledger.redis.hdel(key, *outdated)
        self.ledger.redis.expire(key, keys.KEPT_SECONDS)

    def siblings(self) -> tuple[Sibling, ...]:
        """What was pushed to our pull requests of the repository; some may be closed since."""
        found = []
        for text in self.ledger.redis.hvals(keys.siblings(self.repository)):
            with suppress(LedgerError):  # a newer version wrote it
                stored = unpack("pull request", text)
                found.append(stored.decode(Sibling, stored.data.get("sibling")))
        return tuple(sorted(found, key=lambda sibling: sibling.pull))

    def _write(self, key: str, field: str, text: str) -> None:
        script = self.ledger.redis.register_script(scripts.WRITE)
        fenced(script, [keys.record(self.claim.task_id), key], [self.claim.token, field, text])


def last_examination(ledger: Ledger, repository: str) -> Examined | None:
    """The last examination; None if there is none, or none that this version can read."""
    text = ledger.redis.hget(keys.examined(repository), EXAMINATION)
    try:
        examination = decode_outcome(text) if text else None
    except LedgerError:
        return None
    return examination if isinstance(examination, Examined) else None


def allow_host(ledger: Ledger, thread: str, host: str) -> None:
    """Keep that a person with write access lets set-up of this thread's tasks reach a host."""
    with ledger.redis.pipeline() as pipe:
        pipe.sadd(keys.thread_hosts(thread), host)
        pipe.expire(keys.thread_hosts(thread), keys.KEPT_SECONDS)
        pipe.execute()


def waiting_plan(ledger: Ledger, thread: str) -> str:
    """The plan of a thread that nobody has approved yet; "" if there is none."""
    return ledger.redis.get(keys.thread_plan(thread)) or ""


def forget_plan(ledger: Ledger, thread: str) -> None:
    ledger.redis.delete(keys.thread_plan(thread))


def accept_head(ledger: Ledger, repository: str, commit: str, *, login: str) -> None:
    """Keep that a person with write access accepted exactly this commit, whose set-up may then use the network."""
    ledger.redis.set(keys.accepted(repository, commit), login, ex=keys.KEPT_SECONDS)


def head_is_accepted(ledger: Ledger, repository: str, commit: str) -> bool:
    return ledger.redis.get(keys.accepted(repository, commit)) is not None


def record_push(ledger: Ledger, repository: str, head: str, *, commits: Iterable[str], login: str) -> None:
    """Keep who pushed these commits, unless somebody pushed them before, and who made ``head`` a branch's head.

    ``login`` is "" for a program. Whether a person has write access is asked when it matters.
    """
    with ledger.redis.pipeline(transaction=False) as pipe:
        for commit in commits:
            pipe.set(keys.pushed(repository, commit), login, nx=True, ex=keys.KEPT_SECONDS)
        pipe.set(keys.pushed_head(repository, head), login, nx=True, ex=keys.KEPT_SECONDS)
        pipe.execute()


def who_pushed(ledger: Ledger, repository: str, commit: str) -> str:
    """The person who pushed a commit first; "" for a program, or if it is not known."""
    return ledger.redis.get(keys.pushed(repository, commit)) or ""


def who_pushed_head(ledger: Ledger, repository: str, commit: str) -> str:
    """The person who first made a commit a branch's head; "" for a program, or if it is not known."""
    return ledger.redis.get(keys.pushed_head(repository, commit)) or ""


def record_withdrawal(ledger: Ledger, repository_id: int, number: int, *, at: str) -> None:
    """Remember when an issue's label was removed, the issue closed or its task stopped: deliveries can arrive in any order."""
    ledger.redis.set(keys.withdrawn(repository_id, number), at, ex=keys.DELIVERY_SECONDS)


def withdrawn_since(ledger: Ledger, repository_id: int, number: int, *, at: str) -> bool:
    """Whether that happened after ``at``; no, if that time is not known."""
    return "" < at < (ledger.redis.get(keys.withdrawn(repository_id, number)) or "")


def record_installation(ledger: Ledger, installation: int, repositories: Iterable[str]) -> None:
    """Remember that the App is installed on repositories: what is kept about them stays."""
    with ledger.redis.pipeline() as pipe:
        for repository in repositories:
            pipe.hset(keys.INSTALLED, repository, installation).zrem(keys.REMOVED, repository)
        pipe.execute()


def record_use(ledger: Ledger, installation: int, repository: str) -> None:
    """Remember where a request came from: the App may have been installed there before it told us."""
    ledger.redis.hset(keys.INSTALLED, repository, installation)


def record_removal(ledger: Ledger, installation: int, repositories: Iterable[str]) -> None:
    """Remember when the App was removed, unless a later installation has the repository: deliveries come in any order."""
    names = list(repositories)
    known = ledger.redis.hmget(keys.INSTALLED, names) if names else []
    for repository, later in zip(names, known, strict=True):
        if int(later or 0) <= installation:
            ledger.redis.zadd(keys.REMOVED, {repository: ledger.clock()})


def removed_before(ledger: Ledger, before: float) -> dict[str, float]:
    """The repositories that the App was removed from before a time, with when."""
    return dict(ledger.redis.zrangebyscore(keys.REMOVED, "-inf", before, withscores=True))


def installed_again(ledger: Ledger, repository: str) -> None:
    """A repository has a task that is newer than its removal: keep everything about it."""
    ledger.redis.zrem(keys.REMOVED, repository)


def forget_repository(ledger: Ledger, repository: str) -> None:
    """Delete the notes about a repository, and that it was removed."""
    notes = [keys.examined(repository), keys.reconciled(repository)]
    for make in (keys.accepted, keys.pushed, keys.pushed_head):
        notes += ledger.redis.scan_iter(match=make(repository, "*"), count=1000)
    with ledger.redis.pipeline() as pipe:
        pipe.delete(*notes).hdel(keys.INSTALLED, repository).zrem(keys.REMOVED, repository)
        pipe.zrem(keys.RECONCILED, repository)
        pipe.execute()
