"""tox, nox and pre-commit: asked only for those kinds of check that nothing of the repository's own names directly.

Each makes environments of its own during set-up, in places that stay: tox and nox in the working copy, pre-commit beside
the virtual environment. A check then uses them as they are, without a network.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems.base import Check, Step
from dayhand.environment.ecosystems.python_project import PythonProject, ini
from dayhand.environment.manifest import table

HOOKS = f"{ENVIRONMENT}/pre-commit"
NAMES = {
    "lint": r"(lint|flake8|ruff|style|quality|pep8)\b.*",
    "types": r"(mypy|typing|types|type_?check|pyright)\b.*",
    "test": r"(tests?|unit|pytest|py3?)\b.*",
}
SESSION = re.compile(r"^@nox\.session.*\n(?:@.*\n)*def (\w+)\(.*\n((?:[ \t]+.*\n|\n)*)", re.MULTILINE)
# What such a session installs is the base commit, and its tests would never see the change.
COPIED = re.compile(r"""\.install\(\s*["']\.""")


def checks_of(project: PythonProject, known: frozenset[str]) -> Iterator[tuple[Step, Check]]:
    """What to prepare and to check, for the kinds that are not ``known`` already."""
    for kind in NAMES:
        if kind not in known and (found := _tox(project, kind) or _nox(project, kind)):
            yield found
        elif kind == "lint" and kind not in known and ".pre-commit-config.yaml" in project.paths:
            yield _pre_commit(project)


def _tox(project: PythonProject, kind: str) -> tuple[Step, Check] | None:
    source, names = _tox_environments(project)
    name = next((one for one in names if re.fullmatch(NAMES[kind], one)), "")
    if not name:
        return None
    # Developed in place: an installed copy would be the base's, whatever the change is.
    run = f"tox run --develop -e {shlex.quote(name)}"
    get = "uv pip install tox tox-uv"
    probe = f"tox --version && test -d .tox/{shlex.quote(name)}"
    make = f"{get} && {run} --notest"
    check = Check(kind, f"{run} --skip-pkg-install", probe, "tox", f"{source} [testenv:{name}]", make)
    return Step(f"prepare tox's environment {name}", (make,)), check


def _tox_environments(project: PythonProject) -> tuple[str, tuple[str, ...]]:
    """The file that configures tox and the environments that have something to run: https://tox.wiki/en/latest/config.html."""
    for path in ("tox.ini", "setup.cfg"):
        parsed = ini(project.files.read(path)) if path in project.paths else ini("")
        if path == "tox.ini" or "tox:tox" in parsed.sections():
            names = [one.removeprefix("testenv:") for one in parsed.sections() if one.startswith("testenv:")]
            every = parsed.get("testenv", "commands", fallback="") if "testenv" in parsed.sections() else ""
            if names or every:
                return path, (*names, *(["py"] if every else []))
    own = table(project.pyproject, "tool", "tox")
    every = "commands" in table(own, "env_run_base")
    return "pyproject.toml", (*table(own, "env"), *(["py"] if every else []))


def _nox(project: PythonProject, kind: str) -> tuple[Step, Check] | None:
    text = project.files.read("noxfile.py") if "noxfile.py" in project.paths else ""
    name = next(
        (
            name
            for name, body in SESSION.findall(text)
            if re.fullmatch(NAMES[kind], name) and not COPIED.search(body)
        ),
        "",
    )
    if not name:
        return None
    make = f"uv pip install nox && nox --install-only -s {name}"
    probe = "nox --version && test -d .nox"
    check = Check(
        kind,
        f"nox --reuse-existing-virtualenvs --no-install -s {name}",
        probe,
        "nox",
        f"noxfile.py, session {name}",
        make,
    )
    return Step(f"prepare nox's session {name}", (make,)), check


def _pre_commit(project: PythonProject) -> tuple[Step, Check]:
    """Its hooks come from other repositories: where set-up may not reach those, the host that was asked for is named."""
    told = f"PRE_COMMIT_HOME={HOOKS} pre-commit"
    wanted = shlex.quote(project.declared.get("pre-commit", "pre-commit"))
    make = f"uv pip install {wanted} && {told} install-hooks && touch {HOOKS}/installed"
    check = Check(
        "lint",
        f"{told} run --all-files",
        f"pre-commit --version && test -e {HOOKS}/installed",
        "pre-commit",
        ".pre-commit-config.yaml",
        make,
    )
    return Step("prepare pre-commit's hooks", (make,)), check
