"""Which parts of a file that steers many things steer the checks: pyproject.toml, setup.cfg, package.json, Makefile."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Mapping

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
SCRIPT = re.compile(r"^(pre|post)?(test|tests|lint|eslint|types?|type-?check|check|tsc|coverage|unit)\b")
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
    ]
)
TARGET = re.compile(r"^(test\w*|lint\w*|check\w*|types?|typecheck|coverage|ci)$")


def steering(path: str, text: str) -> Mapping[str, object] | None:
    """The parts that steer checks, each under a name for people; None where the file cannot be read."""
    name = path.rpartition("/")[2]
    try:
        if name == "pyproject.toml":
            tools = tomllib.loads(text).get("tool", {})
            return {f"[tool.{tool}]": table for tool, table in tools.items() if tool in TOOLS}
        if name == "package.json":
            return _package(json.loads(text or "{}"))
        return _setup_cfg(text) if name == "setup.cfg" else _makefile(text)
    except (ValueError, RecursionError, AttributeError, configparser.Error):
        return None


def _package(package: Mapping[str, object]) -> Mapping[str, object]:
    scripts = package.get("scripts")
    found = {key: value for key, value in package.items() if key in KEYS}
    if isinstance(scripts, dict):
        found |= {f"scripts.{name}": value for name, value in scripts.items() if SCRIPT.match(name)}
    return found


def _setup_cfg(text: str) -> Mapping[str, object]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(text)
    return {f"[{name}]": dict(parser[name]) for name in parser.sections() if SECTION.match(name)}


def _makefile(text: str) -> Mapping[str, object]:
    """The rules of the targets that check, with their recipes."""
    found: dict[str, str] = {}
    names: list[str] = []
    for row in text.splitlines():
        if rule := re.match(r"^([\w./ %-]+):(?!=)(.*)", row):
            names = [name for name in rule[1].split() if TARGET.match(name)]
            for name in names:
                found[f"target {name}"] = found.get(f"target {name}", "") + rule[2].strip()
        elif row.startswith("\t") or not row.strip():
            for name in names:
                found[f"target {name}"] += f"\n{row.strip()}" if row.strip() else ""
        else:
            names = []
    return found
