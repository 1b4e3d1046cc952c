"""Every sentence that a person reads on GitHub."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from dayhand.errors import DayhandError
from dayhand.publish.base import Proposal
from dayhand.publish.markdown.escape import cap, cell, code, literal, title
from dayhand.publish.markdown.sanitize import line, prose
from dayhand.publish.wording.blocked_hosts import blocked
from dayhand.publish.wording.cost import bill, spent, took_over
from dayhand.publish.wording.limits import (
    hurried,
    limited,
    note,
    stopped,
)
from dayhand.publish.wording.notes import notes, too_large
from dayhand.task import Proof, Solution, Task
from dayhand.untrusted_text import clean
from dayhand.usage import Usage
from dayhand.verification import (
    Counts,
    Finding,
    Status,
    Verdict,
    Verification,
)

CHECK_NAME = "dayhand"
BODY_BYTES = 65_000  # GitHub's own limit is 65,536: a hidden marker may come on top
SCRIPTED = "A **scripted** model played this: its turns were written in advance. The commands, tests and results are real."
VERDICTS = {
    Verdict.PASSES: "✅ passes",
    Verdict.FIXED: "✅ fixed",
    Verdict.NEW_FAILURE: "❌ new failure",
    Verdict.FAILS_ON_BASE_TOO: "⚠️ fails on the base too",
    Verdict.FLAKY: "🎲 flaky: it failed, and passed when run once more",
    Verdict.DOES_NOT_TEST: "⚠️ passes without looking",
    Verdict.CANNOT_RUN: "⛔ the environment cannot run it",
}
KEPT_WORK = "What was pushed before stays."
KEPT_OF_OTHERS = "Somebody pushed to my branch, so the draft stays open."
NOTHING_LEFT = "Nothing was changed."
NOTHING_CHANGED = "No file was changed."
NOT_DONE = "This could not be done."
STOPPED = "This was stopped."
QUOTE_CHARS = 300
MARKS = {
    Status.SUCCESS: "✅",
    Status.FAILURE: "❌",
    Status.NEUTRAL: "⚠️",
    Status.ACTION_REQUIRED: "✋",
}
CONCLUSIONS = {
    Status.SUCCESS: "The repository's own checks pass",
    Status.FAILURE: "There are new failures",
    Status.ACTION_REQUIRED: "The change alters what checks it: please look at that first",
    Status.NEUTRAL: "No check could speak for or against it",
}


# The pull request


def pull_title(task: Task) -> str:
    return title(task.title) or f"Work on issue {task.number}"


def final_title(task: Task, solution: Solution) -> str:
    """The title once it is known what was done."""
    return title(solution.title) or pull_title(task)


def pull_opening(task: Task, task_url: str) -> str:
    """The body of the draft, before anything is known."""
    return (
        f"Fixes #{task.number}\n\n"
        f"I am working on this, asked by @{task.ask.asker}. The check run below tells how far it is; "
        f"so does [the task's page]({task_url}).\n"
    )


def pull_withdrawn(task: Task, why: str) -> str:
    """The body of a draft that came to nothing: nobody should wait for it. It closes no issue any more."""
    return f"{why} This draft of mine is closed; the comment on #{task.number} says more.\n"


def pull_body(task: Task, proposal: Proposal, repository_url: str, *, task_url: str) -> str:
    """The body of the finished pull request: the verdict, what was done, what proves it, what it cost.

    The model's words stand under a heading that says whose they are, and after the worker's own verdict.
    """
    solution, verification = proposal.solution, proposal.verification
    account = prose(solution.summary)
    parts = [
        f"Fixes #{task.number}" if task.drafted_first else "",
        f"{MARKS[verification.conclusion.status]} **{check_done(verification)}**",
        limited(verification.limit_hit),
        f"### What was done, in the model's words\n\n{account or 'It gave no account.'}",
        took_over(solution.switches),
        questions(solution.questions),
        f"### Verification, by the worker\n\n{table(verification, task_url)}",
        blocked(proposal.blocked),
        evidence(verification, proposal.proofs, repository_url, task_url=task_url),
        SCRIPTED if solution.usage.scripted else "",
        bill(solution.usage, proposal.minutes, task_url),
    ]
    return cap("\n\n".join(part for part in parts if part) + "\n", BODY_BYTES)


def table(verification: Verification, task_url: str) -> str:
    """The verification table; each verdict links to the log's line where the command begins."""
    if not verification.findings:
        nothing = "The repository declares no lint, type check or test command that Dayhand knows, so nothing was run."
        return "\n\n".join(part for part in (nothing, notes(verification, task_url)) if part)
    rows = [
        f"| {finding.kind} | {cell(code(finding.command))} | {cell(_verdict(finding, task_url))} |"
        for finding in verification.findings
    ]
    if said := notes(verification, task_url):
        rows += ["", said]
    return "\n".join(["| Check | Command | Result |", "|---|---|---|", *rows])


def _verdict(finding: Finding, task_url: str) -> str:
    words = VERDICTS[finding.verdict]
    if finding.head and finding.head.line:
        words = f"[{words}]({task_url}#L{finding.head.line})"
    counts = f" ({_counted(finding.counts)})" if finding.counts else ""
    why = finding.missing or finding.note
    named = _named(finding.failing) or _named(finding.fixed)
    return "".join([words, counts, f": {line(why)}" if why else "", f": {named}" if named else ""])


def _counted(counts: Counts) -> str:
    told = [(counts.passed, "passed"), (counts.failed, "failed"), (counts.skipped, "skipped")]
    return ", ".join(f"{count} {word}" for count, word in told if count) or "no test ran"


def _named(tests: tuple[str, ...], most: int = 5) -> str:
    more = f" and {len(tests) - most} more" if len(tests) > most else ""
    return ", ".join(code(name) for name in tests[:most]) + more


def evidence(
    verification: Verification, proofs: Iterable[Proof], repository_url: str, *, task_url: str
) -> str:
    """The terminal lines that prove the table, and the places that the model cites, looked up; folded away."""
    said = [_said(finding, task_url) for finding in verification.findings if finding.head]
    cited = [cited_place(proof, repository_url) for proof in proofs]
    lines = [f"- {one}" for one in (*said, *cited) if one]
    if not lines:
        return ""
    return "\n".join(["<details>", "<summary>Evidence</summary>", "", *lines, "", "</details>"])


def _said(finding: Finding, task_url: str) -> str:
    run = finding.head
    if run is None:
        return ""
    last = telling_line(run.output) or f"exit code {run.code}"
    return f"{code(finding.command)}: [{literal(last)}]({task_url}#L{run.line})"


def telling_line(output: str) -> str:
    """The last line of a command's output that says something: "12 passed in 0.31s"."""
    for text in reversed(clean(output).splitlines()):
        plain = text.strip(" =-*_\t")
        if any(char.isalnum() for char in plain):
            return plain[:160]
    return ""


def cited_place(proof: Proof, repository_url: str) -> str:
    """A citation with what the worker found there; struck out where it found nothing."""
    place = f"{proof.citation.path}:{proof.citation.line}"
    if not proof.found:
        return f"~~{code(place)}~~ not confirmed: {line(proof.text)}"
    if repository_url:
        path = quote(proof.citation.path)  # a file's name may hold what ends a link
        address = f"{repository_url}/blob/{proof.commit}/{path}#L{proof.citation.line}"
        return f"[{code(place)}]({address}): {_quoted(proof)}"
    return f"{code(place)}: {_quoted(proof)}"


def _quoted(proof: Proof) -> str:
    return code(clean(proof.text).strip()[:QUOTE_CHARS])


def questions(asked: Iterable[str]) -> str:
    listed = "\n".join(f"- {line(one)}" for one in asked)
    return f"### Questions for you\n\n{listed}" if listed else ""


# The check run


def check_title(stage: str) -> str:
    return {
        "fetch": "Fetching the repository",
        "open": "Opening a draft",
        "prepare": "Preparing the environment",
        "solve": "Working on it",
        "take": "Taking the change out of the sandbox",
        "check": "Running the repository's checks",
        "publish": "Telling the result",
    }.get(stage, "Starting")


def check_summary(task: Task, task_url: str) -> str:
    return f"Task for #{task.number}, asked by {line(task.ask.asker)}. [Live log and details]({task_url})"


def check_done(verification: Verification) -> str:
    """The title of a finished check run, from the ledger alone."""
    count = len(verification.findings)
    passed = sum(finding.verdict in (Verdict.PASSES, Verdict.FIXED) for finding in verification.findings)
    words = _concluded(verification)
    if verification.conclusion.status is Status.SUCCESS and passed < count:
        words = _in_part(verification)
    if verification.limit_hit and verification.conclusion.status is not Status.ACTION_REQUIRED:
        words = f"{words}; {'a limit stopped the work' if verification.limit_hit.exceeded else 'the model was told to finish'}"
    return f"{words} ({passed} of {count} {'passes' if passed == 1 else 'pass'})" if count else words


def _concluded(verification: Verification) -> str:
    verdicts = {finding.verdict for finding in verification.findings}
    match verification.conclusion.status:
        case Status.ACTION_REQUIRED if not verification.concerns:
            return f"{_held(verification)}: please look at that first"
        case Status.NEUTRAL if Verdict.DOES_NOT_TEST in verdicts:
            return "Checks pass without looking at the change"
        case Status.NEUTRAL if verification.untested:
            return "The tests could not be run here"
        case other:
            return CONCLUSIONS[other]


def _held(verification: Verification) -> str:
    if verification.side_effects:
        return "The change reaches beyond its code"
    return (
        "The change is larger than it may be" if verification.scope.too_large else "A limit stopped the work"
    )


def _in_part(verification: Verification) -> str:
    """No new failure, and not all passes: why."""
    verdicts = {finding.verdict for finding in verification.findings}
    if Verdict.CANNOT_RUN in verdicts:
        return "No new failure, but not everything could run"
    if Verdict.FLAKY in verdicts:
        return "No new failure that stays, but flaky checks"
    return "No new failure; what failed before still fails"


def check_moved(head: str) -> str:
    return f"Continued on {head[:8]}"


# The comment


def started(pull_url: str, task_url: str) -> str:
    return f"On it: [the pull request]({pull_url}) is a draft until the repository's own checks have run. [How far it is]({task_url})"


def proposed(task: Task, pull_url: str, verification: Verification, *, usage: Usage) -> str:
    ready = (
        "is there to look at" if verification.conclusion.status is Status.FAILURE else "is ready for review"
    )
    if verification.scope.too_large:
        ready = f"is a draft that asks: {too_large(verification.scope)}"
    if reached := verification.limit_hit:
        ready = (
            f"is a draft that asks: {stopped(reached)}"
            if reached.exceeded
            else f"{ready}: {hurried(reached)}"
        )
    scripted = f"\n\n{SCRIPTED}" if usage.scripted else ""
    verdict = f"{MARKS[verification.conclusion.status]} {check_done(verification)}."
    return f"@{task.ask.asker} [The pull request]({pull_url}) {ready}. {verdict}{scripted}"


def proposed_closed(task: Task, pull_url: str) -> str:
    return (
        f"@{task.ask.asker} [The pull request]({pull_url}) was closed while I worked. "
        "What I did is on its branch: reopen it to go on with that, or delete the branch."
    )


def added(task: Task, body: str) -> str:
    """A follow-up's commit on a pull request that was there before."""
    return cap(f"@{task.ask.asker} I looked again and added a commit.\n\n{body}", BODY_BYTES)


def answered(
    task: Task, solution: Solution, proofs: Iterable[Proof], *, repository_url: str, task_url: str
) -> str:
    """An answer with its proof; for a fix that needed no change, why."""
    opening = f"@{task.ask.asker} " + (
        "" if not task.drafted_first else "I changed no file. In the model's words:\n\n"
    )
    cited = "\n".join(f"- {cited_place(proof, repository_url)}" for proof in proofs)
    parts = [
        opening + prose(solution.summary),
        note(solution.limit_hit),
        cited,
        took_over(solution.switches),
        questions(solution.questions),
        SCRIPTED if solution.usage.scripted else "",
        f"<sub>{spent(solution.usage)} · [everything that was run]({task_url})</sub>",
    ]
    return cap("\n\n".join(part for part in parts if part), BODY_BYTES)


def failed(task: Task, error: DayhandError, task_url: str, *, kept: str, handle: str) -> str:
    """What happened and what to do. ``kept``: what is left behind, "" for nothing; ``handle``: the App's slug."""
    left = kept or NOTHING_LEFT
    advice = f"\n\n**What to do:** {prose(error.advice)}" if error.advice else ""
    return cap(
        f"@{task.ask.asker} I could not do this: {prose(str(error))}{advice}\n\n"
        f"<sub>{left} [The log]({task_url}) · to try again, write `@{handle} fix this`.</sub>",
        BODY_BYTES,
    )


def refusal(asker: str, why: str) -> str:
    return f"@{asker} {prose(why)}"
