"""Which parts of a settings file configure checks, and what changed in them."""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping

from dayhand.environment.ecosystems.base import Files
from dayhand.file_kinds import INI_SETTINGS_WITHOUT_SUFFIX, JSON_SETTINGS_WITHOUT_SUFFIX
from dayhand.startup.regex import regex
from dayhand.verify.integrity.python_tests import name_of

CHECK_TOOLS = frozenset(
    [
        "pytest",
        "ruff",
        "mypy",
        "pyright",
        "coverage",
        "pylint",
        "flake8",
        "tox",
        "nox",
        "isort",
        "black",
        "bandit",
        "importlinter",
        "hatch",
        "poe",
        "taskipy",
        "pdm",
    ]
)
CHECK_SECTION = regex(r"^(tool:pytest|pytest|flake8|mypy|coverage|pylint|pycodestyle|isort|tox)\b")
CHECK_SCRIPT = regex(
    r"^(pre|post)?(test|tests|lint|eslint|types?|type-?check|check|tsc|coverage|unit|cs|phpcs|phpstan|stan)\b"
)
PACKAGE_KEYS = frozenset(
    [
        "jest",
        "eslintConfig",
        "eslintIgnore",
        "mocha",
        "ava",
        "c8",
        "nyc",
        "vitest",
        "xo",
        "standard",
        "tap",
        "stylelint",
        "lint-staged",
        "prettier",
    ]
)
CHECK_TARGET = regex(r"^(test|lint|check|types?$|typecheck|coverage|ci$)[\w.-]*$")
# These decide how all rules of a Makefile run, and whether a failure counts.
MAKE_WIDE = regex(r"^(?:\.(?:IGNORE|SILENT|SHELLFLAGS|ONESHELL)|SHELL|MAKEFLAGS|-?include)\b")
BUILD_LINES = regex(
    r"skip\w*Test|maven\.test\.|<(?:it\.)?(?:test|groups|excludedGroups)>|testFailureIgnore|ignoreFailures|surefire|failsafe|checkstyle|spotless|jacoco|ktlint|detekt"
    r"|<exclude>|exclude\w*\s*[(=]|enabled\s*=\s*false|useJUnit|filter\s*\{",
    re.IGNORECASE,
)
VARIABLE = regex(r"(?:export +|override +)*([\w.-]+)\s*[:?+!]?:?=\s*(.*)")
RULE = regex(r"([\w./ %-]+):(?!=)([^#]*)")
PYTEST_HOOK = regex(r"^pytest_\w+$")
COLLECTION_SETTINGS = frozenset(["collect_ignore", "collect_ignore_glob", "pytest_plugins", "pytestmark"])
STRING = r'"(?:\\.|[^"\\\n])*+"?'
MAX_CHARS = 160
COMMAND_FILES = frozenset(["package.json", "composer.json", "Makefile", "makefile", "GNUmakefile"])
MAX_COMPARED = 1000  # entries of two lists
MAX_SCRIPTS = 200
Settings = Mapping[str, object]  # by a name for people


def check_settings(path: str, text: str) -> Settings | None:
    """The settings in a file that configure checks; None if the file cannot be parsed."""
    try:
        return _reader(path.rpartition("/")[2])(text)
    except (ValueError, RecursionError, MemoryError, AttributeError, SyntaxError, configparser.Error):
        return None


def commands_in(files: Files) -> Iterator[tuple[str, str]]:
    """The commands behind ``npm test``, ``make test`` and their like, each with the folder of its file."""
    for path in files.paths():
        folder, _, name = path.rpartition("/")
        if name not in COMMAND_FILES or path.count("/") > 1:
            continue
        for key, value in (check_settings(path, files.read(path)) or {}).items():
            kind, _, called = key.replace("scripts.", "scripts ").partition(" ")
            lines = value if isinstance(value, list) else [value]
            if kind == "scripts" and CHECK_SCRIPT.match(called):
                yield folder, "\n".join(map(str, lines))
            elif kind == "target" and CHECK_TARGET.match(called):
                yield folder, "\n".join(map(str, lines[1:]))  # behind the prerequisites


def all_settings(path: str, text: str) -> Settings | None:
    """All settings of a file that configures nothing but checks; None if there is no parser for it."""
    name = path.rpartition("/")[2]
    try:
        if name.endswith((".json", ".jsonc")) or name in JSON_SETTINGS_WITHOUT_SUFFIX:
            return _object(json.loads(_strict_json(text) or "{}"))
        if name.endswith(".toml"):
            return tomllib.loads(text)
        if name.endswith(".ini") or name in INI_SETTINGS_WITHOUT_SUFFIX:
            return _ini(text)
    except (ValueError, RecursionError, MemoryError, configparser.Error):
        pass
    return None


def differences(old: Settings, new: Settings) -> Iterator[str]:
    """What changed, one line per setting: its name, its old value and its new value."""
    for name in sorted(old.keys() | new.keys()):
        yield from _difference(name, old.get(name), new.get(name))


def _difference(name: str, old: object, new: object) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys(), key=str):
            yield from _difference(f"{name}.{key}", old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) + len(new) <= MAX_COMPARED:
        removed = [f"without {_shown(item)}" for item in old if item not in new]
        added = [f"with {_shown(item)}" for item in new if item not in old]
        yield _shortened(f"{name}: {', '.join([*removed, *added]) or 'in another order'}")
    elif old is None:
        yield _shortened(f"{name} added: {_shown(new)}")
    elif new is None:
        yield _shortened(f"{name} deleted: {_shown(old)}")
    else:
        yield _shortened(f"{name}: {_shown(old)} → {_shown(new)}")


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_CHARS else f"{line[:MAX_CHARS]} …"


def _reader(name: str) -> Callable[[str], Settings]:
    readers: dict[str, Callable[[str], Settings]] = {
        "pyproject.toml": _pyproject,
        "Cargo.toml": _cargo,
        "package.json": _package,
        "composer.json": _package,
        "setup.cfg": _setup_cfg,
        "conftest.py": _conftest,
        "pom.xml": _build_lines,
        "build.gradle": _build_lines,
        "build.gradle.kts": _build_lines,
    }
    return readers.get(name, _makefile)


def _pyproject(text: str) -> Settings:
    manifest = tomllib.loads(text)
    tools = _object(manifest.get("tool"))
    settings: dict[str, object] = {
        f"[tool.{tool}]": _without_markers(table) for tool, table in tools.items() if tool in CHECK_TOOLS
    }
    plugins = _object(_object(manifest.get("project")).get("entry-points")).get("pytest11")
    return settings | ({"[project.entry-points.pytest11]": plugins} if plugins else {})


def _without_markers(table: object) -> object:
    """The settings of a tool without pytest's registered markers, which decide nothing."""
    options = _object(_object(table).get("ini_options"))
    if "markers" not in options:
        return table
    return {
        **_object(table),
        "ini_options": {name: value for name, value in options.items() if name != "markers"},
    }


def _cargo(text: str) -> Settings:
    manifest = tomllib.loads(text)
    workspace = _object(manifest.get("workspace"))
    library = {
        key: value for key, value in _object(manifest.get("lib")).items() if key in ("test", "doctest")
    }
    settings = {
        "[lints]": manifest.get("lints"),
        "[workspace.lints]": workspace.get("lints"),
        "[workspace] members": workspace.get("members"),
        "[workspace] exclude": workspace.get("exclude"),
        "[[test]]": manifest.get("test"),
        "[package] autotests": _object(manifest.get("package")).get("autotests"),
        "[profile.test]": _object(manifest.get("profile")).get("test"),
        "[lib]": library,
    }  # fmt: skip
    return {name: value for name, value in settings.items() if value or value is False}


def _package(text: str) -> Settings:
    package = _object(json.loads(text or "{}"))
    scripts = dict(list(_object(package.get("scripts")).items())[:MAX_SCRIPTS])
    settings = {key: value for key, value in package.items() if key in PACKAGE_KEYS}
    checks = {name for name in scripts if CHECK_SCRIPT.match(name)}
    while called := {
        name
        for name in scripts
        if name not in checks and any(_runs(scripts[check], name) for check in checks)
    }:
        checks |= called
    return settings | {f"scripts.{name}": scripts[name] for name in checks}


def _runs(script: object, name: str) -> bool:
    """Whether a script runs another one: ``npm run build``, ``run-s build lint``, ``@phpstan``."""
    runs = rf"(?:\b(?:run|yarn|pnpm|bun|run-[sp]|npm-run-all)\b[^&|;]*\s|@){re.escape(name)}(?![\w:-])"
    return re.search(runs, _shown(script)) is not None


def _setup_cfg(text: str) -> Settings:
    return {f"[{name}]": values for name, values in _ini(text).items() if CHECK_SECTION.match(name)}


def _ini(text: str) -> dict[str, object]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def _build_lines(text: str) -> Settings:
    """The lines of a Java build file that concern its checks."""
    lines = [line.strip() for line in text.splitlines() if BUILD_LINES.search(line)]
    return {"build": lines} if lines else {}


def _conftest(text: str) -> Settings:
    """What affects every test: hooks, collection settings, autouse fixtures, and code that runs at import."""
    settings: dict[str, object] = {}
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if PYTEST_HOOK.match(node.name):
                    settings[node.name] = ast.unparse(node)
                elif any(map(_is_autouse, node.decorator_list)):
                    settings[f"fixture {node.name} (autouse)"] = ast.unparse(node)
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for name in {name_of(target) for target in targets} & COLLECTION_SETTINGS:
                    settings[name] = ast.unparse(node.value) if node.value else ""
                if any(not isinstance(target, ast.Name) for target in targets):
                    settings[f"code: {ast.unparse(targets[0])}"] = ast.unparse(node)
            case ast.Import() | ast.ImportFrom() | ast.ClassDef():
                pass
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                settings[f"code: {_shortened(ast.unparse(node))}"] = "runs before every test"
    return settings


def _is_autouse(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and any(keyword.arg == "autouse" for keyword in decorator.keywords)


def _makefile(text: str) -> Settings:
    """The check targets and their prerequisites, with their recipes and the variables in them."""
    rules, variables = _rules(text)
    targets = dict.fromkeys(name for name in rules if CHECK_TARGET.match(name))
    queue = list(targets)
    for name in queue:  # grows while it is read
        needed = [target for target in rules[name][0].split() if target in rules and target not in targets]
        targets.update(dict.fromkeys(needed))
        queue += dict.fromkeys(needed)
    settings: dict[str, object] = {name: lines for name, lines in variables.items() if MAKE_WIDE.match(name)}
    settings |= {f"target {name}": rules[name] for name in targets}
    used = [name for target in targets for line in rules[target] for name in _variables_in(line)]
    for name in used:  # grows while it is read
        if name in variables and name not in settings:
            settings[name] = variables[name]
            used += [variable for line in variables[name] for variable in _variables_in(line)]
    return settings


def _variables_in(text: str) -> list[str]:
    return re.findall(r"\$[({](\w+)", text)


def _rules(text: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Each target's prerequisites followed by its recipe, and the values of each variable, in order."""
    rules: dict[str, list[str]] = {}
    variables: dict[str, list[str]] = {}
    current: list[list[str]] = []  # the targets of the rule that is being read
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("\t"):
            for target in current:
                target.append(line.strip())
        elif variable := VARIABLE.match(line):
            variables.setdefault(variable[1], []).append(variable[2].strip())
        elif rule := RULE.match(line):
            names = rule[1].split()
            for name in names:
                rules.setdefault(name, [""])[0] += f" {rule[2].strip()}"
            current = [rules[name] for name in names]
            if MAKE_WIDE.match(line):
                variables.setdefault(names[0], []).append(rule[2].strip())
        elif MAKE_WIDE.match(line):
            variables.setdefault(line.strip(), [])
        elif line.strip() and not line.startswith("#"):
            current = []
    return rules, variables


def _strict_json(text: str) -> str:
    """Without the comments and trailing commas that many tools allow."""
    text = re.sub(rf"({STRING})|//[^\n]*|/\*.*?(?:\*/|\Z)", lambda m: m[1] or "", text, flags=re.DOTALL)
    return re.sub(rf"({STRING})|,(?=\s*[}}\]])", lambda m: m[1] or "", text)


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
