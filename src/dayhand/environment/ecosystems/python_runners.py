"""tox, nox and pre-commit, for the kinds of check that nothing else in the repository names directly.

Each creates its environments during set-up, where they are kept: tox and nox in the working copy, pre-commit next to the
virtual environment. A check then uses them as they are, without a network.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems.base import Check, Step
from dayhand.environment.ecosystems.python_project import PythonProject, ini
from dayhand.environment.manifest import table
from dayhand.startup.records import dataclass

HOOKS = f"{ENVIRONMENT}/pre-commit"
NAMES = {
    "lint": r"(lint|flake8|ruff|style|quality|pep8)\b.*",
    "types": r"(mypy|typing|types|type_?check|pyright)\b.*",
    "test": r"(tests?|unit|pytest|py3?)\b.*",
}
EDITABLE = ("-e", "--editable")


@dataclass(frozen=True, slots=True)
class NoxSession:
    """One session of a noxfile."""

    name: str
    several_pythons: bool = False


def checks_of(project: PythonProject, known: frozenset[str]) -> Iterator[tuple[Step, Check]]:
    """What to prepare and check, for the kinds that are not in ``known``."""
    for kind in NAMES:
        if kind not in known and (found := _tox(project, kind) or _nox(project, kind)):
            yield found
        elif kind == "lint" and kind not in known and ".pre-commit-config.yaml" in project.paths:
            yield _pre_commit(project)


def _tox(project: PythonProject, kind: str) -> tuple[Step, Check] | None:
    source, names = _tox_environments(project)
    name = next((each for each in names if re.fullmatch(NAMES[kind], each)), "")
    if not name:
        return None
    return tox_check(kind, name, f"{source} [testenv:{name}]")


def tox_check(kind: str, name: str, source: str) -> tuple[Step, Check]:
    """One environment of tox, made during set-up."""
    # In development mode: an installed copy would be the base commit's, whatever the change is.
    run = f"tox run --develop -e {shlex.quote(name)}"
    get = "uv pip install tox tox-uv"
    probe = f"tox --version && test -d .tox/{shlex.quote(name)}"
    make = f"{get} && {run} --notest"
    check = Check(kind, f"{run} --skip-pkg-install", probe, "tox", source, make)
    return Step(f"prepare tox's environment {name}", (make,)), check


def _tox_environments(project: PythonProject) -> tuple[str, tuple[str, ...]]:
    """The file that configures tox and the environments that have something to run: https://tox.wiki/en/latest/config.html."""
    for path in ("tox.ini", "setup.cfg"):
        parsed = ini(project.files.read(path)) if path in project.paths else ini("")
        if path == "tox.ini" or "tox:tox" in parsed.sections():
            names = [
                name.removeprefix("testenv:") for name in parsed.sections() if name.startswith("testenv:")
            ]
            every = parsed.get("testenv", "commands", fallback="") if "testenv" in parsed.sections() else ""
            if names or every:
                return path, (*names, *(["py"] if every else []))
    own = table(project.pyproject, "tool", "tox")
    every = "commands" in table(own, "env_run_base")
    return "pyproject.toml", (*table(own, "env"), *(["py"] if every else []))


def _nox(project: PythonProject, kind: str) -> tuple[Step, Check] | None:
    text = project.files.read("noxfile.py") if "noxfile.py" in project.paths else ""
    found = next((each for each in nox_sessions(text) if re.fullmatch(NAMES[kind], each.name)), None)
    return nox_check(kind, found, f"noxfile.py, session {found.name}") if found else None


def nox_check(kind: str, session: NoxSession, source: str) -> tuple[Step, Check]:
    """One session of nox, made during set-up; of several Pythons that it asks for, with those that the box has."""
    only = f"{'--no-error-on-missing-interpreters ' if session.several_pythons else ''}-s {session.name}"
    make = f"uv pip install nox && nox --install-only {only}"
    probe = "nox --version && test -d .nox"
    run = f"nox --reuse-existing-virtualenvs --no-install {only}"
    check = Check(kind, run, probe, "nox", source, make)
    return Step(f"prepare nox's session {session.name}", (make,)), check


def nox_sessions(text: str) -> Iterator[NoxSession]:
    """The sessions of a noxfile that install no copy of the project.

    A copy would be the base commit's, so its tests would never see the change.
    """
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # nox itself reports it
        return
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            session = next((each for each in node.decorator_list if _is_session(each)), None)
            if session and not any(map(_installs_copy, ast.walk(node))):
                yield NoxSession(_session_name(session) or node.name, _asks_for_pythons(session))


def _is_session(decorator: ast.expr) -> bool:
    """Whether it is ``@session``, ``@nox.session`` or one of these with arguments."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "session"


def _asks_for_pythons(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and any(each.arg == "python" for each in decorator.keywords)


def _session_name(decorator: ast.expr) -> str:
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    values = (keyword.value for keyword in keywords if keyword.arg == "name")
    return next((str(value.value) for value in values if isinstance(value, ast.Constant)), "")


def _installs_copy(node: ast.AST) -> bool:
    """Whether it is a call such as ``session.install(".[test]")``; not an editable installation."""
    if not (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "install"
    ):
        return False
    words = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
    pairs = zip([None, *words], words, strict=False)
    return any(
        isinstance(word, str) and word.startswith(".") and before not in EDITABLE for before, word in pairs
    )


def _pre_commit(project: PythonProject) -> tuple[Step, Check]:
    """The hooks come from other repositories: where set-up may not reach them, their host is named."""
    run = f"PRE_COMMIT_HOME={HOOKS} pre-commit"
    wanted = shlex.quote(project.declared.get("pre-commit", "pre-commit"))
    make = f"uv pip install {wanted} && {run} install-hooks && touch {HOOKS}/installed"
    check = Check(
        "lint",
        f"{run} run --all-files",
        f"pre-commit --version && test -e {HOOKS}/installed",
        "pre-commit",
        ".pre-commit-config.yaml",
        make,
    )
    return Step("prepare pre-commit's hooks", (make,)), check
