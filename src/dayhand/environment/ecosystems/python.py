"""Python: one virtual environment from what the repository locks or declares, and the checks that it configures."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment import version_pins
from dayhand.environment.ecosystems import base, python_runners
from dayhand.environment.ecosystems.base import Check, Fetch, Files, Language, Names, Nested, SetupPlan, Step
from dayhand.environment.ecosystems.python_checks import checks_of
from dayhand.environment.ecosystems.python_project import (
    REQUIREMENTS,
    SETTINGS_FILES,
    PythonProject,
    ini,
    poetry_groups,
    read,
    requirement_lines,
)
from dayhand.environment.manifest import strings, table, toml
from dayhand.environment.registries.python_index import find_python_registry

MANIFESTS: Names = ("pyproject.toml", "setup.py", "setup.cfg", "Pipfile")
LOCKS: Names = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")
SETTINGS: Names = (
    *(name for name in SETTINGS_FILES if name != "setup.cfg"),
    "noxfile.py",
    ".pre-commit-config.yaml",
    "ruff.toml",
    ".ruff.toml",
)
SETTINGS_PATTERN = re.compile(
    r"(?:.*/)?[\w.-]*requirements[\w.-]*\.(?:txt|in)|(?:.*/)?requirements/[^/]+\.(?:txt|in)"
)
SETUP_ENV: Mapping[str, str] = {
    "PIP_CACHE_DIR": f"{base.CACHE}/pip",
    "UV_CACHE_DIR": f"{base.CACHE}/uv",
    "UV_HTTP_RETRIES": "1",  # a host that is refused stays refused
    "VIRTUALENV_NO_PERIODIC_UPDATE": "1",  # it would look for a newer pip in the background
    "UV_COMPILE_BYTECODE": "1",  # later boxes cannot write here: without it every command compiles everything again
}
OFFLINE: Mapping[str, str] = {"UV_OFFLINE": "1"}
LANGUAGE = Language(
    "python",
    "Python",
    ("python3",),
    """python3 -VV
for each in python3.[0-9] python3.[0-9][0-9]; do
  for one in /usr/bin/$each /usr/local/bin/$each; do test -x "$one" && "$one" -V; done
done""",
    r"^Python (\d[\d.]*)",
)
PINS: Names = (".python-version",)
CLIENT = "python"
NESTED = Nested(
    ("pyproject.toml", "setup.py", "requirements.txt"),
    checked_from_top=True,
    # All projects share one virtual environment: it keeps what another one needs.
    step_rewrite=("uv sync", "uv sync --inexact"),
)

VENV = f"{ENVIRONMENT}/venv"
HOME = f"{ENVIRONMENT}/python"  # a downloaded Python
# Extras and groups of these names hold what a contributor installs; others may be heavy and are left out.
FOR_WORK = re.compile(
    r"all|check(s|ing)?|ci|dev(el(op(ment)?)?)?|lint(s|ing|ers?)?|qa|test(s|ing)?|typ(es|ing)"
)
# Each of these alone shows that the repository is a Python project.
SIGNS = (*LOCKS, "pyproject.toml", "setup.py", "setup.cfg", "tox.ini", ".python-version")
REMEDY = ["uv", "pip", "install"]
MAKE_ONCE = "uv venv -q --python"  # how a download makes its environment
REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.\-\[\]]*\s*([<>=!~;].*)?$")  # by name: no path and no address
RUNNERS = ("noxfile.py", ".pre-commit-config.yaml")
# Locks of other tools, each with the command that prints it as requirements.
EXPORTS = {
    "poetry.lock": "uv tool run --from poetry --with poetry-plugin-export poetry export --all-extras --all-groups --without-hashes",
    "pdm.lock": "uv tool run pdm export --no-hashes --group :all",
    "Pipfile.lock": "uv tool run pipenv requirements --dev",
}
FOREIGN = re.compile(r"(^|/)(node_modules|vendor|third_party|\.venv|venv|site-packages)/")

read_pin = base.first_word
compile_only = base.no_compiler
find_registry = find_python_registry


def plan(files: Files) -> SetupPlan | None:
    """What to install and what to check; None where the repository has no Python."""
    paths = frozenset(path for path in files.paths() if not FOREIGN.search(path))
    if not any(
        path in SIGNS or path.endswith(".py") or REQUIREMENTS.fullmatch(path.lower()) for path in paths
    ):
        return None
    project = read(files, paths)
    checks = tuple(checks_of(project))
    prepared = tuple(python_runners.checks_of(project, frozenset(check.kind for check in checks)))
    steps = (*_steps(project), *(step for step, _ in prepared))
    checks = (*checks, *(check for _, check in prepared))
    if not steps and not checks:
        return None
    if any(check.remedy for check in checks) or steps:
        steps = (make_venv(files), *steps)
    locks = tuple(path for path in (*SIGNS, *SETTINGS_FILES) if path in paths)
    locks = tuple(dict.fromkeys((*locks, *project.requirements)))
    locks = (*locks, *(path for path in RUNNERS if path in paths))
    return SetupPlan(
        "Python",
        steps,
        checks,
        venv_env() if steps else {},
        locks,
        client=CLIENT if steps else "",
        fetch=_fetch(project, checks, _interpreters(files)) if steps else None,
        problems=project.problems,
    )


def venv_env() -> dict[str, str]:
    return {
        "PATH": f"{VENV}/bin",
        "VIRTUAL_ENV": VENV,
        "UV_PROJECT_ENVIRONMENT": VENV,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "UV_NO_SYNC": "1",  # `uv run` uses what is installed: later boxes have no network and are read-only here
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def _pinned(files: Files) -> tuple[str, ...]:
    """The versions to ask uv for, from the files that uv itself does not read."""
    pin = None
    if not read_pin(files.read(".python-version")):
        pin = next(version_pins.read_version_managers(files, LANGUAGE), None)
    return tuple(dict.fromkeys((pin.wanted, ".".join(pin.wanted.split(".")[:2])))) if pin else ()


def make_venv(files: Files | None = None) -> Step:
    """With the pinned Python."""
    named = tuple(
        f"uv venv --quiet --allow-existing --python {shlex.quote(version)} {VENV}"
        for version in (_pinned(files) if files else ())
    )
    return Step(
        "make a virtual environment",
        (
            *named,
            f"uv venv --quiet --allow-existing {VENV}",  # takes .python-version and requires-python, or fails
            f'uv venv --quiet --allow-existing --python "$(command -v python3)" {VENV}',
            f"python3 -m venv {VENV}",
        ),
        always=True,
    )


def _interpreters(files: Files) -> tuple[str, ...]:
    """Words for ``uv venv --python``, as ``make_venv`` tries them; a path in .python-version is not one of them."""
    own = read_pin(files.read(".python-version"))
    pinned = (own,) if re.fullmatch(r"[\d.]+", own) else ()
    required = table(toml(files.read("pyproject.toml")), "project").get("requires-python")
    ranges = (required,) if isinstance(required, str) and re.fullmatch(r"[\d.,<>=!~* ]+", required) else ()
    words = (shlex.quote(version) for version in (*pinned, *_pinned(files), *ranges))
    return (*words, '"$(command -v python3)"')


def _steps(project: PythonProject) -> Iterator[Step]:
    if "uv.lock" in project.paths:
        workspace = table(project.pyproject, "tool", "uv", "workspace")
        sync = "uv sync --all-packages" if workspace else "uv sync"
        yield Step(
            "install with uv sync",
            (
                f"{sync} --frozen --all-extras --all-groups",
                f"UV_PYTHON={VENV}/bin/python3 {sync} --frozen --all-extras --all-groups",
                f"{sync} --frozen --all-groups",
                f"{sync} --frozen",
                sync,
                "uv pip install -r pyproject.toml",
            ),
        )
        return
    if lock := next((name for name in EXPORTS if name in project.paths), ""):
        # Exported, not synchronised: these tools use their own default index, not the configured one.
        locked = f"{EXPORTS[lock]} > /tmp/locked.txt && uv pip install -r /tmp/locked.txt"
        project_step = _project_step(project)
        otherwise = project_step.commands if project_step else ()
        yield Step(f"install {lock}", (locked, *otherwise))
    if project.requirements:
        yield _requirements_step(project)
    if step := _project_step(project):
        yield step
    groups = tuple(dict.fromkeys(poetry_groups(project.pyproject, FOR_WORK.fullmatch)))
    if groups and "poetry.lock" not in project.paths:
        yield Step("install Poetry's groups", (f"uv pip install {shlex.join(groups)}",))


def _fetch(project: PythonProject, checks: tuple[Check, ...], interpreters: tuple[str, ...]) -> Fetch | None:
    """Wheels alone, into uv's cache: each virtual environment is used once and removed.

    An interpreter that uv started later in one of them would run the .pth files of what was installed.
    """
    options = "--no-build --keyring-provider disabled"
    workspace = table(project.pyproject, "tool", "uv", "workspace")
    if "uv.lock" in project.paths:
        inner = sorted(path for path in project.paths if workspace and path.endswith("/pyproject.toml"))
        files: tuple[str, ...] = ("pyproject.toml", "uv.lock", *inner)
        sync = "uv sync --all-packages" if workspace else "uv sync"
        install = f"{sync} --frozen {options} --no-install-workspace --all-extras --all-groups"
    else:
        declared = table(project.pyproject, "project")
        files = (*project.requirements, *(("pyproject.toml",) if declared else ()))
        named = "".join(f" -r {shlex.quote(path)}" for path in project.requirements)
        if declared:
            extras = (name for name in _extras(project) if FOR_WORK.fullmatch(name.lower()))
            named += " -r pyproject.toml" + "".join(f" --extra {shlex.quote(name)}" for name in extras)
        words = [word for check in checks for word in _tools(check.remedy)]
        if not (named or words):
            return None
        install = f"uv pip install {options}{named} {shlex.join(dict.fromkeys(words))}".rstrip()
    texts = base.whole(project.files, files)
    if len(texts) < len(files):
        return None
    once = 'VIRTUAL_ENV="$once" UV_PROJECT_ENVIRONMENT="$once" UV_COMPILE_BYTECODE=0'
    make = " || ".join(f'{MAKE_ONCE} {version} "$once"' for version in interpreters)
    lines = [f"once={ENVIRONMENT}/once; trap 'rm -rf \"$once\"' EXIT", make, f"{once} {install} || exit"]
    if needed := _build_requirements(project):
        # Not all that is declared has wheels: what builds the project may come from elsewhere, or be missing.
        lines += ['rm -rf "$once"', make, f"{once} uv pip install {options} {shlex.join(needed)} || true"]
    return Fetch(texts, Step("download Python's packages", ("\n".join(lines),), runs_code=False))


def _build_requirements(project: PythonProject) -> tuple[str, ...]:
    """What builds the project, as far as it is declared: hatchling asks for one more when it runs."""
    if not any(path in project.paths for path in ("pyproject.toml", "setup.py", "setup.cfg")):
        return ()
    required = tuple(strings(table(project.pyproject, "build-system").get("requires")))
    names = [
        requirement for requirement in required or ("setuptools>=40.8.0",) if REQUIREMENT.match(requirement)
    ]
    return (*names, *(("editables",) if any(name.startswith("hatchling") for name in names) else ()))


def _tools(remedy: str) -> tuple[str, ...]:
    """The packages of a remedy that only installs packages by name."""
    words = shlex.split(remedy)
    names = words[len(REMEDY) :] if words[: len(REMEDY)] == REMEDY else []
    return tuple(names) if all(re.match(r"[A-Za-z0-9][^/]*$", name) for name in names) else ()


def _requirements_step(project: PythonProject) -> Step:
    named = " ".join(f"-r {shlex.quote(path)}" for path in project.requirements)
    lines = [line for path in project.requirements for line in requirement_lines(project.files, path)]
    each = " ".join(shlex.quote(line) for line in dict.fromkeys(lines))
    one_by_one = (
        f"failed=0; for one in {each}; do "
        'uv pip install "$one" || { echo "cannot be installed: $one"; failed=1; }; done; exit $failed'
    )
    commands = (f"uv pip install {named}", f"python3 -m pip install {named}")
    title = f"install {' and '.join(project.requirements)}"
    return Step(title, (*commands, one_by_one) if len(lines) > 1 else commands)


def _project_step(project: PythonProject) -> Step | None:
    declared = table(project.pyproject, "project")
    built = (
        "build-system" in project.pyproject or "setup.py" in project.paths or "metadata" in project.sections
    )
    groups = "".join(
        f" --group {shlex.quote(name)}"
        for name in table(project.pyproject, "dependency-groups")
        if FOR_WORK.fullmatch(name.lower())
    )
    if not declared and not built:
        return Step("install the dependency groups", (f"uv pip install{groups}",)) if groups else None
    extras = [name for name in _extras(project) if FOR_WORK.fullmatch(name.lower())]
    project_path = shlex.quote(f".[{','.join(extras)}]" if extras else ".")
    commands = [f"uv pip install -e {project_path}{groups}"]
    if declared:  # an application that cannot be built still lists its dependencies
        named = "".join(f" --extra {shlex.quote(name)}" for name in extras)
        commands.append(f"uv pip install -r pyproject.toml{named}{groups}")
    commands.append(f"python3 -m pip install -e {project_path}")
    return Step("install the project", tuple(commands))


def _extras(project: PythonProject) -> list[str]:
    if extras := table(project.pyproject, "project", "optional-dependencies"):
        return list(extras)
    if "options.extras_require" in project.sections:
        return [name for name, _ in ini(project.files.read("setup.cfg")).items("options.extras_require")]
    # setup.py is code, which only runs in the box; uv ignores an extra that does not exist.
    return ["dev", "test", "tests"] if "setup.py" in project.paths else []


def members(files: Files) -> Iterator[str]:
    """The members of uv's workspace."""
    workspace = table(toml(files.read("pyproject.toml")), "tool", "uv", "workspace")
    yield from strings(workspace.get("members"))
    yield from (f"!{pattern}" for pattern in strings(workspace.get("exclude")))


def required_versions(files: Files) -> Iterator[tuple[str, object]]:
    """The Python that the project requires."""
    project = table(toml(files.read("pyproject.toml")), "project")
    yield "pyproject.toml requires-python", project.get("requires-python")
