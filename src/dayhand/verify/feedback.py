"""What the model hears of new failures: the checks' own words, so that it can mend what it broke."""

from __future__ import annotations

from dayhand.verification import Finding, Verdict, Verification

OPENING = "Your change was checked, and it is not done yet: the repository's own checks fail where they did not before."
ROUNDS = 2  # how often failures go back
OUTPUT_CHARS = 4000
MAX_NAMES = 20


def feedback(verification: Verification) -> str:
    """The new failures for the model; "" where there are none."""
    failures = [_told(one) for one in verification.findings if one.verdict is Verdict.NEW_FAILURE]
    if not failures:
        return ""
    closing = (
        "Repair the cause, and never the check. Then call `finish` again, with title and account of the whole change. "
        "If this failure is right and cannot be helped, call `finish` and say why."
    )
    return "\n\n".join([OPENING, *failures, closing])


def _told(finding: Finding) -> str:
    run = finding.rerun or finding.head
    output = run.output.strip() if run else ""
    cut = f"… {len(output) - OUTPUT_CHARS} characters cut …\n" if len(output) > OUTPUT_CHARS else ""
    names = "\n".join(f"- {name}" for name in finding.failing[:MAX_NAMES])
    named = f"\nFail now, and did not before:\n{names}" if names else ""
    ended = f"exit code {run.code}" if run and run.reason == "exit" else run.reason if run else ""
    return f"$ {finding.command}  ({ended}){named}\nIts output ends:\n{cut}{output[-OUTPUT_CHARS:]}"
