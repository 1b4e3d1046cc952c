"""What Python checks: linters, type checkers and test runners that a repository configures or declares."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from dayhand.environment.ecosystems.base import Check
from dayhand.environment.ecosystems.python_project import MANAGE, OWN_RUNNERS, PythonProject, ini
from dayhand.environment.manifest import strings, table, toml

# --version passes even where pytest rejects its own configuration. First without conftest.py, which is the
# repository's code and may be what is broken; then with it, because it may define the options.
PYTEST_PROBE = "python3 -m pytest --noconftest --markers || python3 -m pytest --markers"
# Well-known tools whose package has their name: the only ones that a name alone installs.
BY_NAME = frozenset(
    [
        *(
            "bandit",
            "black",
            "codespell",
            "coverage",
            "flake8",
            "isort",
            "mypy",
            "nox",
            "pre-commit",
            "pylint",
        ),
        *("pyright", "pytest", "ruff", "tox", "vulture"),
    ]
)
MYPY_TARGETS = {"files", "packages", "modules"}
PLUGINS = {
    "--asyncio-mode": "pytest-asyncio",
    "--cov": "pytest-cov",
    "--timeout": "pytest-timeout",
    "-n": "pytest-xdist",
}


def checks_of(project: PythonProject) -> Iterator[Check]:
    if source := declares(project, "ruff", ("ruff.toml", ".ruff.toml"), sections=()):
        yield _tool_check(project, "lint", _ruff_command(project), tool="ruff", source=source)
        if table(project.pyproject, "tool", "ruff", "format"):
            yield _tool_check(project, "lint", "ruff format --check .", tool="ruff", source=source)
    if source := declares(project, "flake8", (".flake8",), sections=("flake8",)):
        yield _tool_check(project, "lint", "flake8", tool="flake8", source=source)
    if source := declares(project, "mypy", ("mypy.ini", ".mypy.ini"), sections=("mypy",)):
        yield _tool_check(project, "types", _mypy_command(project), tool="mypy", source=source)
    if check := _django_check(project) or (_test_check(project) if project.tests else _own_runner(project)):
        yield check


def declares(project: PythonProject, tool: str, own: tuple[str, ...], *, sections: tuple[str, ...]) -> str:
    """Where the repository declares a tool; "" where it does not."""
    if tool in table(project.pyproject, "tool"):
        return f"pyproject.toml [tool.{tool}]"
    for name in own:
        if name in project.paths:
            return name
    for section in sections:
        if section in project.sections:
            return f"{project.sections[section]} [{section}]"
    return f"its dependency {project.declared[tool]}" if tool in project.declared else ""


def _tool_check(project: PythonProject, kind: str, command: str, *, tool: str, source: str) -> Check:
    wanted = shlex.quote(project.declared.get(tool, tool))
    return Check(kind, command, f"{tool} --version", tool, source, f"uv pip install {wanted}")


def _ruff_command(project: PythonProject) -> str:
    """A check reports and repairs nothing, whatever its settings ask for."""
    settings = [project.files.read(name) for name in ("ruff.toml", ".ruff.toml") if name in project.paths]
    repairs = table(project.pyproject, "tool", "ruff").get("fix") or any(
        toml(text).get("fix") for text in settings
    )
    return "ruff check --no-fix ." if repairs else "ruff check ."


def _mypy_command(project: PythonProject) -> str:
    section = table(project.pyproject, "tool", "mypy")
    if MYPY_TARGETS & section.keys():
        return "mypy"
    where = project.sections.get("mypy")
    if where and any(ini(project.files.read(where)).has_option("mypy", name) for name in MYPY_TARGETS):
        return "mypy"
    return "mypy src" if any(path.startswith("src/") for path in project.paths) else "mypy ."


def _test_check(project: PythonProject) -> Check:
    source = _pytest_source(project)
    if not source and not _only_unittest(project):
        source = project.tests[0]
    if source:
        wanted = [project.declared.get("pytest", "pytest"), *_plugins(project)]
        remedy = f"uv pip install {' '.join(map(shlex.quote, wanted))}"
        return Check("test", "python3 -m pytest -q", PYTEST_PROBE, "pytest", source, remedy)
    folders = {path.partition("/")[0] if "/" in path else "" for path in project.tests}
    command = "python3 -m unittest discover"
    if len(folders) == 1 and (folder := folders.pop()):
        top = " -t ." if f"{folder}/__init__.py" in project.paths else ""
        command += f" -s {shlex.quote(folder)}{top}"
    if not any(path.rpartition("/")[2].startswith("test") for path in project.tests):
        command += " -p '*_test.py'"
    return Check("test", command, "python3 -m unittest --help", "unittest", project.tests[0])


def _django_check(project: PythonProject) -> Check | None:
    """Django's own test runner, unless pytest-django is used: https://docs.djangoproject.com/en/stable/topics/testing/overview/."""
    if MANAGE not in project.paths or "django" not in project.files.read(MANAGE).lower():
        return None
    tested = project.tests or any(path.rpartition("/")[2] == "tests.py" for path in project.paths)
    if not tested or "pytest-django" in project.declared or _pytest_source(project):
        return None
    remedy = f"uv pip install {shlex.quote(project.declared.get('django', 'django'))}"
    return Check("test", "python3 manage.py test", "python3 -c 'import django'", "django", MANAGE, remedy)


def _own_runner(project: PythonProject) -> Check | None:
    """A file that runs the tests itself, where no other tests are found."""
    path = next((name for name in OWN_RUNNERS if name in project.paths), "")
    if not path:
        return None
    text = project.files.read(path)
    if re.search(r"^def test_|^class Test", text, re.MULTILINE) and "__main__" not in text:
        wanted = project.declared.get("pytest", "pytest")
        command, remedy = f"python3 -m pytest -q {path}", f"uv pip install {shlex.quote(wanted)}"
        return Check("test", command, PYTEST_PROBE, "pytest", path, remedy)
    return Check("test", f"python3 {path}", "python3 --version", "python", path)


def _pytest_source(project: PythonProject) -> str:
    return declares(
        project, "pytest", ("pytest.ini", ".pytest.ini", "conftest.py"), sections=("pytest", "tool:pytest")
    )


def _plugins(project: PythonProject) -> Iterator[str]:
    """The plugins that pytest needs for the options that the repository always passes to it."""
    options = " ".join(_pytest_options(project))
    for option, plugin in PLUGINS.items():
        if re.search(rf"(^|\s){option}\b", options):
            yield project.declared.get(plugin, plugin)


def _pytest_options(project: PythonProject) -> Iterator[str]:
    """The ``addopts`` of every file that can configure pytest."""
    for path in (("tool", "pytest", "ini_options"), ("tool", "pytest")):
        value = table(project.pyproject, *path).get("addopts")
        yield from [value] if isinstance(value, str) else strings(value)
    for name in ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg"):
        parsed = ini(project.files.read(name)) if name in project.paths else ini("")
        for section in ("pytest", "tool:pytest"):
            yield parsed.get(section, "addopts", fallback="") or ""


def _only_unittest(project: PythonProject) -> bool:
    texts = [project.files.read(path) for path in project.tests[:50]]
    if any(re.search(r"^\s*(import|from) pytest\b", text, re.MULTILINE) for text in texts):
        return False
    return any("unittest" in text for text in texts)
