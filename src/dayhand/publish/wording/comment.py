"""The task's one comment on the issue, from the start to the end, and the reply to a refused request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from time import strftime, struct_time

from dayhand.errors import DayhandError, TaskStopped
from dayhand.hub.models import Pull
from dayhand.publish.base import ProposedChange
from dayhand.publish.markdown.escape import cap, code, title
from dayhand.publish.markdown.sanitize import line, prose
from dayhand.publish.wording.cost import SCRIPTED, spent, took_over
from dayhand.publish.wording.evidence import citation
from dayhand.publish.wording.held_back import NOTHING_PUSHED as NOTHING_PUSHED_YET
from dayhand.publish.wording.left_out import left_out_of_change
from dayhand.publish.wording.limits import finished_early, note, stopped
from dayhand.publish.wording.notes import too_large
from dayhand.publish.wording.pull_request import MAX_BYTES, questions
from dayhand.publish.wording.verification import MARKS, headline
from dayhand.task import LeftOut, Proof, Sibling, Solution, Task, TaskKind
from dayhand.usage import Usage
from dayhand.verification import Status, Verification

MERGE_ORDER = "whichever is merged second must be updated first."
MAX_CONFLICTING = 5  # files that are named
BLOCK = re.compile(r"- |\d+\. |> |\| |```|~~~")  # the list, quote, table or code that ``prose`` begins with
KEPT_COMMITS = "The commits pushed so far are kept."
KEPT_DRAFT = (
    "Someone else pushed to my branch, so the draft stays open. Before you merge it, remove its first commit: it is empty "
    "and tells CI to skip it."
)


def started(pull_url: str, task_url: str) -> str:
    return f"On it: [the pull request]({pull_url}) stays a draft until the repository's own checks have run. [Follow progress]({task_url})"


def continued(pull_url: str, task_url: str) -> str:
    return f"On it: I am adding to [the open pull request]({pull_url}). [Follow progress]({task_url})"


def started_anew(ended: str, base: str) -> str:
    """The thread's earlier pull request is merged or closed, and so gets no more commits."""
    return f"Pull request {ended}, so this starts anew from {code(base)}."


def queued(place: str, task_url: str, *, at: struct_time) -> str:
    """The task waits for a worker. ``place``: in sentences, as it was at a time in UTC."""
    return f"Queued. As of {strftime('%H:%M', at)} UTC: {place} [See where it stands now]({task_url})"


def stopped_while_queued(reason: str) -> str:
    return f"{prose(reason)} It had not begun, so nothing was changed."


def started_without_draft(task_url: str) -> str:
    """For a question: no draft is opened before the answer is known."""
    return f"On it. [Follow progress]({task_url})"


def proposed(
    task: Task, pull_url: str, verification: Verification, *, usage: Usage, pushed: bool = True
) -> str:
    """The pull request is finished: whether it is ready, the conclusion, and why it stays a draft if it does.

    ``pushed``: whether anything is, or all of the change is held back.
    """
    failed = verification.conclusion.status is Status.FAILURE
    state = "needs your attention" if failed else "is ready for review"
    limit = verification.limit_hit
    if limit and limit.exceeded:
        state = f"stays a draft for your decision: {stopped(limit)}"
    elif not pushed:
        state = f"stays a draft for your decision. {NOTHING_PUSHED_YET.removesuffix('.')}"
    elif verification.scope.too_large:
        state = f"stays a draft for your decision: {too_large(verification.scope)}"
    elif limit:
        state = f"{state}: {finished_early(limit)}"
    conclusion = f"{MARKS[verification.conclusion.status]} {headline(verification)}."
    scripted = f"\n\n{SCRIPTED}" if usage.scripted else ""
    return f"@{task.ask.asker} [The pull request]({pull_url}) {state}. {conclusion}{scripted}"


def proposed_on_closed(task: Task, pull_url: str, branch: str) -> str:
    """A person closed the pull request in the meantime."""
    return (
        f"@{task.ask.asker} [The pull request]({pull_url}) was closed while I was working. "
        f"My work is on the branch {code(branch)}: open or reopen a pull request to continue, or delete the branch."
    )


def commit_added(task: Task, body: str, *, pushed: bool = True) -> str:
    """A follow-up added a commit to an earlier pull request, or would if it were accepted; ``body`` reports on it."""
    if task.ask.kind is TaskKind.ACCEPT:
        opening = "I added the files that you accepted, and ran the checks again."
    elif pushed:
        opening = "I looked again and added a commit."
    else:
        opening = f"I looked again. {NOTHING_PUSHED_YET}"
    return cap(f"@{task.ask.asker} {opening}\n\n{body}", MAX_BYTES)


def conflicts_with_earlier(other: Pull, paths: Sequence[str]) -> str:
    """An open pull request of ours changes the same lines. ``paths``: where git cannot merge both."""
    return f"⚠️ This conflicts with [#{other.number}]({other.url}) in {_files(paths)}: {MERGE_ORDER}"


def conflicts_with_later(own: Sibling, later: Pull, *, asker: str, paths: Sequence[str]) -> str:
    """The same, for the person who asked for the earlier one."""
    return (
        f"@{own.asker} ⚠️ [#{later.number}]({later.url}), which {line(asker)} asked for, conflicts with #{own.pull} "
        f"in {_files(paths)}: {MERGE_ORDER}"
    )


def _files(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - MAX_CONFLICTING:,} more files" if len(paths) > MAX_CONFLICTING else ""
    return ", ".join(code(path) for path in paths[:MAX_CONFLICTING]) + more


def settled(path: str, proposed: ProposedChange, repository_url: str) -> str:
    """The reply in a thread of a review: the commit, and whether it changes the file of the thread."""
    if not proposed.pushed:
        return NOTHING_PUSHED_YET
    commit = f"[`{proposed.head[:8]}`]({repository_url}/commit/{proposed.head})"
    if path in proposed.change.paths:
        return f"{commit} changes this file: {title(proposed.solution.title)}"
    return f"{commit} does not change this file. My comment on the pull request says what it does."


def not_settled(answer_url: str) -> str:
    """The reply in a thread of a review that led to no change."""
    return f"I changed nothing. [My answer]({answer_url}) says why."


def answered(
    task: Task,
    solution: Solution,
    proofs: Iterable[Proof],
    *,
    repository_url: str,
    task_url: str,
    left_out: Sequence[LeftOut] = (),
    last: str = "",
) -> str:
    """An answer with its citations; for a fix that needed no change, the reason. ``last``: what comes before the bill."""
    changed = "I propose no change" if left_out else "I changed no files"
    text = prose(solution.summary)
    opening = f" {changed}. The model's answer:\n\n" if task.drafted_first else ""
    opening = opening or ("\n\n" if BLOCK.match(text) else " ")
    citations = "\n".join(f"- {citation(proof, repository_url)}" for proof in proofs)
    parts = [
        f"@{task.ask.asker}{opening}{text}",
        note(solution.limit_hit),
        citations,
        left_out_of_change(left_out),
        took_over(solution.switches),
        questions(solution.questions),
        last,
        SCRIPTED if solution.usage.scripted else "",
        f"<sub>{spent(solution.usage)} · [everything that was run]({task_url})</sub>",
    ]
    return cap("\n\n".join(part for part in parts if part), MAX_BYTES)


def to_approve(estimate: str) -> str:
    """The end of a plan."""
    return (
        f"{estimate} To start, comment `@bot approve`, or `@bot approve, but …` with what you want otherwise."
    )


def failed(
    task: Task, error: DayhandError, task_url: str, *, outcome: str, handle: str, finished: bool = False
) -> str:
    """What happened and what to do. ``outcome``: what is kept and what it cost; ``handle``: the App's slug.

    ``finished``: the change is checked, and only has to be published.
    """
    again = f"To publish it, comment `@{handle} retry`: the model is not asked again." if finished else ""
    was_stopped = isinstance(error, TaskStopped)  # the last line says how to go on
    opening = "" if was_stopped else "I could not do this: "
    advice = f"\n\n**What to do:** {prose(error.advice)}" if error.advice and not was_stopped else ""
    return cap(
        f"@{task.ask.asker} {opening}{prose(str(error))}{advice}\n\n"
        f"<sub>{outcome} [The log]({task_url}) · {again or f'To try again, comment `@{handle} fix this`.'}</sub>",
        MAX_BYTES,
    )


def finished_work(task_url: str) -> str:
    """The end of a task whose change is checked and could not be pushed."""
    return f"The change is finished and kept ([patch]({task_url}.patch)), but it could not be pushed."


def nothing_pushed(*, held_back: bool) -> str:
    """The end of an unfinished task that left no commit."""
    if held_back:
        return "Nothing was pushed: what I changed is held back. The task's page shows it."
    return "Nothing was pushed."


def refusal(asker: str, reason: str, *, links: str = "") -> str:
    """The reply to a request that starts no task; ``reason`` also says what to do. ``links``: our own Markdown."""
    return "\n\n".join(part for part in (f"@{asker} {prose(reason)}", links) if part)
