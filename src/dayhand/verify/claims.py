"""What the model's account claims of checks, ``[tests: 212 passed]``, held against what the worker ran."""

from __future__ import annotations

import re

from dayhand.task import Finding, Verdict, Verification

CLAIM = re.compile(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]+`)|\[(?P<what>[^\]\[:\n]{1,80}):(?P<said>[^\]\[\n]{1,160})\](?!\()",
    re.DOTALL,
)
OUTCOME = re.compile(
    r"\b(pass(es|ed|ing)?|ok|clean|green|succe\w+|no (errors?|issues?|problems?|warnings?))\b", re.IGNORECASE
)
PASSED = re.compile(r"(\d+)\s+(?:tests?\s+)?pass", re.IGNORECASE)
KINDS = {
    "test": "test", "tests": "test", "unit tests": "test", "lint": "lint", "linter": "lint", "linting": "lint",
    "type": "types", "types": "types", "typecheck": "types", "type check": "types", "type checks": "types",
}  # fmt: skip
NOT_RUN = "the worker ran no such command"
GOOD = (Verdict.PASSES, Verdict.FIXED)


def weigh(account: str, verification: Verification) -> str:
    """The account with each claim struck out that the ledger does not bear, and the reason behind it.

    Only words in brackets that claim a success are held against it; code is left as it is.
    """

    def judged(match: re.Match[str]) -> str:
        if match["code"] or not OUTCOME.search(match["said"]):
            return match[0]
        why = _against(match["what"].strip(), match["said"], verification.findings)
        return f"~~{match[0]}~~ (not so: {why})" if why else match[0]

    return CLAIM.sub(judged, account)


def _against(what: str, said: str, findings: tuple[Finding, ...]) -> str:
    """What speaks against a claim; "" where the ledger bears it."""
    named = " ".join(what.strip("`$ ").split())
    kind = KINDS.get(named.lower(), "")
    ran = [one for one in findings if one.head and (one.kind == kind or one.command == named)]
    if not ran:
        return NOT_RUN
    bad = next((one for one in ran if one.verdict not in GOOD), None)
    if bad:
        return f"{bad.command}: {bad.verdict}"
    claimed = PASSED.search(said)
    counts = [one.counts.passed for one in ran if one.counts]
    if claimed and counts and int(claimed[1]) not in (*counts, sum(counts)):
        return f"{sum(counts)} passed"
    return ""
