"""The verification table, and the one line that sums it up."""

from __future__ import annotations

from dayhand.publish.markdown.escape import cell, code
from dayhand.publish.markdown.sanitize import line
from dayhand.publish.wording.evidence import log_address
from dayhand.publish.wording.held_back import NOTHING_PUSHED
from dayhand.publish.wording.notes import notes
from dayhand.publish.wording.single_tests import listed
from dayhand.verification import Counts, Finding, Objection, Status, Verdict, Verification

VERDICTS = {
    Verdict.PASSES: "✅ passes",
    Verdict.FIXED: "✅ fixed",
    Verdict.NEW_FAILURE: "❌ new failure",
    Verdict.FAILS_ON_BASE_TOO: "⚠️ fails on the base too",
    Verdict.FLAKY: "🎲 flaky: it failed, then passed when run again",
    Verdict.DOES_NOT_TEST: "⚠️ passes, but does not test the change",
    Verdict.CANNOT_RUN: "⛔ the environment cannot run it",
}
MARKS = {
    Status.SUCCESS: "✅",
    Status.FAILURE: "❌",
    Status.NEUTRAL: "⚠️",
    Status.ACTION_REQUIRED: "✋",
}
OBJECTIONS = {
    Objection.WEAKENED_CHECKS: "This change modifies its own checks",
    Objection.SIDE_EFFECTS: "This change affects more than the tested code",
    Objection.HELD_BACK: "This change has files that are held back",
    Objection.TOO_LARGE: "This change exceeds the size limit",
    Objection.LIMIT_EXCEEDED: "The model stopped at a limit",
}
NO_CHECKS = (
    "The repository declares no lint, type check or test command that Dayhand recognizes, so nothing was run."
)


def headline(verification: Verification) -> str:
    """The conclusion in one line, from the ledger alone: "The repository's own checks pass (2 of 2 pass)"."""
    count = len(verification.findings)
    passed = sum(finding.verdict in (Verdict.PASSES, Verdict.FIXED) for finding in verification.findings)
    text = _conclusion(verification, all_pass=passed == count)
    limit = verification.limit_hit
    if limit and verification.conclusion.status is not Status.ACTION_REQUIRED:
        reason = "the model stopped at a limit" if limit.exceeded else "the model was told to finish early"
        text = f"{text}; {reason}"
    return f"{text} ({passed} of {count} {'passes' if passed == 1 else 'pass'})" if count else text


def table(verification: Verification, task_url: str) -> str:
    """The verification table with its notes; each verdict links to the line of the log where the command begins."""
    below = notes(verification, task_url)
    if not verification.findings:
        none = NOTHING_PUSHED if verification.nothing_to_check else NO_CHECKS
        return "\n\n".join(part for part in (none, below) if part)
    rows = [
        f"| {finding.kind} | {cell(code(finding.command))} | {cell(_verdict(finding, task_url))} |"
        for finding in verification.findings
    ]
    head = ["| Check | Command | Result |", "|---|---|---|"]
    return "\n".join([*head, *rows, *(["", below] if below else [])])


def _conclusion(verification: Verification, *, all_pass: bool) -> str:
    verdicts = {finding.verdict for finding in verification.findings}
    conclusion = verification.conclusion
    match conclusion.status:
        case Status.ACTION_REQUIRED:
            return f"{OBJECTIONS[conclusion.objections[0]]}: review that first"
        case Status.FAILURE:
            return "There are new failures"
        case Status.SUCCESS if all_pass:
            return "The repository's own checks pass"
        case Status.SUCCESS if Verdict.CANNOT_RUN in verdicts:
            return "No new failures, but some checks could not run"
        case Status.SUCCESS if Verdict.FLAKY in verdicts:
            return "No new failures that persist, but some checks are flaky"
        case Status.SUCCESS:
            return "No new failures; what failed before still fails"
    if changed := len(verification.expectations):
        one = changed == 1
        expectations = "1 changed expectation" if one else f"{changed} changed expectations"
        return f"Passes with {expectations}: confirm {'it' if one else 'them'} in review"
    return f"Not verified: {_gap(verification)}"


def _gap(verification: Verification) -> str:
    """Why no test verifies the change: the first reason."""
    if not verification.gaps:
        return "no check could verify this change"
    gap = verification.gaps[0]
    return f"{gap.reason} (in {line(gap.folder)}/)" if gap.folder else gap.reason


def _verdict(finding: Finding, task_url: str) -> str:
    verdict = VERDICTS[finding.verdict]
    if finding.head and finding.head.line:
        verdict = f"[{verdict}]({log_address(task_url, finding.head.line)})"
    counts = f" ({_counts(finding.counts)})" if finding.counts else ""
    reason = finding.missing or finding.note
    before = finding.failing_before if finding.verdict is Verdict.FAILS_ON_BASE_TOO else ()
    tests = listed(finding.failing or finding.fixed or before)
    return "".join([verdict, counts, f": {line(reason)}" if reason else "", f": {tests}" if tests else ""])


def _counts(counts: Counts) -> str:
    parts = [(counts.passed, "passed"), (counts.failed, "failed"), (counts.skipped, "skipped")]
    return ", ".join(f"{count} {word}" for count, word in parts if count) or "no test ran"
