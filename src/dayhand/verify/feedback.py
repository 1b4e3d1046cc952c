"""What the model is told about new failures: the output of the checks, so that it can repair what it broke."""

from __future__ import annotations

from dayhand.verification import Finding, Verdict, Verification

OPENING = "Your change was checked, and it is not done yet: the repository's own checks fail where they did not before."
CLOSING = (
    "Repair the cause; do not change the check. Then call `finish` again, with the title and summary of the whole change. "
    "If this failure is correct and unavoidable, call `finish` and say why."
)
HELD_BACK = "These files of your change are held back, so they were not there when the checks ran:\n{}"
MAX_ROUNDS = 2  # how often failures go back
OUTPUT_CHARS = 4000
MAX_NAMES = 20


def feedback(verification: Verification) -> str:
    """The new failures, for the model; "" if there are none."""
    failures = [
        _describe(finding) for finding in verification.findings if finding.verdict is Verdict.NEW_FAILURE
    ]
    held_back = [HELD_BACK.format(_listed(verification))] if verification.held_back else []
    return "\n\n".join([OPENING, *failures, *held_back, CLOSING]) if failures else ""


def _listed(verification: Verification) -> str:
    return "\n".join(f"- {file.path}" for file in verification.held_back)


def _describe(finding: Finding) -> str:
    run = finding.rerun or finding.head
    output = run.output.strip() if run else ""
    cut = f"… {len(output) - OUTPUT_CHARS} characters cut …\n" if len(output) > OUTPUT_CHARS else ""
    names = "\n".join(f"- {name}" for name in finding.failing[:MAX_NAMES])
    failing = f"\nFail now, and did not before:\n{names}" if names else ""
    ending = f"exit code {run.code}" if run and run.reason == "exit" else run.reason if run else ""
    return f"$ {finding.command}  ({ending}){failing}\nIts output ends:\n{cut}{output[-OUTPUT_CHARS:]}"
