"""The doctor's findings on a terminal, and as JSON for a bug report or a monitor. Neither shows a secret."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from dayhand.commands.doctor.codes import Health
from dayhand.commands.doctor.finding import HealthFinding, SectionFindings
from dayhand.settings.table import ROWS, Settings
from dayhand.settings.value_types import mask_password
from dayhand.untrusted_text import clean

MARKS = {Health.GOOD: ("✓", "green"), Health.WEAK: ("!", "yellow"), Health.BAD: ("✗", "red")}
STATUS = {Health.GOOD: "ok", Health.WEAK: "warning", Health.BAD: "fault"}
MAX_WIDTH, MIN_WIDTH = 110, 30
NOT_WRAPPED = 10_000  # into a file or a pipe: one line each, for grep
INDENT, DEEP_INDENT = "    ", "      "
SECRET = "set (not shown)"  # noqa: S105 - what stands in its place


def print_text(results: Iterable[SectionFindings]) -> list[SectionFindings]:
    """Print each section when its checks have ended, then the sum. Gives all sections."""
    console = Console(highlight=False)
    found = []
    for section in results:
        console.print(Text(section.name, style="bold"))
        for finding in section.findings:
            for line in _lines(finding, _width(console)):
                console.print(line, soft_wrap=True)
        console.print()
        found.append(section)
    console.print(_sum(found), soft_wrap=True)
    return found


def print_faults(results: Iterable[SectionFindings]) -> None:
    """Print on standard error what is not as it should be, without headings."""
    console = Console(highlight=False, stderr=True)
    for section in results:
        for finding in section.findings:
            if finding.fault:
                for line in _lines(finding, _width(console)):
                    console.print(line, soft_wrap=True)


def print_json(found: Sequence[SectionFindings], settings: Settings | None) -> None:
    """One object: the sum, what is set, and every finding."""
    faults, warnings = count(found, Health.BAD), count(found, Health.WEAK)
    report = {
        "ok": not faults,
        "faults": faults,
        "warnings": warnings,
        "findings": [_as_json(section.name, each) for section in found for each in section.findings],
        "settings": shown_settings(settings) if settings else {},
    }
    print(json.dumps(report))


def count(found: Iterable[SectionFindings], health: Health) -> int:
    """How many findings are so severe."""
    return sum(1 for section in found for each in section.findings if each.health is health)


def shown_settings(settings: Settings) -> dict[str, str]:
    """The settings whose values are not empty, without secrets and passwords."""
    shown = {}
    for field, row in ROWS.items():
        value = getattr(settings, field)
        if value in (None, "", ()):
            continue
        text = ",".join(value) if isinstance(value, tuple) else str(value)
        shown[row.name] = SECRET if row.secret else mask_password(text)
    return shown


def _width(console: Console) -> int:
    return max(MIN_WIDTH, min(console.width, MAX_WIDTH)) if console.is_terminal else NOT_WRAPPED


def _as_json(section: str, finding: HealthFinding) -> dict[str, Any]:
    row = {
        "section": section,
        "status": STATUS[finding.health],
        "observed": clean(finding.observed),
    }
    if finding.fault:
        row |= {
            "code": finding.fault.code,
            "cause": finding.fault.cause,
            "cure": clean(finding.cure),
            "page": finding.page,
        }
    return row


def _lines(finding: HealthFinding, width: int) -> Iterable[Text]:
    mark, colour = MARKS[finding.health]
    first, *rest = _wrapped(clean(finding.observed), width, INDENT)
    yield Text.assemble("  ", (mark, colour), " ", first)
    yield from (Text(f"{INDENT}{line}") for line in rest)
    if finding.fault:
        cause = f"{finding.fault.code}  {finding.fault.cause}"
        code, *more = _wrapped(cause, width, DEEP_INDENT)
        yield Text.assemble(
            INDENT, (finding.fault.code, colour), (code.removeprefix(finding.fault.code), "dim")
        )
        yield from (Text(f"{DEEP_INDENT}{line}", style="dim") for line in more)
        cure, *more = _wrapped(clean(finding.cure), width, DEEP_INDENT)
        yield Text.assemble(INDENT, ("→ ", colour), cure)
        yield from (Text(f"{DEEP_INDENT}{line}") for line in more)


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """Lines that fit beside an indent; an address or a path is never broken, so that it can be opened."""
    return textwrap.wrap(text, width - len(indent), break_long_words=False, break_on_hyphens=False) or [""]


def _sum(found: Sequence[SectionFindings]) -> Text:
    faults, warnings, good = (count(found, health) for health in (Health.BAD, Health.WEAK, Health.GOOD))
    text = Text()
    for number, one, colour in ((faults, "fault", "red"), (warnings, "warning", "yellow")):
        if number:
            text.append(f"{number} {one}{'s' if number > 1 else ''}", colour).append(", ")
    text.append(f"{good} ok.", "" if faults else "green")
    if faults or warnings:
        text.append(" docs/troubleshooting.md explains each code.")
    return text
