"""What came of it, read where people see it: on the local GitHub, in the model's log of replies, and in the ledger."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dayhand.bench.chaos.model import DEAD, ReplyTime
from dayhand.bench.chaos.strikes import WORKERS, Strike
from dayhand.ledger.ledger import Record
from dayhand.localhub.state.models import App, Issue, Repository
from dayhand.task import State

MARKER = re.compile(r"<!-- dayhand:(\S+) -->\s*\Z")
ARRIVING_SECONDS = 1.0  # from the last byte of a reply to its place in the journal, on a busy machine
SUCCESS = "success"


@dataclass(frozen=True, slots=True)
class Case:
    """One issue that was labelled."""

    number: int
    repo: Repository
    issue: Issue


def doubled(case: Case, app: App, records: Sequence[Record]) -> list[str]:
    """Every effect that is there more than once."""
    repo, number = case.repo, case.issue.number
    markers = [MARKER.search(one.body) for one in case.issue.comments if one.user is app.bot]
    pulls = [one for one in repo.pulls() if one.pull and _is_of(one.pull.head, number)]
    heads = {one.pull.head_sha for one in pulls if one.pull}
    tasks = {record.task.id for record in records}
    checks = [run for run in repo.checks.values() if run.external_id in tasks]
    branches = repo.store.branches()
    commits = [
        line for head in heads for line in repo.store.git("rev-list", head, f"^{branches['main']}").split()
    ]
    effects = [
        *(f"comment {marker.group(1) if marker else 'without a marker'}" for marker in markers),
        *("pull request" for _ in pulls),
        *(f"check run on {run.suite.sha[:8]}" for run in checks),
        *(f"reaction {one.content} of {one.user.login}" for one in case.issue.reactions),
        *("branch" for name in branches if _is_of(name, number)),
        *("commit" for _ in commits),
        *("task" for _ in tasks),
        *(f"review request to {one.login}" for pull in pulls if pull.pull for one in pull.pull.reviewers),
    ]
    return [f"{name}, {count} times" for name, count in Counter(effects).items() for _ in range(count - 1)]


def in_progress(case: Case, records: Sequence[Record]) -> list[str]:
    """The check runs that never ended."""
    tasks = {record.task.id for record in records}
    runs = [run for run in case.repo.checks.values() if run.external_id in tasks]
    return [f"check run on {run.suite.sha[:8]}" for run in runs if run.status != "completed"]


def false_stories(case: Case, app: App, records: Sequence[Record]) -> list[str]:
    """What people read that is not what happened: nothing that was struck is a task's own failure."""
    told = [
        f"the task ended as {record.state}: {record.reason}"
        for record in records
        if record.state not in (State.PROPOSED, State.QUEUED, State.RUNNING)
    ]
    if any(record.state is not State.PROPOSED for record in records):
        return told
    for pull in case.repo.pulls():
        if pull.pull and _is_of(pull.pull.head, case.issue.number):
            runs = [run for run in case.repo.checks.values() if run.suite.sha == pull.pull.head_sha]
            told += [
                f"the check run ended as {run.conclusion}: {run.title}"
                for run in runs
                if run.conclusion != SUCCESS and run.status == "completed"
            ]
            told += ["the pull request is a draft still"] if pull.pull.draft else []
            told += [f"the pull request is {pull.state}"] if pull.state != "open" else []
    comments = [one.body for one in case.issue.comments if one.user is app.bot]
    return told + [f"the comment says: {body[:80]}" for body in comments if "is ready for review" not in body]


def repeated_turns(
    replies: Mapping[tuple[int, int], Sequence[ReplyTime]], strikes: Sequence[Strike]
) -> tuple[list[str], list[str]]:
    """The turns that were paid for again without need, and those that were in flight when their own process was struck.

    ``replies``: by case and turn.
    """
    repeated, in_flight = list[str](), list[str]()
    for (case, turn), times in sorted(replies.items()):
        ordered = sorted(times, key=lambda one: one.ended)
        for reply, again in pairwise(ordered):
            turn_name = f"case {case}, turn {turn}"
            if hits := [strike for strike in strikes if _was_in_flight(reply, strike)]:
                in_flight.append(f"{turn_name}: {_moment(reply, hits[0])}")
            else:
                repeated.append(f"{turn_name}: {_story(reply, again, strikes)}")
    return repeated, in_flight


def _was_in_flight(reply: ReplyTime, strike: Strike) -> bool:
    """Whether a strike hit the process that waited for a reply, or had just received it."""
    if strike.target not in WORKERS or strike.how == "stopped" or reply.pid not in {*strike.pids, DEAD}:
        return False
    return strike.began <= reply.ended + ARRIVING_SECONDS and reply.began <= strike.ended


def _story(reply: ReplyTime, again: ReplyTime, strikes: Sequence[Strike]) -> str:
    """What happened between a reply and the same reply once more, in seconds after the first one."""
    between = [
        f"{_moment(reply, strike)} for {strike.ended - strike.began:.1f}"
        for strike in strikes
        if reply.began - 20 <= strike.ended and strike.began <= again.began
    ]
    return f"again at {again.began - reply.ended:+.1f}; {', '.join(between)}"


def _moment(reply: ReplyTime, strike: Strike) -> str:
    """A strike, in seconds after the last byte of a reply."""
    return f"{strike.target} {strike.how} at {strike.began - reply.ended:+.1f}"


def _is_of(branch: str, number: int) -> bool:
    return bool(re.match(rf"dayhand/{number}-", branch))
