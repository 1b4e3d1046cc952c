"""Which parts of a file that steers many things steer the checks, and what of them changed."""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping

from dayhand.file_kinds import INI_SETTINGS_WITHOUT_SUFFIX, JSON_SETTINGS_WITHOUT_SUFFIX
from dayhand.verify.integrity.python_tests import name_of

TOOLS = frozenset(
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
SECTION = re.compile(r"^(tool:pytest|pytest|flake8|mypy|coverage|pylint|pycodestyle|isort|tox)\b")
SCRIPT = re.compile(
    r"^(pre|post)?(test|tests|lint|eslint|types?|type-?check|check|tsc|coverage|unit|cs|phpcs|phpstan|stan)\b"
)
KEYS = frozenset(
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
TARGET = re.compile(r"^(test|lint|check|types?$|typecheck|coverage|ci$)[\w.-]*$")
# Whatever a Makefile's rules say, these decide how they run and whether a failure counts.
MAKE_WIDE = re.compile(r"^(?:\.(?:IGNORE|SILENT|SHELLFLAGS|ONESHELL)|SHELL|MAKEFLAGS|-?include)\b")
BUILD_ROWS = re.compile(
    r"skip\w*Test|maven\.test\.skip|testFailureIgnore|ignoreFailures|surefire|failsafe|checkstyle|spotless|jacoco|ktlint|detekt"
    r"|<exclude>|exclude\w*\s*[(=]|enabled\s*=\s*false|useJUnit|filter\s*\{",
    re.IGNORECASE,
)
VARIABLE = re.compile(r"(?:export +|override +)*([\w.-]+)\s*[:?+!]?:?=\s*(.*)")
RULE = re.compile(r"([\w./ %-]+):(?!=)([^#]*)")
HOOK = re.compile(r"^pytest_\w+$")
COLLECTING = frozenset(["collect_ignore", "collect_ignore_glob", "pytest_plugins", "pytestmark"])
STRING = r'"(?:\\.|[^"\\\n])*+"?'
MAX_CHARS = 160
MAX_COMPARED = 1000  # entries of two lists
MAX_SCRIPTS = 200
Parts = Mapping[str, object]


def steering(path: str, text: str) -> Parts | None:
    """The parts that steer checks, each under a name for people; None where the file cannot be read."""
    try:
        return _reader(path.rpartition("/")[2])(text)
    except (ValueError, RecursionError, MemoryError, AttributeError, SyntaxError, configparser.Error):
        return None


def whole(path: str, text: str) -> Parts | None:
    """All that a file of settings says, for one that steers checks as a whole; None where we have no parser for it."""
    name = path.rpartition("/")[2]
    try:
        if name.endswith((".json", ".jsonc")) or name in JSON_SETTINGS_WITHOUT_SUFFIX:
            return _object(json.loads(_plain_json(text) or "{}"))
        if name.endswith(".toml"):
            return tomllib.loads(text)
        if name.endswith(".ini") or name in INI_SETTINGS_WITHOUT_SUFFIX:
            return _ini(text)
    except (ValueError, RecursionError, MemoryError, configparser.Error):
        pass
    return None


def differences(was: Parts, now: Parts) -> Iterator[str]:
    """What changed between two, a line each: where, what stood there, what stands there now."""
    for name in sorted(was.keys() | now.keys()):
        yield from _difference(name, was.get(name), now.get(name))


def _difference(name: str, old: object, new: object) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for part in sorted(old.keys() | new.keys(), key=str):
            yield from _difference(f"{name}.{part}", old.get(part), new.get(part))
    elif isinstance(old, list) and isinstance(new, list) and len(old) + len(new) <= MAX_COMPARED:
        gone, come = [one for one in old if one not in new], [one for one in new if one not in old]
        told = [f"without {_shown(one)}" for one in gone] + [f"with {_shown(one)}" for one in come]
        yield _cut(f"{name}: {', '.join(told) or 'in another order'}")
    elif old is None:
        yield _cut(f"{name} added: {_shown(new)}")
    elif new is None:
        yield _cut(f"{name} deleted: {_shown(old)}")
    else:
        yield _cut(f"{name}: {_shown(old)} → {_shown(new)}")


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= MAX_CHARS else f"{plain[:MAX_CHARS]} …"


def _reader(name: str) -> Callable[[str], Parts]:
    known: dict[str, Callable[[str], Parts]] = {
        "pyproject.toml": _pyproject,
        "Cargo.toml": _cargo,
        "package.json": _package,
        "composer.json": _package,
        "setup.cfg": _setup_cfg,
        "conftest.py": _conftest,
        "pom.xml": _build_rows,
        "build.gradle": _build_rows,
        "build.gradle.kts": _build_rows,
    }
    return known.get(name, _makefile)


def _pyproject(text: str) -> Parts:
    tools = tomllib.loads(text).get("tool", {})
    return {f"[tool.{tool}]": table for tool, table in tools.items() if tool in TOOLS}


def _cargo(text: str) -> Parts:
    manifest = tomllib.loads(text)
    workspace = _object(manifest.get("workspace"))
    library = {
        key: value for key, value in _object(manifest.get("lib")).items() if key in ("test", "doctest")
    }
    found = {
        "[lints]": manifest.get("lints"),
        "[workspace.lints]": workspace.get("lints"),
        "[workspace] members": workspace.get("members"),
        "[workspace] exclude": workspace.get("exclude"),
        "[[test]]": manifest.get("test"),
        "[profile.test]": _object(manifest.get("profile")).get("test"),
        "[lib]": library,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _package(text: str) -> Parts:
    package = _object(json.loads(text or "{}"))
    scripts = dict(list(_object(package.get("scripts")).items())[:MAX_SCRIPTS])
    found = {key: value for key, value in package.items() if key in KEYS}
    asked = {name for name in scripts if SCRIPT.match(name)}
    while more := {
        name for name in scripts if name not in asked and any(_runs(scripts[one], name) for one in asked)
    }:
        asked |= more
    return found | {f"scripts.{name}": scripts[name] for name in asked}


def _runs(script: object, name: str) -> bool:
    """Whether a script runs another one: ``npm run build``, ``run-s build lint``, ``@phpstan``."""
    runs = rf"(?:\b(?:run|yarn|pnpm|bun|run-[sp]|npm-run-all)\b[^&|;]*\s|@){re.escape(name)}(?![\w:-])"
    return re.search(runs, _shown(script)) is not None


def _setup_cfg(text: str) -> Parts:
    return {f"[{name}]": values for name, values in _ini(text).items() if SECTION.match(name)}


def _ini(text: str) -> dict[str, object]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def _build_rows(text: str) -> Parts:
    """The lines of a Java build that have to do with its checks."""
    rows = [row.strip() for row in text.splitlines() if BUILD_ROWS.search(row)]
    return {"build": rows} if rows else {}


def _conftest(text: str) -> Parts:
    """What acts on every test: hooks, what is collected, fixtures that nobody asks for, code that runs at once."""
    found: dict[str, object] = {}
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if HOOK.match(node.name):
                    found[node.name] = ast.unparse(node)
                elif any(_autouse(one) for one in node.decorator_list):
                    found[f"fixture {node.name} (autouse)"] = ast.unparse(node)
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for name in {name_of(one) for one in targets} & COLLECTING:
                    found[name] = ast.unparse(node.value) if node.value else ""
                if any(not isinstance(one, ast.Name) for one in targets):
                    found[f"code: {ast.unparse(targets[0])}"] = ast.unparse(node)
            case ast.Import() | ast.ImportFrom() | ast.ClassDef():
                pass
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                found[f"code: {_cut(ast.unparse(node))}"] = "runs before every test"
    return found


def _autouse(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and any(one.arg == "autouse" for one in decorator.keywords)


def _makefile(text: str) -> Parts:
    """The rules of the targets that check and of those that they need, with their recipes and the variables in them."""
    rules, variables = _rules(text)
    asked = dict.fromkeys(name for name in rules if TARGET.match(name))
    queue = list(asked)
    for name in queue:  # grows as it is read
        fresh = [one for one in rules[name][0].split() if one in rules and one not in asked]
        asked.update(dict.fromkeys(fresh))
        queue += dict.fromkeys(fresh)
    found: dict[str, object] = {name: rows for name, rows in variables.items() if MAKE_WIDE.match(name)}
    found |= {f"target {name}": rules[name] for name in asked}
    used = [name for target in asked for row in rules[target] for name in _variables_in(row)]
    for name in used:
        if name in variables and name not in found:
            found[name] = variables[name]
            used += [one for row in variables[name] for one in _variables_in(row)]
    return found


def _variables_in(text: str) -> list[str]:
    return re.findall(r"\$[({](\w+)", text)


def _rules(text: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Each target's prerequisites and then its recipe, and what each variable is set to, in order."""
    rules: dict[str, list[str]] = {}
    variables: dict[str, list[str]] = {}
    recipes: list[list[str]] = []  # of the rule that is being read
    for row in text.replace("\\\n", " ").splitlines():
        if row.startswith("\t"):
            for recipe in recipes:
                recipe.append(row.strip())
        elif found := VARIABLE.match(row):
            variables.setdefault(found[1], []).append(found[2].strip())
        elif rule := RULE.match(row):
            names = rule[1].split()
            for name in names:
                rules.setdefault(name, [""])[0] += f" {rule[2].strip()}"
            recipes = [rules[name] for name in names]
            if MAKE_WIDE.match(row):
                variables.setdefault(names[0], []).append(rule[2].strip())
        elif MAKE_WIDE.match(row):
            variables.setdefault(row.strip(), [])
        elif row.strip() and not row.startswith("#"):
            recipes = []
    return rules, variables


def _plain_json(text: str) -> str:
    """Without the comments and last commas that many tools allow."""
    text = re.sub(rf"({STRING})|//[^\n]*|/\*.*?(?:\*/|\Z)", lambda m: m[1] or "", text, flags=re.DOTALL)
    return re.sub(rf"({STRING})|,(?=\s*[}}\]])", lambda m: m[1] or "", text)


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
