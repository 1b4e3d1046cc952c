""".NET: the packages of a solution or of its projects, its format where .editorconfig asks for one, and the tests."""

from __future__ import annotations

import re
import shlex

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems.base import Check, Files, SetupPlan, Step

CLIENT = "nuget"
SOLUTION = re.compile(r"[^/]+\.slnx?")
PROJECT = re.compile(r"(.*/)?[^/]+\.(cs|fs|vb)proj")
SHARED = re.compile(
    r"(.*/)?(Directory\.(Packages|Build)\.props|packages\.lock\.json|global\.json|nuget\.config)",
    re.IGNORECASE,
)
TESTED = re.compile(r"Microsoft\.NET\.Test\.Sdk|<IsTestProject>\s*true", re.IGNORECASE)


def plan(files: Files) -> SetupPlan | None:
    """What to restore and to check; None where there is neither a solution nor a project to take for it."""
    paths = tuple(sorted(files.paths()))
    projects = tuple(path for path in paths if PROJECT.fullmatch(path))
    target = next((path for path in paths if SOLUTION.fullmatch(path)), "")
    if not target and len(projects) != 1:
        return None  # of several, none is the whole
    target = target or projects[0]
    quoted, probe = shlex.quote(target), "dotnet --version"
    checks = []
    if ".editorconfig" in paths:
        form = f"dotnet format {quoted} --verify-no-changes --no-restore"
        checks.append(Check("lint", form, probe, "dotnet", ".editorconfig"))
    if tested := next((path for path in projects if TESTED.search(files.read(path))), ""):
        checks.append(Check("test", f"dotnet test {quoted} --no-restore", probe, "dotnet", tested))
    env = {
        "NUGET_PACKAGES": f"{ENVIRONMENT}/nuget",
        "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
        "DOTNET_NOLOGO": "1",
    }
    locks = tuple(path for path in paths if path == target or path in projects or SHARED.fullmatch(path))
    restore = Step("restore .NET's packages", (f"dotnet restore {quoted}",))
    return SetupPlan(".NET", (restore,), tuple(checks), env, locks, client=CLIENT)
