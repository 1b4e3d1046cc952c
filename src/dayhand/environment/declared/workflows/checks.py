"""A check of CI as a check of ours: how its tool is found to be there, and what would install it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

from dayhand.environment.declared.workflows.commands import FAMILIES, environments, session_name
from dayhand.environment.declared.workflows.kinds import kind_of_environment
from dayhand.environment.declared.workflows.plan import CiCheck
from dayhand.environment.declared.workflows.scripts import NODE_MANAGERS, Scripts, named_script
from dayhand.environment.declared.workflows.shell import split
from dayhand.environment.declared.workflows.wrappers import bare, program
from dayhand.environment.ecosystems import node, python_checks, python_runners
from dayhand.environment.ecosystems.base import Check, Files
from dayhand.environment.ecosystems.python_project import PythonProject, read
from dayhand.environment.ecosystems.python_runners import nox_sessions
from dayhand.environment.manifest import json_object, table
from dayhand.environment.monorepo import Within, in_folder

# Options of pytest that a plugin has: the package, and the module that shows that it is there.
PYTEST_PLUGINS = {
    "--cov": ("pytest-cov", "pytest_cov"),
    "--no-cov": ("pytest-cov", "pytest_cov"),
    "-n": ("pytest-xdist", "xdist"),
    "--numprocesses": ("pytest-xdist", "xdist"),
    "--dist": ("pytest-xdist", "xdist"),
    "--timeout": ("pytest-timeout", "pytest_timeout"),
    "--asyncio-mode": ("pytest-asyncio", "pytest_asyncio"),
    "--reruns": ("pytest-rerunfailures", "pytest_rerunfailures"),
    "--ds": ("pytest-django", "pytest_django"),
    "--reuse-db": ("pytest-django", "pytest_django"),
    "--create-db": ("pytest-django", "pytest_django"),
    "--splits": ("pytest-split", "pytest_split"),
    "--benchmark": ("pytest-benchmark", "pytest_benchmark"),
    "--random-order": ("pytest-random-order", "random_order"),
}


def to_check(ci: CiCheck, files: Files, detected: tuple[Check, ...]) -> Check:
    """The check, in its folder, with the probe and the remedy of the detected one that starts the same tool."""
    project = Within(files, ci.folder) if ci.folder else files
    made = _check(ci, project)
    like = next((each for each in detected if each.tool == made.tool and each.folder == ci.folder), None)
    if like and not made.remedy:
        made = replace(made, probe=like.probe, remedy=like.remedy)
        return replace(made, command=_placed(ci.folder, ci.command), folder=ci.folder)
    return replace(
        made,
        command=_placed(ci.folder, made.command),
        probe=_placed(ci.folder, made.probe),
        remedy=_placed(ci.folder, made.remedy) if made.remedy else "",
        folder=ci.folder,
    )


def _placed(folder: str, command: str) -> str:
    return in_folder(folder, command) if folder else command


def _check(ci: CiCheck, project: Files) -> Check:
    plain = Check(ci.kind, ci.command, _starts(ci.command), ci.tool, ci.source)
    match ci.family:
        case "python":
            return _python(plain, ci, read(project, frozenset(project.paths())))
        case "node":
            return _node(plain, ci, project)
        case "go":
            return replace(plain, probe=_go_probe(ci))
        case "rust":
            return replace(
                plain,
                probe=f"cargo {ci.words[1]} --version" if ci.words[1:2] != ("test",) else "cargo --version",
            )
        case "ruby":
            return replace(plain, probe=_ruby_probe(ci))
        case "php" if ci.tool == "composer":
            return replace(plain, probe="composer --version && test -d vendor")
    return _through_target(plain, ci, project)


def _starts(command: str) -> str:
    """Whether the programs that a command starts are there."""
    programs: list[str] = []
    for each in split(command) or ():
        words = [word.value for word in each.words]
        if words and not words[0].startswith("-"):
            programs.append(words[0])
    return " && ".join(f"command -v {shlex.quote(name)}" for name in dict.fromkeys(programs)) or "true"


def _python(plain: Check, ci: CiCheck, project: PythonProject) -> Check:
    tool = ci.words[0]
    if tool in ("tox", "nox"):
        return _session(plain, ci, project)
    if tool in ("pytest", "py.test"):
        wanted = dict(_plugins(ci.words))
        probe = python_checks.PYTEST_PROBE
        if wanted:
            probe = _with_modules(probe, wanted)
        packages = [project.declared.get(name, name) for name in ("pytest", *wanted)]
        made = replace(plain, probe=probe, tool="pytest", remedy=f"uv pip install {shlex.join(packages)}")
    elif tool == "python" and ci.words[1:2] and ci.words[1].rpartition("/")[2] == "manage.py":
        wanted_django = project.declared.get("django", "django")
        made = replace(
            plain,
            probe="python3 -c 'import django'",
            tool="django",
            remedy=f"uv pip install {shlex.quote(wanted_django)}",
        )
    elif tool in ("python", "unittest"):
        made = replace(plain, probe="python3 --version", tool="unittest" if tool == "unittest" else "python")
    else:
        made = replace(plain, probe=f"{tool} --version", tool=tool, remedy=_install(tool, project))
    if re.search(r"(^|\s)coverage run\b", ci.command):
        remedy = f"uv pip install {shlex.quote(project.declared.get('coverage', 'coverage'))}"
        made = replace(
            made,
            probe=f"coverage --version && {{ {made.probe}; }}",
            remedy=f"{remedy} && {made.remedy}" if made.remedy else remedy,
        )
    return made


def _install(tool: str, project: PythonProject) -> str:
    """Only what the repository declares, and well-known tools, are installed by name."""
    if tool not in project.declared and tool not in python_checks.BY_NAME:
        return ""
    return f"uv pip install {shlex.quote(project.declared.get(tool, tool))}"


def _session(plain: Check, ci: CiCheck, project: PythonProject) -> Check:
    """An environment of tox or a session of nox that cannot be run without it."""
    names = environments(ci.words)
    if ci.tool == "tox":
        name = next((each for each in names if kind_of_environment(each) == ci.kind), "py")
        return python_runners.tox_check(ci.kind, name, ci.source)[1]
    sessions = nox_sessions(project.files.read("noxfile.py"))
    named = (each for each in sessions if not names or each.name in {session_name(name) for name in names})
    found = next((each for each in named if kind_of_environment(each.name) == ci.kind), None)
    return python_runners.nox_check(ci.kind, found, ci.source)[1] if found else plain


def _with_modules(probe: str, wanted: dict[str, str]) -> str:
    modules = ", ".join(dict.fromkeys(wanted.values()))
    return f"python3 -c 'import {modules}' && {{ {probe}; }}"


def _plugins(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for word in words[1:]:
        for option, (package, module) in PYTEST_PLUGINS.items():
            if (
                word == option
                or word.startswith((f"{option}=", f"{option}-"))
                or (option == "-n" and re.fullmatch(r"-n(\d+|auto|logical)", word))
            ):
                yield package, module


def _node(plain: Check, ci: CiCheck, project: Files) -> Check:
    package = json_object(project.read("package.json"))
    scripts = {name: text for name, text in table(package, "scripts").items() if isinstance(text, str)}
    runner, name = named_script(ci.words)
    if runner == "npm" and name in scripts:
        made = node.script_check(ci.kind, name, scripts, package=package)
        kept = made.command if node.watching(scripts[name]) else ci.command
        return replace(made, command=kept, source=ci.source)
    tool = ci.words[0]
    if tool in NODE_MANAGERS or runner:
        manager = next((word for word in ci.command.split() if word in NODE_MANAGERS), "npm")
        return replace(plain, probe=f"{manager} --version", tool=manager)
    return replace(plain, probe=node.tool_probe(tool), remedy=node.tool_remedy((tool,), package))


def _go_probe(ci: CiCheck) -> str:
    if ci.words[0] != "go":
        return f"command -v {shlex.quote(ci.words[0])} && go version"
    if "-race" in ci.words:  # it needs a C compiler: https://go.dev/doc/articles/race_detector#Requirements
        return 'test "$(go env CGO_ENABLED)" = 1 && command -v "$(go env CC)"'
    return "go version"


def _ruby_probe(ci: CiCheck) -> str:
    bundled = "bundle exec " if "bundle exec" in ci.command else ""
    return f"{bundled}{ci.words[0]} --version"


def _through_target(plain: Check, ci: CiCheck, project: Files) -> Check:
    """A target of make, just or Task: also the tool that its recipe starts has to be there."""
    runner, name = named_script(ci.words)
    if not runner:
        return plain
    probe = f"{runner} --version"
    inner = started_tools(Scripts(project), runner, name)
    declared = read(project, frozenset(project.paths())).declared
    missing = [tool for tool in inner if tool in python_checks.BY_NAME]
    if not missing:
        return replace(plain, probe=probe, tool=runner)
    probes = " && ".join((probe, *(f"{tool} --version" for tool in missing)))
    packages = shlex.join(declared.get(tool, tool) for tool in missing)
    return replace(plain, probe=probes, tool=runner, remedy=f"uv pip install {packages}")


def target_families(ci: CiCheck, files: Files) -> frozenset[str]:
    """The languages whose tools a check starts; none where that cannot be told."""
    if ci.family:
        return frozenset([ci.family])
    runner, name = named_script(ci.words)
    scripts = Scripts(Within(files, ci.folder) if ci.folder else files)
    started = started_tools(scripts, runner, name) if runner else ()
    return frozenset(family for tool in started if (family := FAMILIES.get(tool)))


def started_tools(scripts: Scripts, runner: str, name: str, *, depth: int = 0) -> tuple[str, ...]:
    """The tools that a target starts, through the targets that it starts."""
    found: list[str] = []
    for line in scripts.text(runner, name).splitlines() if depth < 4 else ():
        for command in split(line) or ():
            words = program(bare(command.words))
            inner, target = named_script(words)
            if inner and scripts.text(inner, target):
                found += started_tools(scripts, inner, target, depth=depth + 1)
            elif words:
                found.append(words[0])
    return tuple(dict.fromkeys(found))
