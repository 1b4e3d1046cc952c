"""What a repository's files declare about its Python."""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Iterator, Mapping

from dayhand.environment import yaml_file
from dayhand.environment.ecosystems.base import Files
from dayhand.environment.manifest import strings, table, toml
from dayhand.startup.records import dataclass

SETTINGS_FILES = ("setup.cfg", "tox.ini", "pytest.ini", ".pytest.ini", ".flake8", "mypy.ini", ".mypy.ini")
PRE_COMMIT = ".pre-commit-config.yaml"
REQUIREMENTS = re.compile(
    r"((requirements|tests?|dev)/)?([a-z]+[-_.])?requirements([-_.][a-z]+)?\.(txt|in)|requirements/[a-z]+\.txt"
)
NOT_FOR_WORK = re.compile(r"\b(docs?|documentation|prod|production|release|deploy|build|wheels|gpu|cuda)\b")
# A runner of the repository's own; Django's is manage.py, which knows where its tests are.
OWN_RUNNERS = (
    "test.py",
    "tests.py",
    "runtests.py",
    "run_tests.py",
    "tests/runtests.py",
    "tests/run.py",
    "test/run.py",
)
MANAGE = "manage.py"
TEST_FILE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test)\.py$")


@dataclass(frozen=True, slots=True)
class PythonProject:
    """What a repository's files declare about its Python."""

    files: Files
    paths: frozenset[str]
    pyproject: Mapping[str, object]
    sections: Mapping[str, str]  # of setup.cfg, tox.ini and similar files: section to file
    requirements: tuple[str, ...]  # the requirements files that a contributor would install
    declared: Mapping[str, str]  # normalised package name to requirement: "ruff" to "ruff>=0.4"
    tests: tuple[str, ...]
    problems: tuple[str, ...] = ()  # sentences about files that cannot be read


def read(files: Files, paths: frozenset[str]) -> PythonProject:
    pyproject = toml(files.read("pyproject.toml"))
    sections: dict[str, str] = {}
    declared: dict[str, str] = {}
    for name in SETTINGS_FILES:
        if name not in paths:
            continue
        parsed = ini(files.read(name))
        sections.update((section, name) for section in parsed.sections())
        for section in parsed.sections():
            _declare(declared, _ini_requirements(parsed, section))
    requirements = tuple(path for path in sorted(paths) if REQUIREMENTS.fullmatch(path.lower()))
    requirements = tuple(path for path in requirements if _installable(path, paths))
    for path in requirements:
        _declare(declared, requirement_lines(files, path))
    _declare(declared, _pyproject_requirements(pyproject))
    config, problem = yaml_file.parse(files.read(PRE_COMMIT))
    hooks = _hook_ids(config)
    _declare(declared, (hook for hook in hooks if hook in ("ruff", "ruff-check", "flake8", "mypy")))
    if "ruff-check" in declared:
        declared.setdefault("ruff", "ruff")
    tests = tuple(path for path in sorted(paths) if TEST_FILE.search(path))
    problems = (f"{PRE_COMMIT} {problem}; ignored.",) if problem else ()
    return PythonProject(files, paths, pyproject, sections, requirements, declared, tests, problems)


def _hook_ids(config: yaml_file.Value | None) -> Iterator[str]:
    """The ids of pre-commit's hooks."""
    repos = config.get("repos") if isinstance(config, dict) else None
    for repo in repos if isinstance(repos, list) else []:
        hooks = repo.get("hooks") if isinstance(repo, dict) else None
        for hook in hooks if isinstance(hooks, list) else []:
            if isinstance(hook, dict) and isinstance(hook_id := hook.get("id"), str):
                yield hook_id


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
    yield from strings(table(pyproject, "project").get("dependencies"))
    for extra in table(pyproject, "project", "optional-dependencies").values():
        yield from strings(extra)
    for group in table(pyproject, "dependency-groups").values():
        yield from strings(group)
    yield from strings(table(pyproject, "tool", "uv").get("dev-dependencies"))
    yield from poetry_groups(pyproject, lambda _: True)


def poetry_groups(pyproject: Mapping[str, object], wanted: Callable[[str], object]) -> Iterator[str]:
    """The requirements of Poetry's own groups, which no other installer reads."""
    poetry = table(pyproject, "tool", "poetry")
    groups = table(poetry, "group")
    tables = [table(groups, name, "dependencies") for name in groups if wanted(name.lower())]
    for group in (table(poetry, "dev-dependencies"), *tables):
        yield from (_poetry_requirement(name, version) for name, version in group.items())


def _poetry_requirement(name: str, version: object) -> str:
    """Only Poetry has the caret and the tilde; a lower bound is close enough for a tool."""
    if isinstance(version, list):  # one for each Python: the last is for the newest
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


def ini(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return configparser.RawConfigParser()
    return parser
