"""Sentences of the model's summary that claim passing checks, compared with what the worker ran."""

from __future__ import annotations

import re

from dayhand.startup.regex import regex
from dayhand.verification import Finding, Verdict, Verification

# A claim that every check of a kind passes. A statement about some tests ("the new test passes") does not match.
SUCCESS = (
    r"\b(?:(?:all|the|every|both)\s+){0,2}(?:of\s+the\s+)?(?:\d[\d,]{0,9}\s+)?(?:(?:existing|unit|full|whole|other|repository's|project's)\s+){0,2}"
    r"(?P<subject>tests|test\s+suite|suite|specs|checks|linters?|lint(?:ing)?|type\s?checks?|type\s?checking|everything|CI)"
    r"(?:\s+(?:now|still|all|also|both)){0,2}\s+"
    r"(?:pass(?:es|ed)?|succeeds?|succeeded|(?:is|are)\s+(?:now\s+|all\s+|still\s+)?(?:passing|green|clean)|reports?\s+no\s+\w+)\b"
)
CODE_OR_CLAIM = regex(
    rf"(?P<code>```.*?(?:```|\Z)|`[^`\n]+`)|(?P<claim>{SUCCESS})", re.DOTALL | re.IGNORECASE
)
# Before a claim, these words make it a wish, a condition, or a statement about another time.
QUALIFIER_BEFORE = regex(
    r"\b(?:not|no|never|should|would|will|could|must|may|might|can|if|when|once|until|till|unless|whether|that|make|makes|made|get|gets"
    r"|making|let|lets|ensure|ensures|keep|keeps|expect|expected|before|previously|earlier|why|how|only|while|although|though)\b|n't\b",
    re.IGNORECASE,
)
# After a claim, only these endings leave it unqualified.
PLAIN_ENDING = regex(
    r"^\s*(?:$|[.!;:)*_]|,(?!\s*(?:but|except|apart|though|if|only|unless)\b)"
    r"|(?:and|now|again|locally|here|too|cleanly|successfully|after|with|in)\b)",
    re.IGNORECASE,
)
TEST_SUBJECTS = frozenset(["tests", "test suite", "suite", "specs"])
ALL_CHECKS = frozenset(["checks", "everything", "ci"])
SENTENCE_CHARS = 300  # looked at before and after a claim
CONTRADICTING = frozenset([Verdict.NEW_FAILURE, Verdict.FAILS_ON_BASE_TOO, Verdict.FLAKY, Verdict.CANNOT_RUN])


def strike_false_claims(summary: str, verification: Verification) -> str:
    """The summary with each claim that a finding contradicts struck out, followed by that finding.

    Everything else stays as it is: code, wishes, conditions, and claims that no finding contradicts.
    """

    def checked(match: re.Match[str]) -> str:
        finding = _contradicting(match, verification.findings) if match["claim"] else None
        if finding is None:
            return match[0]
        return f"~~{match[0]}~~ (not true: {finding.command}: {finding.verdict})"

    return CODE_OR_CLAIM.sub(checked, summary)


def _contradicting(claim: re.Match[str], findings: tuple[Finding, ...]) -> Finding | None:
    """The first finding that contradicts the claim; None also where the sentence may mean something else."""
    before = re.split(r"[.!?;:\n]", claim.string[: claim.start()][-SENTENCE_CHARS:])[-1]
    after = claim.string[claim.end() : claim.end() + SENTENCE_CHARS].partition("\n")[0]
    if QUALIFIER_BEFORE.search(before) or not PLAIN_ENDING.match(after):
        return None
    subject = " ".join(claim["subject"].lower().split())
    return next(
        (
            finding
            for finding in findings
            if finding.verdict in CONTRADICTING and (subject in ALL_CHECKS or finding.kind == _kind(subject))
        ),
        None,
    )


def _kind(subject: str) -> str:
    if subject in TEST_SUBJECTS:
        return "test"
    return "lint" if subject.startswith("lint") else "types"
