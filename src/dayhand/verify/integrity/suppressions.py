"""Suppressions and thresholds in any language, found by patterns on lines and only compared with the version before."""

from __future__ import annotations

from collections import Counter

from dayhand.startup.regex import regex

SUPPRESSIBLE = regex(
    r"\.(pyi?|[cm]?[jt]sx?|vue|svelte|go|rb|rs|java|kts?|cs|php|scala|swift|sh|c|cc|cpp|h|hpp)$"
)
SUPPRESSION = regex(
    r"\bnoqa\b|type:\s*ignore|pyright:\s*ignore|mypy:[\s\w-]{0,40}ignore|pylint:\s*disable|ruff:\s*noqa|flake8:\s*noqa|\bnosec\b"
    r"|pragma:\s*no cover|eslint-disable|biome-ignore|oxlint-disable|prettier-ignore|@ts-(?:ignore|nocheck|expect-error)"
    r"|(?:istanbul|c8|v8|node:coverage) (?:ignore|disable)|//\s*nolint|rubocop:\s*disable|:nocov:|@SuppressWarnings|@Suppress\b"
    r"|#!?\[(?:allow|expect)\(|@phpstan-ignore|@psalm-suppress|@codeCoverageIgnore|phpcs:\s*(?:ignore|disable)|CHECKSTYLE:\s*OFF"
    r"|\bNOSONAR\b|\bNOLINT|#pragma warning disable|shellcheck disable|swiftlint:disable"
)
CODES = r"(?:\s?[:\[(]\s?[\w@/-]+(?:, ?[\w@/-]+)*)?"
KIND = regex(rf"(?:{SUPPRESSION.pattern}){CODES}")
MINIMUM = regex(
    r"(?:fail[-_]under|minimum_coverage|\b(?:branches|functions|lines|statements))[\"']?\s{0,3}[:=\s]\s{0,3}[\"']?(\d{1,9}(?:\.\d{1,9})?)"
)
MAXIMUM = regex(
    r"(?:max[-_]complexity|max-warnings|max[-_]line[-_]length|max-args)[\"']?\s{0,3}[:=\s]\s{0,3}[\"']?(\d{1,9}(?:\.\d{1,9})?)"
)


def new_suppressions(before: str, after: str) -> list[tuple[int, str]]:
    """The new lines that suppress something, with their numbers, if there are more of that kind than before."""
    old_lines = {line.strip() for line in before.splitlines()}
    allowed = Counter(kind for line in before.splitlines() for kind in _kinds(line))
    lines = [(number, line.strip(), _kinds(line)) for number, line in enumerate(after.splitlines(), 1)]
    for _, line, kinds in lines:
        if line in old_lines:
            allowed.subtract(kinds)
    found = []
    for number, line, kinds in lines:
        if kinds and line not in old_lines:
            if any(allowed[kind] <= 0 for kind in kinds):
                found.append((number, line))
            allowed.subtract(kinds)
    return found


def _kinds(line: str) -> list[str]:
    """What a line suppresses, with the codes: ``noqa: E501`` suppresses less than ``noqa``."""
    return [" ".join(match[0].split()) for match in KIND.finditer(line)]


def loosened_thresholds(before: str, after: str) -> list[str]:
    """The minimums that were lowered, the maximums that were raised, and the thresholds that were removed."""
    found = []
    for rule, worse in ((MINIMUM, -1), (MAXIMUM, 1)):
        old, new = ([float(value) for value in rule.findall(text)] for text in (before, after))
        found += [f"{a:g} became {b:g}" for a, b in zip(old, new, strict=False) if (b - a) * worse > 0]
        if len(new) < len(old):
            found.append("a threshold was removed")
    return found
