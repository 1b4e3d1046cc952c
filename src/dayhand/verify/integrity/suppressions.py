"""Suppressions and thresholds, by rules on lines: in any language, and only ever compared with before."""

from __future__ import annotations

import re
from collections import Counter

SUPPRESSIBLE = re.compile(
    r"\.(pyi?|[cm]?[jt]sx?|vue|svelte|go|rb|rs|java|kts?|cs|php|scala|swift|sh|c|cc|cpp|h|hpp)$"
)
SUPPRESSION = re.compile(
    r"\bnoqa\b|type:\s*ignore|pyright:\s*ignore|mypy:[\s\w-]{0,40}ignore|pylint:\s*disable|ruff:\s*noqa|flake8:\s*noqa|\bnosec\b"
    r"|pragma:\s*no cover|eslint-disable|biome-ignore|oxlint-disable|prettier-ignore|@ts-(?:ignore|nocheck|expect-error)"
    r"|(?:istanbul|c8|v8|node:coverage) (?:ignore|disable)|//\s*nolint|rubocop:\s*disable|:nocov:|@SuppressWarnings|@Suppress\b"
    r"|#!?\[(?:allow|expect)\(|@phpstan-ignore|@psalm-suppress|@codeCoverageIgnore|phpcs:\s*(?:ignore|disable)|CHECKSTYLE:\s*OFF"
    r"|\bNOSONAR\b|\bNOLINT|#pragma warning disable|shellcheck disable|swiftlint:disable"
)
CODES = r"(?:\s?[:\[(]\s?[\w@/-]+(?:, ?[\w@/-]+)*)?"
KIND = re.compile(rf"(?:{SUPPRESSION.pattern}){CODES}")
LEAST = re.compile(
    r"(?:fail[-_]under|minimum_coverage|\b(?:branches|functions|lines|statements))[\"']?\s{0,3}[:=\s]\s{0,3}[\"']?(\d{1,9}(?:\.\d{1,9})?)"
)
MOST = re.compile(
    r"(?:max[-_]complexity|max-warnings|max[-_]line[-_]length|max-args)[\"']?\s{0,3}[:=\s]\s{0,3}[\"']?(\d{1,9}(?:\.\d{1,9})?)"
)


def suppressions(before: str, after: str) -> list[tuple[int, str]]:
    """The lines that suppress something and were not there before, as many of each kind as there are more of it."""
    there = {row.strip() for row in before.splitlines()}
    allowed = Counter(kind for row in before.splitlines() for kind in _kinds(row))
    told = []
    rows = [(n, row.strip(), _kinds(row)) for n, row in enumerate(after.splitlines(), 1)]
    for _, row, kinds in rows:
        if row in there:
            allowed.subtract(kinds)
    for n, row, kinds in rows:
        if kinds and row not in there:
            if any(allowed[kind] <= 0 for kind in kinds):
                told.append((n, row))
            allowed.subtract(kinds)
    return told


def _kinds(row: str) -> list[str]:
    """What a line suppresses, with the codes: ``noqa: E501`` is less than ``noqa``."""
    return [" ".join(match[0].split()) for match in KIND.finditer(row)]


def loosened(before: str, after: str) -> list[str]:
    """Thresholds that were lowered, or limits that were raised."""
    told = []
    for rule, worse in ((LEAST, -1), (MOST, 1)):
        old, new = ([float(value) for value in rule.findall(text)] for text in (before, after))
        told += [f"{a:g} became {b:g}" for a, b in zip(old, new, strict=False) if (b - a) * worse > 0]
        if len(new) < len(old):
            told.append("a threshold was taken out")
    return told
