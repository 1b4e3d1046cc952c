"""``dayhand doctor``: can this machine do what its settings ask for, and which limits does the sandbox enforce?

The libraries of what is not set up here (an App, Redis, Docker) are not imported: they take a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from dayhand.commands.doctor.codes import FaultCode, Health
from dayhand.commands.doctor.files import check_modes
from dayhand.commands.doctor.finding import HealthFinding, SectionFindings
from dayhand.commands.doctor.github import check_app
from dayhand.commands.doctor.machine import check_dashboard, check_data, check_memory, check_port
from dayhand.commands.doctor.model import check_models
from dayhand.commands.doctor.redis_server import check_redis
from dayhand.commands.doctor.report import count, print_json, print_text
from dayhand.commands.doctor.sandboxes import check_engine, check_sandbox, try_sandbox
from dayhand.commands.doctor.webhook import check_url, check_webhook
from dayhand.errors import ExitCode, SettingsError
from dayhand.settings.table import Settings
from dayhand.startup.records import dataclass

Check: TypeAlias = Callable[[Settings], Iterable[HealthFinding]]


def check_prices(settings: Settings) -> Iterator[HealthFinding]:
    from dayhand.commands.doctor.model_question import check_prices as check

    return check(settings)


def ask_models(settings: Settings) -> Iterator[HealthFinding]:
    from dayhand.commands.doctor.model_question import ask_models as ask

    return ask(settings)


@dataclass(frozen=True, slots=True)
class DoctorSection:
    """Checks under one heading. The ``quick`` ones are those that `dayhand up` makes before it starts."""

    name: str
    quick: tuple[Check, ...]
    full: tuple[Check, ...] = ()


SECTIONS = (
    DoctorSection("This machine", (check_data, check_memory, check_modes, check_dashboard, check_port)),
    DoctorSection("GitHub App", (check_app,), (check_webhook, check_url)),
    DoctorSection("Redis", (check_redis,)),
    DoctorSection("Model", (check_prices,), (check_models, ask_models)),
    DoctorSection("Sandbox", (check_sandbox,), (check_engine, try_sandbox)),
)


def examine(settings: Settings, *, as_json: bool) -> int:
    """Check everything and print the findings; 0 if tasks can be done here, else 1."""
    results = look(settings)
    if as_json:
        found = list(results)
        print_json(found, settings)
    else:
        found = print_text(results)
    return ExitCode.FAILED if count(found, Health.BAD) else ExitCode.OK


def look(settings: Settings, *, full: bool = True) -> Iterator[SectionFindings]:
    """Everything that a task needs, in the order in which it needs it."""
    for section in SECTIONS:
        checks = (*section.quick, *section.full) if full else section.quick
        findings = tuple(finding for check in checks for finding in check(settings))
        if findings:
            yield SectionFindings(section.name, findings)


def report_wrong_setting(error: SettingsError) -> int:
    """Print as JSON that a setting cannot be read, so that nothing could be checked."""
    finding = HealthFinding(str(error), FaultCode.WRONG_SETTING, error.advice)
    print_json([SectionFindings("Settings", (finding,))], None)
    return ExitCode.SETTINGS
