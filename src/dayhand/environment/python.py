"""Python: one virtual environment from what the repository locks or declares, and the checks that it configures."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from dayhand.environment.base import Check, Files, Plan, Step
from dayhand.sandbox.base import ENVIRONMENT

VENV = f"{ENVIRONMENT}/venv"
CLIENT = "python"

# Extras and groups of these names hold what a contributor installs; others may be heavy and are left out.
FOR_WORK = re.compile(
    r"all|check(s|ing)?|ci|dev(el(op(ment)?)?)?|lint(s|ing|ers?)?|qa|test(s|ing)?|typ(es|ing)"
)
MANIFESTS = (
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "tox.ini",
    ".python-version",
)
# Locks of other tools, each with the command that prints it as requirements.
EXPORTS = {
    "poetry.lock": "uv tool run --from poetry --with poetry-plugin-export poetry export --all-extras --all-groups --without-hashes",
    "pdm.lock": "uv tool run pdm export --no-hashes --group :all",
    "Pipfile.lock": "uv tool run pipenv requirements --dev",
}
SETTINGS = ("setup.cfg", "tox.ini", "pytest.ini", ".pytest.ini", ".flake8", "mypy.ini", ".mypy.ini")
REQUIREMENTS = re.compile(
    r"((requirements|tests?|dev)/)?([a-z]+[-_.])?requirements([-_.][a-z]+)?\.(txt|in)|requirements/[a-z]+\.txt"
)
NOT_FOR_WORK = re.compile(r"\b(docs?|documentation|prod|production|release|deploy|build|gpu|cuda)\b")
TEST_FILE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test)\.py$")
FOREIGN = re.compile(r"(^|/)(node_modules|vendor|third_party|\.venv|venv|site-packages)/")
# --version would pass where pytest refuses its own configuration. Without conftest.py, because that is the
# repository's code, and may be what has to be repaired; with it, because it may define the options.
PYTEST_PROBE = "python3 -m pytest --noconftest --markers || python3 -m pytest --markers"
MYPY_TARGETS = {"files", "packages", "modules"}
PLUGINS = {
    "--asyncio-mode": "pytest-asyncio",
    "--cov": "pytest-cov",
    "--timeout": "pytest-timeout",
    "-n": "pytest-xdist",
}


@dataclass(frozen=True, slots=True)
class Project:
    """What a repository says of its Python, in whatever file it says so."""

    files: Files
    paths: frozenset[str]
    pyproject: Mapping[str, object]
    sections: Mapping[str, str]  # of setup.cfg, tox.ini and the like: the section, and the file it stands in
    requirements: tuple[str, ...]  # the requirements files that a contributor would install
    declared: Mapping[str, str]  # a package's normal name, and how it is asked for: "ruff" to "ruff>=0.4"
    tests: tuple[str, ...]


def plan(files: Files) -> Plan | None:
    """What to install and what to check; None where nothing of the repository is Python's."""
    paths = frozenset(path for path in files.paths() if not FOREIGN.search(path))
    if not any(
        path in MANIFESTS or path.endswith(".py") or REQUIREMENTS.fullmatch(path.lower()) for path in paths
    ):
        return None
    project = _read(files, paths)
    steps = tuple(_steps(project))
    checks = tuple(_checks(project))
    if not steps and not checks:
        return None
    if any(check.remedy for check in checks) or steps:
        steps = (_make_venv(), *steps)
    locks = tuple(path for path in (*MANIFESTS, *SETTINGS) if path in paths)
    locks = tuple(dict.fromkeys((*locks, *project.requirements)))
    return Plan("Python", steps, checks, _env() if steps else {}, locks, client=CLIENT if steps else "")


def _env() -> dict[str, str]:
    return {
        "PATH": f"{VENV}/bin",
        "VIRTUAL_ENV": VENV,
        "UV_PROJECT_ENVIRONMENT": VENV,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "UV_NO_SYNC": "1",  # `uv run` takes what is installed: later boxes have neither network nor a place to write
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def _read(files: Files, paths: frozenset[str]) -> Project:
    pyproject = _toml(files.read("pyproject.toml"))
    sections: dict[str, str] = {}
    declared: dict[str, str] = {}
    for name in SETTINGS:
        if name not in paths:
            continue
        parsed = _ini(files.read(name))
        sections.update((section, name) for section in parsed.sections())
        for section in parsed.sections():
            _declare(declared, _ini_requirements(parsed, section))
    requirements = tuple(path for path in sorted(paths) if REQUIREMENTS.fullmatch(path.lower()))
    requirements = tuple(path for path in requirements if _installable(path, paths))
    for path in requirements:
        _declare(declared, requirement_lines(files, path))
    _declare(declared, _pyproject_requirements(pyproject))
    if ".pre-commit-config.yaml" in paths:
        hooks = re.findall(
            r"^\s*-?\s*id:\s*['\"]?([\w-]+)", files.read(".pre-commit-config.yaml"), re.MULTILINE
        )
        _declare(declared, (hook for hook in hooks if hook in ("ruff", "ruff-check", "flake8", "mypy")))
    if "ruff-check" in declared:
        declared.setdefault("ruff", "ruff")
    tests = tuple(path for path in sorted(paths) if TEST_FILE.search(path))
    return Project(files, paths, pyproject, sections, requirements, declared, tests)


def _installable(path: str, paths: frozenset[str]) -> bool:
    if NOT_FOR_WORK.search(path.lower().replace("_", "-")):
        return False
    return not (path.endswith(".in") and f"{path[:-3]}.txt" in paths)


def requirement_lines(files: Files, path: str, depth: int = 3) -> Iterator[str]:
    """The requirements of a requirements file and of those that it includes, options left out."""
    for raw in files.read(path).replace("\\\n", " ").splitlines():
        line = re.split(r"(?:^|\s)#|\s--hash", raw)[0].strip()
        included = re.match(r"(?:-r|--requirement)[ =]?\s*(\S+)", line)
        if included and depth:
            folder = path.rpartition("/")[0]
            yield from requirement_lines(files, f"{folder}/{included[1]}".lstrip("/"), depth - 1)
        elif line and not line.startswith("-"):
            yield line


def _declare(declared: dict[str, str], lines: Iterator[str]) -> None:
    for line in lines:
        name = re.match(r"[A-Za-z0-9][\w.-]*", line)
        if name and not re.match(r"[\w.-]+:", line):
            declared.setdefault(re.sub(r"[-_.]+", "-", name[0]).lower(), line)


def _pyproject_requirements(pyproject: Mapping[str, object]) -> Iterator[str]:
    yield from _strings(_table(pyproject, "project").get("dependencies"))
    for extra in _table(pyproject, "project", "optional-dependencies").values():
        yield from _strings(extra)
    for group in _table(pyproject, "dependency-groups").values():
        yield from _strings(group)
    yield from _strings(_table(pyproject, "tool", "uv").get("dev-dependencies"))
    yield from _poetry_groups(pyproject, lambda _: True)


def _poetry_groups(pyproject: Mapping[str, object], wanted: Callable[[str], object]) -> Iterator[str]:
    """The requirements of Poetry's own groups, which no other installer reads."""
    poetry = _table(pyproject, "tool", "poetry")
    groups = _table(poetry, "group")
    tables = [_table(groups, name, "dependencies") for name in groups if wanted(name.lower())]
    for table in (_table(poetry, "dev-dependencies"), *tables):
        yield from (_poetry_requirement(name, version) for name, version in table.items())


def _poetry_requirement(name: str, version: object) -> str:
    """Poetry's caret and tilde are its own; a plain lower bound keeps the sense well enough for a tool."""
    if isinstance(version, list):  # one for each Python: the last is the newest one's
        version = version[-1] if version else ""
    text = str(version.get("version", "") if isinstance(version, dict) else version)
    bound = re.fullmatch(r"[\^~]?(\d[\w.]*)", text)
    return f"{name}>={bound[1]}" if bound else name


def _ini_requirements(parsed: configparser.RawConfigParser, section: str) -> Iterator[str]:
    if section == "options.extras_require":
        for _, value in parsed.items(section):
            yield from (line.strip() for line in value.splitlines() if line.strip())
    elif section.startswith("testenv"):
        deps = parsed.get(section, "deps", fallback="")
        yield from (line.strip() for line in deps.splitlines() if re.match(r"\s*[A-Za-z]", line))


def _make_venv() -> Step:
    return Step(
        "make a virtual environment",
        (
            f"uv venv --quiet --allow-existing {VENV}",  # obeys .python-version and requires-python, or fails
            f'uv venv --quiet --allow-existing --python "$(command -v python3)" {VENV}',
            f"python3 -m venv {VENV}",
        ),
        always=True,
    )


def _steps(project: Project) -> Iterator[Step]:
    if "uv.lock" in project.paths:
        yield Step(
            "install with uv sync",
            (
                "uv sync --frozen --all-extras --all-groups",
                f"UV_PYTHON={VENV}/bin/python3 uv sync --frozen --all-extras --all-groups",
                "uv sync --frozen --all-groups",
                "uv sync --frozen",
                "uv sync",
                "uv pip install -r pyproject.toml",
            ),
        )
        return
    if lock := next((name for name in EXPORTS if name in project.paths), ""):
        # Exported and not synchronised: these tools ask their own default index, and not the configured one.
        locked = f"{EXPORTS[lock]} > /tmp/locked.txt && uv pip install -r /tmp/locked.txt"
        project_step = _project_step(project)
        otherwise = project_step.commands if project_step else ()
        yield Step(f"install {lock}", (locked, *otherwise))
    if project.requirements:
        yield _requirements_step(project)
    if step := _project_step(project):
        yield step
    groups = tuple(dict.fromkeys(_poetry_groups(project.pyproject, FOR_WORK.fullmatch)))
    if groups and "poetry.lock" not in project.paths:
        yield Step("install Poetry's groups", (f"uv pip install {shlex.join(groups)}",))


def _requirements_step(project: Project) -> Step:
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


def _project_step(project: Project) -> Step | None:
    declared = _table(project.pyproject, "project")
    built = (
        "build-system" in project.pyproject or "setup.py" in project.paths or "metadata" in project.sections
    )
    groups = "".join(
        f" --group {shlex.quote(name)}"
        for name in _table(project.pyproject, "dependency-groups")
        if FOR_WORK.fullmatch(name.lower())
    )
    if not declared and not built:
        return Step("install the dependency groups", (f"uv pip install{groups}",)) if groups else None
    extras = [name for name in _extras(project) if FOR_WORK.fullmatch(name.lower())]
    whole = shlex.quote(f".[{','.join(extras)}]" if extras else ".")
    commands = [f"uv pip install -e {whole}{groups}"]
    if declared:  # an application that cannot be built still names what it needs
        named = "".join(f" --extra {shlex.quote(name)}" for name in extras)
        commands.append(f"uv pip install -r pyproject.toml{named}{groups}")
    commands.append(f"python3 -m pip install -e {whole}")
    return Step("install the project", tuple(commands))


def _extras(project: Project) -> list[str]:
    if extras := _table(project.pyproject, "project", "optional-dependencies"):
        return list(extras)
    if "options.extras_require" in project.sections:
        return [name for name, _ in _ini(project.files.read("setup.cfg")).items("options.extras_require")]
    # What setup.py says is code, which only runs in the box; uv passes over an extra that is not there.
    return ["dev", "test", "tests"] if "setup.py" in project.paths else []


def _checks(project: Project) -> Iterator[Check]:
    if source := _declares(project, "ruff", ("ruff.toml", ".ruff.toml"), ()):
        yield _tool_check(project, "lint", _ruff_command(project), "ruff", source)
        if _table(project.pyproject, "tool", "ruff", "format"):
            yield _tool_check(project, "lint", "ruff format --check .", "ruff", source)
    if source := _declares(project, "flake8", (".flake8",), ("flake8",)):
        yield _tool_check(project, "lint", "flake8", "flake8", source)
    if source := _declares(project, "mypy", ("mypy.ini", ".mypy.ini"), ("mypy",)):
        yield _tool_check(project, "types", _mypy_command(project), "mypy", source)
    if project.tests:
        yield _test_check(project)


def _declares(project: Project, tool: str, own: tuple[str, ...], sections: tuple[str, ...]) -> str:
    """Where the repository declares a tool; "" where it does not."""
    if tool in _table(project.pyproject, "tool"):
        return f"pyproject.toml [tool.{tool}]"
    for name in own:
        if name in project.paths:
            return name
    for section in sections:
        if section in project.sections:
            return f"{project.sections[section]} [{section}]"
    return f"its dependency {project.declared[tool]}" if tool in project.declared else ""


def _tool_check(project: Project, kind: str, command: str, tool: str, source: str) -> Check:
    wanted = shlex.quote(project.declared.get(tool, tool))
    return Check(kind, command, f"{tool} --version", tool, source, f"uv pip install {wanted}")


def _ruff_command(project: Project) -> str:
    """A check says what is wrong and repairs nothing, whatever its settings ask for."""
    settings = [project.files.read(name) for name in ("ruff.toml", ".ruff.toml") if name in project.paths]
    repairs = _table(project.pyproject, "tool", "ruff").get("fix") or any(
        _toml(text).get("fix") for text in settings
    )
    return "ruff check --no-fix ." if repairs else "ruff check ."


def _mypy_command(project: Project) -> str:
    section = _table(project.pyproject, "tool", "mypy")
    if MYPY_TARGETS & section.keys():
        return "mypy"
    where = project.sections.get("mypy")
    if where and any(_ini(project.files.read(where)).has_option("mypy", name) for name in MYPY_TARGETS):
        return "mypy"
    return "mypy src" if any(path.startswith("src/") for path in project.paths) else "mypy ."


def _test_check(project: Project) -> Check:
    source = _declares(
        project, "pytest", ("pytest.ini", ".pytest.ini", "conftest.py"), ("pytest", "tool:pytest")
    )
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


def _plugins(project: Project) -> Iterator[str]:
    """What pytest needs to understand the options that the repository always gives it."""
    names = ("pyproject.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")
    settings = "\n".join(project.files.read(name) for name in names if name in project.paths)
    options = " ".join(re.findall(r"^addopts\s*=((?:.*\n)(?:[ \t\]].*\n?)*)", f"{settings}\n", re.MULTILINE))
    for option, plugin in PLUGINS.items():
        if re.search(rf"(^|[\s\"']){option}\b", options):
            yield project.declared.get(plugin, plugin)


def _only_unittest(project: Project) -> bool:
    texts = [project.files.read(path) for path in project.tests[:50]]
    if any(re.search(r"^\s*(import|from) pytest\b", text, re.MULTILINE) for text in texts):
        return False
    return any("unittest" in text for text in texts)


def _toml(text: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}  # what is wrong with it, the installer says better than we can


def _ini(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return configparser.RawConfigParser()
    return parser


def _table(tables: Mapping[str, object], *names: str) -> Mapping[str, object]:
    for name in names:
        inner = tables.get(name)
        if not isinstance(inner, dict):
            return {}
        tables = inner
    return tables


def _strings(value: object) -> Iterator[str]:
    return (item for item in value if isinstance(item, str)) if isinstance(value, list) else iter(())
