"""What a check of the doctor finds: something that is as it should be, or a fault by its code."""

from __future__ import annotations

from dayhand.commands.doctor.codes import FaultCode, Health
from dayhand.startup.records import dataclass

PAGE = "docs/troubleshooting.md"


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """The result of one check. A fault says what was ``observed`` and how it is cured here."""

    observed: str
    fault: FaultCode | None = None
    cure: str = ""

    @property
    def health(self) -> Health:
        return self.fault.health if self.fault else Health.GOOD

    @property
    def page(self) -> str:
        """Where the documentation has more about a fault."""
        return f"{PAGE}#{self.fault.code.lower()}" if self.fault else ""


@dataclass(frozen=True, slots=True)
class SectionFindings:
    """What the checks of one section found."""

    name: str
    findings: tuple[HealthFinding, ...]
