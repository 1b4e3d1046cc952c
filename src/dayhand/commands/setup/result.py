"""How one step of a set-up ended."""

from __future__ import annotations

from dayhand.commands.doctor.codes import Health
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.startup.records import dataclass


@dataclass(frozen=True, slots=True)
class StepResult:
    """One line of the terminal and of the page; after a bad one something is left to do."""

    health: Health
    text: str
    advice: str = ""


def from_doctor(subject: str, finding: HealthFinding) -> StepResult:
    """The doctor's finding about a subject."""
    return StepResult(finding.health, f"{subject}: {finding.observed}", finding.cure)
