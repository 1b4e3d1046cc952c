"""``.dayhand.toml``: what a repository's maintainers decided, read from the default branch only.

A branch in work, one of Dayhand's own among them, must not be able to open the network for itself.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import field

from dayhand.environment.ecosystems.base import Files
from dayhand.environment.services.base import ServiceDeclaration
from dayhand.environment.services.containers import read_container
from dayhand.environment.yaml_file import Value
from dayhand.startup.records import dataclass
from dayhand.usage import EFFORTS

NAME = ".dayhand.toml"
KNOWN = {
    "network": ("allow",),
    "setup": ("run",),
    "checks": ("lint", "types", "test"),
    "services": (),  # any name: see ``services/containers.py``
    "limits": ("lines", "files", "money", "minutes"),
    "work": ("base", "effort", "plan"),
}
PLAN_ALWAYS = "always"
SIZES = ("lines", "files")  # whole numbers; 0: no limit
HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


@dataclass(frozen=True, slots=True)
class RepoConfig:
    """The maintainers' decisions, parsed once for a task and carried along (``checkout.repository.Base``)."""

    allow: tuple[
        str, ...
    ] = ()  # hosts that set-up may reach besides the registries; "*.example.org" for all below
    problems: tuple[str, ...] = ()  # sentences about what was ignored
    run: tuple[str, ...] | None = None  # replaces the detected set-up; None: not declared
    checks: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # the commands of a kind; empty: no such check
    limits: Mapping[str, int] = field(default_factory=dict)  # "lines" and "files" of a change; 0: no limit
    budget: Mapping[str, float] = field(default_factory=dict)  # "money" (dollars) and "minutes" of one task
    effort: str = ""  # of the model's reasoning; "": the operator's
    services: tuple[ServiceDeclaration, ...] | None = None  # these alone; None: not declared
    base: str = ""  # the branch that work starts from and goes to; "": the default one
    plan_first: bool = False  # whether a person approves a plan before any change


def read_config(files: Files) -> RepoConfig:
    """Parse the file of the default branch; without one, nothing is decided."""
    text = files.read(NAME)
    if not text.strip():
        return RepoConfig()
    try:
        settings = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return RepoConfig(problems=(f"{NAME} is not valid TOML; ignored: {error}.",))
    problems = [
        f"{NAME}: [{name}] is not a known section; ignored." for name in settings if name not in KNOWN
    ]
    sections = {name: _section(settings, name, problems) for name in KNOWN if name != "services"}
    wanted = sections["network"].get("allow", [])
    hosts = wanted if isinstance(wanted, list) else [wanted]
    valid = [host for host in hosts if isinstance(host, str) and HOST.fullmatch(host)]
    problems += [
        f"{NAME}: {host!r} in network.allow must be a host name such as files.example.org; ignored."
        for host in hosts
        if host not in valid
    ]
    run = _commands(sections["setup"], "setup", "run", problems=problems)
    checks = {
        kind: _commands(sections["checks"], "checks", kind, problems=problems) for kind in KNOWN["checks"]
    }
    numbers = _numbers(sections["limits"], "limits", problems)
    work = sections["work"]
    effort, base, plan_first = _effort(work, problems), _base(work, problems), _plan_first(work, problems)
    services = _services(settings, problems)
    return RepoConfig(
        tuple(dict.fromkeys(valid)),
        tuple(problems),
        run,
        {kind: commands for kind, commands in checks.items() if commands is not None},
        {name: int(number) for name, number in numbers.items() if name in SIZES},
        {name: number for name, number in numbers.items() if name not in SIZES},
        effort,
        services,
        base,
        plan_first,
    )


def _services(settings: Mapping[str, object], problems: list[str]) -> tuple[ServiceDeclaration, ...] | None:
    """The table's services by their host names: an image, or a table like a container's in a compose file."""
    if "services" not in settings:
        return None
    section = settings["services"]
    if not isinstance(section, dict):
        problems.append(f"{NAME}: services must be a table ([services]); ignored.")
        return None
    found = []
    for name, value in section.items():
        if declared := read_container(name, _text_only(value), source=NAME):
            found.append(declared)
        else:
            problems.append(
                f'{NAME}: services.{name} must be the image of a known service, such as "postgres:16", or a table with '
                "its image, port and env; ignored."
            )
    return tuple(found)


def _text_only(value: object) -> Value:
    """A value of TOML as YAML has it."""
    if isinstance(value, dict):
        return {str(key): _text_only(each) for key, each in value.items()}
    return [_text_only(each) for each in value] if isinstance(value, list) else str(value)


def _section(settings: Mapping[str, object], name: str, problems: list[str]) -> Mapping[str, object]:
    section = settings.get(name, {})
    if not isinstance(section, dict):
        problems.append(f"{NAME}: {name} must be a table ([{name}]); ignored.")
        return {}
    problems += [
        f"{NAME}: {name}.{key} is not a known setting; ignored." for key in section if key not in KNOWN[name]
    ]
    return section


def _effort(section: Mapping[str, object], problems: list[str]) -> str:
    effort = section.get("effort", "")
    if effort in ("", *EFFORTS):
        return str(effort)
    problems.append(f"{NAME}: work.effort must be one of {', '.join(EFFORTS)}; ignored.")
    return ""


def _base(section: Mapping[str, object], problems: list[str]) -> str:
    base = section.get("base", "")
    if isinstance(base, str):
        return base.strip()
    problems.append(f"{NAME}: work.base must be the name of a branch; ignored.")
    return ""


def _plan_first(section: Mapping[str, object], problems: list[str]) -> bool:
    plan = section.get("plan", "")
    if plan not in ("", PLAN_ALWAYS):
        problems.append(f'{NAME}: work.plan must be "{PLAN_ALWAYS}"; ignored.')
    return plan == PLAN_ALWAYS


def _numbers(section: Mapping[str, object], name: str, problems: list[str]) -> Mapping[str, float]:
    valid = {}
    for key, value in section.items():
        if key in SIZES and type(value) is int and value >= 0:
            valid[key] = float(value)
        elif key in SIZES:
            problems.append(f"{NAME}: {name}.{key} must be a whole number, 0 or more; ignored.")
        elif key in KNOWN[name] and type(value) in (int, float) and 0 < float(str(value)) < math.inf:
            valid[key] = float(str(value))
        elif key in KNOWN[name]:
            problems.append(f"{NAME}: {name}.{key} must be a number above 0; ignored.")
    return valid


def _commands(
    section: Mapping[str, object], name: str, key: str, *, problems: list[str]
) -> tuple[str, ...] | None:
    """One command or a list of them; None where nothing valid is declared."""
    if key not in section:
        return None
    value = section[key]
    commands = value if isinstance(value, list) else [value]
    if all(isinstance(command, str) and command.strip() and "\0" not in command for command in commands):
        return tuple(map(str.strip, commands))
    problems.append(f"{NAME}: {name}.{key} must be a command or a list of commands; ignored.")
    return None
