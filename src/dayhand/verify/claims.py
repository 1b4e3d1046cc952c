"""What the model's account claims of checks, ``[tests: 212 passed]``, held against what the worker ran."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dayhand.task import Claim, Finding, Verdict, Verification

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


@dataclass(frozen=True, slots=True)
class Weighed:
    """The account with what the ledger does not bear struck out, and what it does bear."""

    account: str
    claims: tuple[Claim, ...]


def weigh(account: str, verification: Verification) -> Weighed:
    """Hold each claim of a success against the ledger; what is not borne is struck out, with the reason behind it.

    Only words in brackets are claims; code is left as it is.
    """
    borne: dict[str, Claim] = {}

    def judged(match: re.Match[str]) -> str:
        if match["code"] or not OUTCOME.search(match["said"]):
            return match[0]
        ran = _ran(match["what"], verification.findings)
        if why := _against(match["said"], ran):
            return f"~~{match[0]}~~ (not so: {why})"
        borne[match[0]] = Claim(match[0], _line(match["said"], ran))
        return match[0]

    return Weighed(CLAIM.sub(judged, account), tuple(borne.values()))


def _ran(what: str, findings: tuple[Finding, ...]) -> list[Finding]:
    """The findings that a claim speaks of: a command's, or a kind's."""
    named = " ".join(what.strip().strip("`$ ").split())
    kind = KINDS.get(named.lower(), "")
    return [one for one in findings if one.head and (one.kind == kind or one.command == named)]


def _against(said: str, ran: list[Finding]) -> str:
    """What speaks against a claim; "" where the ledger bears it."""
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


def _line(said: str, ran: list[Finding]) -> int:
    """Where the log bears it: the command with the number that is claimed, else the first."""
    claimed = PASSED.search(said)
    exact = [one for one in ran if claimed and one.counts and one.counts.passed == int(claimed[1])]
    return next((one.head.line for one in (*exact, *ran) if one.head), 0)
