""".NET: the packages of a solution or a project, its format where .editorconfig asks for one, and the tests."""

from __future__ import annotations

import re
import shlex

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems import base
from dayhand.environment.ecosystems.base import Check, Files, Language, Names, SetupPlan, Step
from dayhand.environment.registries.base import Machine, Registry, configured

MANIFESTS: Names = (
    "Directory.Build.props",
    "Directory.Build.targets",
    "Directory.Packages.props",
    "packages.config",
)
LOCKS: Names = ("packages.lock.json",)
SETTINGS: Names = ("global.json", "nuget.config", "NuGet.Config")
SETTINGS_PATTERN = re.compile(r"(.*/)?[\w.-]+\.(csproj|fsproj|vbproj|sln|slnx)")
SETUP_ENV = base.NO_ENV
OFFLINE = base.NO_ENV
LANGUAGE = Language(
    "dotnet",
    ".NET",
    ("dotnet-core",),
    'command -v dotnet >/dev/null && echo "dotnet $(dotnet --version)"',
    r"^dotnet (\d[\d.]*)",
)
PINS = base.NO_NAMES
CLIENT = "nuget"
NESTED = base.NOT_NESTED

SOLUTION = re.compile(r"[^/]+\.slnx?")
PROJECT = re.compile(r"(.*/)?[^/]+\.(cs|fs|vb)proj")
SHARED = re.compile(
    r"(.*/)?(Directory\.(Packages|Build)\.props|packages\.lock\.json|global\.json|nuget\.config)",
    re.IGNORECASE,
)
TESTED = re.compile(r"Microsoft\.NET\.Test\.Sdk|<IsTestProject>\s*true", re.IGNORECASE)

members = base.no_members
compile_only = base.no_compiler
read_pin = base.first_word
required_versions = base.no_versions


def plan(files: Files) -> SetupPlan | None:
    """What to restore and to check; None without a solution or a single project."""
    paths = tuple(sorted(files.paths()))
    projects = tuple(path for path in paths if PROJECT.fullmatch(path))
    target = next((path for path in paths if SOLUTION.fullmatch(path)), "")
    if not target and len(projects) != 1:
        return None  # of several projects, no single one is the repository
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


def find_registry(machine: Machine) -> Registry:
    """The sources that are enabled in NuGet's own settings."""
    listed = machine.ask(["dotnet", "nuget", "list", "source", "--format", "short"])
    return configured(CLIENT, re.findall(r"^E\w*\s+(https?://\S+)", listed, re.MULTILINE), _client_env)


def _client_env(urls: tuple[str, ...]) -> dict[str, str]:
    return {"RestoreSources": ";".join(urls)} if urls else {}
