"""What tests of other languages hold, by rules on lines: coarser than a parser, and only ever compared with before."""

from __future__ import annotations

import re
from collections import Counter

NAMED = re.compile(
    r"""(?:^|[^\w.])(?:it|test|specify)(?:\.\w+)*\s*\(\s*(['"`])(.+?)\1|^func (Test\w+)\(|\bdef (test_\w+)"""
)
SKIP = re.compile(
    r"\b(?:it|test|describe|suite|context)\.(?:skip|todo|failing|fixme|only)\b|\bx(?:it|test|describe|specify)\s*\("
    r"|\bt\.Skip(?:Now|f)?\(|@(?:Disabled|Ignore)\b|#\[ignore|\bpending\b\s*\(|\{\s*skip:\s*(?!false)"
)
ASSERT = re.compile(
    r"\bexpect\s*\(|\bassert\w*\b\s*[.(!]|\bt\.(?:Error|Fatal)f?\(|\brequire\.\w+\(|\bshould\b"
)
EXACT = re.compile(
    r"\.(?:toEqual|toBe|toStrictEqual|toMatch\w*|toThrow\w*|toHave\w+|toContain\w*|eql?|deepEqual|strictEqual|equal|throws)\("
    r"|\bassert(?:_eq|Equals|_equal|Same|Throws)\b"
)
COMMENT = re.compile(r"^\s*(?://|#(?!\[)|\*)")
SUPPRESSION = re.compile(
    r"\bnoqa\b|type:\s*ignore|pyright:\s*ignore|mypy:\s*\S*ignore|pylint:\s*disable|ruff:\s*noqa|flake8:\s*noqa|\bnosec\b"
    r"|pragma:\s*no cover|eslint-disable|biome-ignore|oxlint-disable|prettier-ignore|@ts-(?:ignore|nocheck|expect-error)"
    r"|(?:istanbul|c8|v8) ignore|//\s*nolint|rubocop:\s*disable|@SuppressWarnings|#!?\[allow\("
)
LEAST = re.compile(
    r"(?:fail[-_]under|minimum_coverage|\b(?:branches|functions|lines|statements))[\"']?\s*[:=\s]\s*[\"']?(\d+(?:\.\d+)?)"
)
MOST = re.compile(
    r"(?:max[-_]complexity|max-warnings|max[-_]line[-_]length|max-args)[\"']?\s*[:=\s]\s*[\"']?(\d+(?:\.\d+)?)"
)


def code_lines(text: str) -> list[tuple[int, str]]:
    return [(n, row) for n, row in enumerate(text.splitlines(), 1) if not COMMENT.match(row)]


def names_of_tests(text: str) -> Counter[str]:
    found = (NAMED.search(row) for _, row in code_lines(text))
    return Counter(next(part for part in match.groups()[1:] if part) for match in found if match)


def count(rule: re.Pattern[str], text: str) -> int:
    return sum(len(rule.findall(row)) for _, row in code_lines(text))


def new_lines(rule: re.Pattern[str], before: str, after: str) -> list[tuple[int, str]]:
    """The lines that a rule finds, and that were not there before, as many as there are more of them."""
    there = Counter(row.strip() for row in before.splitlines() if rule.search(row))
    rows = [(n, row.strip()) for n, row in enumerate(after.splitlines(), 1) if rule.search(row)]
    more = len(rows) - there.total()
    fresh = [(n, row) for n, row in rows if row not in there]
    return fresh[: max(0, more)]


def loosened(before: str, after: str) -> list[str]:
    """Thresholds that were lowered, or limits that were raised."""
    told = []
    for rule, worse in ((LEAST, -1), (MOST, 1)):
        old, new = ([float(value) for value in rule.findall(text)] for text in (before, after))
        told += [f"{a:g} became {b:g}" for a, b in zip(old, new, strict=False) if (b - a) * worse > 0]
        if len(new) < len(old):
            told.append("a threshold was taken out")
    return told
