"""The versions of languages that a repository asks for, and how they stand to those that the box has.

What a pin asks for is obeyed by the clients themselves where it is there (uv takes the Python that fits). Here is only
said what cannot be obeyed: nothing is ever downloaded for a pin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dayhand.environment.ecosystems.base import Files
from dayhand.environment.manifest import json_object, table, toml

NAMES = {
    "dotnet": ".NET",
    "go": "Go",
    "java": "Java",
    "node": "Node",
    "php": "PHP",
    "python": "Python",
    "ruby": "Ruby",
    "rust": "Rust",
}
ALIASES = {"golang": "go", "nodejs": "node", "python3": "python", "dotnet-core": "dotnet"}
ONE_LINE = {
    ".python-version": "python",
    ".nvmrc": "node",
    ".node-version": "node",
    ".ruby-version": "ruby",
    ".java-version": "java",
    ".go-version": "go",
}
MISE = ("mise.toml", ".mise.toml", "mise/config.toml", ".config/mise.toml")
# How each language's own answer begins, in what the survey of an empty box prints.
ANSWERS = {
    "dotnet": r"^dotnet (\d[\d.]*)",
    "go": r"^go version go(\d[\d.]*)",
    "java": r'^(?:openjdk|java) version "(\d[\d.]*)',
    "node": r"^v(\d[\d.]*)",
    "php": r"^PHP (\d[\d.]*)",
    "python": r"^Python (\d[\d.]*)",
    "ruby": r"^ruby (\d[\d.]*)",
    "rust": r"^rustc (\d[\d.]*)",
}
SURVEY = """
for each in python3.[0-9] python3.[0-9][0-9]; do
  for one in /usr/bin/$each /usr/local/bin/$each; do test -x "$one" && "$one" -V; done
done
go version; rustc --version; ruby --version; java -version 2>&1; php --version | head -n 1
command -v dotnet >/dev/null && echo "dotnet $(dotnet --version)"
"""
PART = re.compile(r"(===|==|~=|!=|>=|<=|\^|~>?|>|<|=)?\s*v?(\d+(?:\.(?:\d+|[xX*]))*)[^\s,|<>=~^!]*")


@dataclass(frozen=True, slots=True)
class Pin:
    """One wish for a language's version, as it is written."""

    language: str
    wanted: str  # "20", "3.11.4", ">=18 <23"
    source: str  # ".nvmrc"


def unmet(files: Files, surveyed: str) -> tuple[str, ...]:
    """One sentence for each pin that nothing in the box fits; a word that is no number ("lts/*") is passed over."""
    sentences = []
    for pin in read(files):
        have = re.findall(ANSWERS[pin.language], surveyed, re.MULTILINE)
        if not have and pin.language != "node":  # that it is missing, the checks say; Node is brought
            continue
        if any(fits(pin.wanted, version) is not False for version in have):
            continue
        shown = f"the box has {' and '.join(dict.fromkeys(have))}" if have else "the box has none of its own"
        ends = (
            "that is what is used"
            if have
            else "what the package registry offers is used, which may be another"
        )
        sentences.append(f"{pin.source} asks for {NAMES[pin.language]} {pin.wanted}; {shown}, and {ends}.")
    return tuple(dict.fromkeys(sentences))


def read(files: Files) -> Iterator[Pin]:
    """Every pin of a repository, those for people's version managers first."""
    paths = frozenset(files.paths())
    for name, language in ONE_LINE.items():
        if name in paths and (words := _first_line(files.read(name)).split()):
            yield Pin(language, re.sub(r"^[a-z]+-", "", words[0]), name)
    if ".tool-versions" in paths:
        for line in files.read(".tool-versions").splitlines():
            words = line.partition("#")[0].split()
            if len(words) > 1:
                yield from _pin(words[0], words[1], ".tool-versions")
    for name in MISE:
        if name in paths:
            for tool, version in table(toml(files.read(name)), "tools").items():
                yield from _pin(tool, _version(version), name)
    yield from _of_manifests(files, paths)


def _of_manifests(files: Files, paths: frozenset[str]) -> Iterator[Pin]:
    if "package.json" in paths:
        package = json_object(files.read("package.json"))
        yield from _pin("node", table(package, "engines").get("node"), "package.json engines")
    if "pyproject.toml" in paths:
        project = table(toml(files.read("pyproject.toml")), "project")
        yield from _pin("python", project.get("requires-python"), "pyproject.toml requires-python")
    if "composer.json" in paths:
        composer = json_object(files.read("composer.json"))
        yield from _pin("php", table(composer, "require").get("php"), "composer.json require")
    if found := re.search(r"^go (\d[\d.]*)", files.read("go.mod") if "go.mod" in paths else "", re.MULTILINE):
        yield Pin("go", f">={found[1]}", "go.mod")
    for name in ("rust-toolchain.toml", "rust-toolchain"):
        if name in paths:
            text = files.read(name)
            channel = table(toml(text), "toolchain").get("channel") or _first_line(text)
            yield from _pin("rust", channel, name)


def fits(wanted: str, have: str) -> bool | None:
    """Whether a version is among those asked for; None where the wish is no version that we can read."""
    found = False
    for alternative in re.split(r"\|\|?", wanted):
        text = re.sub(r"(\d\S*)\s+-\s+(\d)", r">=\1 <=\2", alternative)  # npm's "1.2 - 3"
        parts = list(PART.finditer(text))
        if not parts:
            if alternative.strip() in ("*", "x"):
                return True
            continue
        found = True
        if all(_part(part[1] or "", part[2], have) for part in parts):
            return True
    return False if found else None


def _part(operator: str, wanted: str, have: str) -> bool:
    prefix = [int(number) for number in re.split(r"\.?[xX*]", wanted)[0].split(".") if number]
    exact = [int(number) for number in have.strip(".").split(".")]
    width = max(len(prefix), len(exact))
    left, right = exact + [0] * (width - len(exact)), prefix + [0] * (width - len(prefix))
    same = exact[: len(prefix)] == prefix
    if operator in ("^", "~", "~=", "~>"):
        # ^0.3 keeps to 0.3; ~1.2 and ~=1.2.3 keep to 1.2, ~=1.2 and ~>1.2 to 1, ~1 to 1
        keep = _kept(operator, prefix)
        return left >= right and exact[:keep] == prefix[:keep]
    return {
        ">=": left >= right,
        "<=": left <= right or same,
        ">": left > right and not same,
        "<": left < right,
        "!=": not same,
    }.get(operator, same)


def _kept(operator: str, prefix: list[int]) -> int:
    if operator == "^":
        return next((place for place, number in enumerate(prefix, 1) if number), len(prefix))
    if operator == "~":
        return min(len(prefix), 2)
    return max(len(prefix) - 1, 1)


def _pin(tool: str, version: object, source: str) -> Iterator[Pin]:
    language = ALIASES.get(tool, tool)
    if language in NAMES and isinstance(version, str) and re.search(r"\d", version):
        # Java's builds have a maker's name in front: temurin-17.0.2
        yield Pin(language, re.sub(r"^[a-z]+-(?=\d)", "", version.strip()), source)


def _version(value: object) -> object:
    """Mise lets a tool be a version, a list of them, or a table."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value.get("version") if isinstance(value, dict) else value


def _first_line(text: str) -> str:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return next(filter(None, lines), "")
