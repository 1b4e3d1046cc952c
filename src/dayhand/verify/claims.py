"""What the model's account claims of checks, in brackets or in plain words, held against what the worker ran."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dayhand.verification import (
    CheckClaim,
    Finding,
    Verdict,
    Verification,
)

# Plain words that claim a whole kind of check to pass. What is said of some tests ("the new test passes") is none.
PLAIN = (
    r"\b(?:(?:all|the|every|both)\s+){0,2}(?:of\s+the\s+)?(?:\d[\d,]{0,9}\s+)?(?:(?:existing|unit|full|whole|other|repository's|project's)\s+){0,2}"
    r"(?P<subject>tests|test\s+suite|suite|specs|checks|linters?|lint(?:ing)?|type\s?checks?|type\s?checking|everything|CI)"
    r"(?:\s+(?:now|still|all|also|both)){0,2}\s+"
    r"(?:pass(?:es|ed)?|succeeds?|succeeded|(?:is|are)\s+(?:now\s+|all\s+|still\s+)?(?:passing|green|clean)|reports?\s+no\s+\w+)\b"
)
CLAIM = re.compile(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]+`)|\[(?P<what>[^\]\[:\n]{1,80}):(?P<said>[^\]\[\n]{1,160})\](?!\()"
    rf"|(?P<plain>{PLAIN})",
    re.DOTALL | re.IGNORECASE,
)
# Around them, words that make it a wish, a condition, a report of others or of another time.
UNLESS_BEFORE = re.compile(
    r"\b(?:not|no|never|should|would|will|could|must|may|might|can|if|when|once|until|till|unless|whether|that|make|makes|made|get|gets"
    r"|making|let|lets|ensure|ensures|keep|keeps|expect|expected|before|previously|earlier|why|how|only|while|although|though)\b|n't\b",
    re.IGNORECASE,
)
ENDING = re.compile(
    r"^\s*(?:$|[.!;:)*_]|,(?!\s*(?:but|except|apart|though|if|only|unless)\b)"
    r"|(?:and|now|again|locally|here|too|cleanly|successfully|after|with|in)\b)",
    re.IGNORECASE,
)
OUTCOME = re.compile(
    r"\b(pass(es|ed|ing)?|ok|clean|green|succe\w+|no (errors?|issues?|problems?|warnings?))\b", re.IGNORECASE
)
PASSED = re.compile(r"(\d+)\s+(?:tests?\s+)?pass", re.IGNORECASE)
KINDS = {
    "test": "test", "tests": "test", "unit tests": "test", "lint": "lint", "linter": "lint", "linting": "lint",
    "type": "types", "types": "types", "typecheck": "types", "type check": "types", "type checks": "types",
}  # fmt: skip
SUBJECTS = {"tests": "test", "test suite": "test", "suite": "test", "specs": "test"}
WHOLE = ("checks", "everything", "ci")
NOT_RUN = "the worker ran no such command"
SENTENCE_CHARS = 300  # looked at around plain words
BAD = (Verdict.NEW_FAILURE, Verdict.FAILS_ON_BASE_TOO, Verdict.FLAKY, Verdict.CANNOT_RUN)
GOOD = (Verdict.PASSES, Verdict.FIXED)


@dataclass(frozen=True, slots=True)
class Weighed:
    """The account with what the ledger does not bear struck out, and what it does bear."""

    account: str
    claims: tuple[CheckClaim, ...]


def weigh(account: str, verification: Verification) -> Weighed:
    """Hold each claim of a success against the ledger; what is not borne is struck out, with the reason behind it.

    Words in brackets claim a success, and so do a few plain ones; those are only struck out where the ledger speaks
    against them. Code is left as it is.
    """
    borne: dict[str, CheckClaim] = {}

    def judged(match: re.Match[str]) -> str:
        if match["plain"]:
            why = _against_plain(match, verification.findings)
            return f"~~{match[0]}~~ (not so: {why})" if why else match[0]
        if match["code"] or not OUTCOME.search(match["said"]):
            return match[0]
        ran = _ran(match["what"], verification.findings)
        if why := _against(match["said"], ran):
            return f"~~{match[0]}~~ (not so: {why})"
        borne[match[0]] = CheckClaim(match[0], _line(match["said"], ran))
        return match[0]

    return Weighed(CLAIM.sub(judged, account), tuple(borne.values()))


def _against_plain(match: re.Match[str], findings: tuple[Finding, ...]) -> str:
    """What the ledger says against plain words; "" where nothing does, or where they may mean something else."""
    before = re.split(r"[.!?;:\n]", match.string[: match.start()][-SENTENCE_CHARS:])[-1]
    after = match.string[match.end() : match.end() + SENTENCE_CHARS]
    if UNLESS_BEFORE.search(before) or not ENDING.match(after.partition("\n")[0]):
        return ""
    subject = " ".join(match["subject"].lower().split())
    kind = SUBJECTS.get(subject, "lint" if subject.startswith("lint") else "types")
    about = [one for one in findings if subject in WHOLE or one.kind == kind]
    bad = next((one for one in about if one.verdict in BAD), None)
    return f"{bad.command}: {bad.verdict}" if bad else ""


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
