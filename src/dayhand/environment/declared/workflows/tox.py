"""tox's environments as what they install and run, so that a check can run it without tox: https://tox.wiki/en/latest/config.html.

An environment that needs more than that (a plugin, a path that only tox knows) is left to tox itself.
"""

from __future__ import annotations

import configparser
import itertools
import re
import shlex
from collections.abc import Iterator, Mapping

from dayhand.environment.ecosystems.base import Files
from dayhand.environment.ecosystems.python_project import ini
from dayhand.environment.manifest import strings, table, toml
from dayhand.startup.records import dataclass

MAX_NAMES = 500
MAX_DEPTH = 5
CONDITION = re.compile(r"^([!\w.{},-]+):(?:\s+(.*)|$)")
MAX_LINE = 4_000
SUBSTITUTION = re.compile(r"\{([^{}]*)\}")
KNOWN = {
    "toxinidir": ".",
    "tox_root": ".",
    "envpython": "python3",
    "env_python": "python3",
    "envtmpdir": "/tmp",  # noqa: S108 - of a box
    "env_tmp_dir": "/tmp",  # noqa: S108
    "toxworkdir": ".tox",
    "work_dir": ".tox",
    "package_root": ".",
    "/": "/",
    ":": ":",
}


@dataclass(frozen=True, slots=True)
class ToxEnvironment:
    """What one environment installs and runs."""

    name: str
    deps: tuple[str, ...]  # arguments of pip, as shell words
    commands: tuple[str, ...]
    env: Mapping[str, str]
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Tox:
    """The settings of tox in one folder; without any, ``source`` is ""."""

    source: str
    sections: Mapping[
        str, Mapping[str, str]
    ]  # "testenv", "testenv:lint" and others, with generated names expanded
    env_list: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every environment that is listed or has a section of its own."""
        own = (name.removeprefix("testenv:") for name in self.sections if name.startswith("testenv:"))
        return tuple(dict.fromkeys((*self.env_list, *own)))

    def environment(self, name: str) -> ToxEnvironment | None:
        """What this environment installs and runs; None where only tox can tell."""
        try:
            folder = self._value(name, "changedir", "change_dir").strip()
            deps = tuple(self._deps(name))
            commands = tuple(self._commands(name))
            env = dict(self._env(name))
        except _OnlyToxKnowsError:
            return None
        return ToxEnvironment(name, deps, commands, env, "" if folder == "." else folder.removeprefix("./"))

    def _deps(self, name: str) -> Iterator[str]:
        for line in self._lines(name, "deps"):
            option = re.match(r"(-r|-c|-e|--requirement|--constraint)\s*(.+)", line)
            yield f"{option[1]} {shlex.quote(option[2].strip())}" if option else shlex.quote(line)
        extras = [word for line in self._lines(name, "extras") for word in re.split(r"[,\s]+", line) if word]
        if extras:
            yield "-e " + shlex.quote(f".[{','.join(extras)}]")
        for line in self._lines(name, "dependency_groups"):
            for word in re.split(r"[,\s]+", line):
                yield f"--group {shlex.quote(word)}"

    def _commands(self, name: str) -> Iterator[str]:
        for key in ("commands_pre", "commands"):
            yield from (line.removeprefix("- ").removeprefix("-") for line in self._lines(name, key))

    def _env(self, name: str) -> Iterator[tuple[str, str]]:
        for line in (*self._lines(name, "setenv"), *self._lines(name, "set_env")):
            variable, separator, value = line.partition("=")
            if separator and re.fullmatch(r"[A-Za-z_]\w*", variable.strip()):
                yield variable.strip(), value.strip()

    def _value(self, name: str, *keys: str) -> str:
        return next((line for key in keys for line in self._lines(name, key)), "")

    def _lines(self, name: str, key: str) -> list[str]:
        made: list[str] = []
        for written in self._raw(name, key).replace("\\\n", " ").splitlines():
            if len(written) > MAX_LINE:
                raise _OnlyToxKnowsError
            line = self._if_met(name, written.strip())
            if line and not line.startswith("#"):
                found = (
                    self._if_met(name, each.strip()) for each in self._substituted(name, line, 0).splitlines()
                )
                made += filter(None, found)
        return made

    def _raw(self, name: str, key: str) -> str:
        for section in (f"testenv:{name}", "testenv"):
            if key in self.sections.get(section, {}):
                return self.sections[section][key]
        return ""

    @staticmethod
    def _if_met(name: str, line: str) -> str:
        """A line without its condition; "" where the condition is not met by the name's factors."""
        found = CONDITION.match(line)
        if not found or "://" in line[: found.end(1) + 3]:
            return line
        factors = set(name.split("-"))
        for alternative in _expand(found[1]):
            wanted = alternative.split("-")
            if all((part[1:] not in factors) if part.startswith("!") else part in factors for part in wanted):
                return (found[2] or "").strip()
        return ""

    def _substituted(self, name: str, text: str, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise _OnlyToxKnowsError
        while found := SUBSTITUTION.search(text):
            value = self._substitution(name, found[1], depth)
            text = text[: found.start()] + value + text[found.end() :]
            if len(text) > 10_000:
                raise _OnlyToxKnowsError
        return text

    def _substitution(self, name: str, inner: str, depth: int) -> str:
        if inner in KNOWN:
            return KNOWN[inner]
        if inner in ("envname", "env_name"):
            return name
        if inner == "posargs" or inner.startswith("posargs:"):
            return inner.partition(":")[2]
        if inner.startswith("env:"):
            return inner.split(":", 2)[2] if inner.count(":") > 1 else ""
        if reference := re.fullmatch(r"\[([^\]]+)\](\w+)", inner):
            section, key = reference[1], reference[2]
            if key not in self.sections.get(section, {}):
                return ""
            return self._substituted(name, self.sections[section][key].replace("\\\n", " "), depth + 1)
        raise _OnlyToxKnowsError


class _OnlyToxKnowsError(Exception):
    """An environment that cannot be written down without tox."""


def read_tox(files: Files) -> Tox:
    """The settings of tox in ``tox.ini``, ``setup.cfg`` or ``pyproject.toml``."""
    paths = frozenset(files.paths())
    pyproject = table(toml(files.read("pyproject.toml")), "tool", "tox")
    legacy = pyproject.get("legacy_tox_ini")
    for source in ("tox.ini", "setup.cfg"):
        if source in paths:
            parsed = ini(files.read(source))
            if source == "tox.ini" or parsed.has_section("tox:tox"):
                return _from_ini(source, parsed)
    if isinstance(legacy, str):
        return _from_ini("pyproject.toml", ini(legacy))
    return _from_toml(pyproject) if pyproject else Tox("", {}, ())


def _from_ini(source: str, parsed: configparser.RawConfigParser) -> Tox:
    sections: dict[str, dict[str, str]] = {}
    for section in parsed.sections():
        values = {key: value or "" for key, value in parsed.items(section)}
        prefix, _, names = section.partition("testenv:")
        for name in _expand(names) if names and not prefix else ():
            sections[f"testenv:{name}"] = values
        if not names or prefix:
            sections[section] = values
    core = sections.get("tox") or sections.get("tox:tox") or {}
    listed = core.get("envlist") or core.get("env_list") or ""
    words = re.findall(r"(?:\{[^}]*\}|[^\s,{}])+", listed)
    return Tox(
        source,
        sections,
        tuple(itertools.islice((name for word in words for name in _expand(word)), MAX_NAMES)),
    )


def _from_toml(own: Mapping[str, object]) -> Tox:
    sections = {"testenv": _toml_section(table(own, "env_run_base"))}
    for name in table(own, "env"):
        sections[f"testenv:{name}"] = _toml_section(table(own, "env", name))
    return Tox("pyproject.toml", sections, tuple(strings(own.get("env_list"))))


def _toml_section(values: Mapping[str, object]) -> dict[str, str]:
    """Native TOML as lines; commands are lists of words, and a table among them is something that only tox replaces."""
    section = {}
    for key, value in values.items():
        if key in ("commands", "commands_pre") and isinstance(value, list):
            section[key] = "\n".join(
                " ".join(
                    shlex.quote(word) if isinstance(word, str) else _positional(word) for word in command
                )
                for command in value
                if isinstance(command, list)
            )
        elif isinstance(value, list):
            section[key] = "\n".join(strings(value))
        elif isinstance(value, str):
            section[key] = value
        elif key == "set_env" and isinstance(value, dict):
            section[key] = "\n".join(
                f"{name}={text}" for name, text in value.items() if isinstance(text, str)
            )
    return section


def _positional(word: object) -> str:
    """``{ replace = "posargs", default = ["tests"] }``: its default."""
    if isinstance(word, dict) and word.get("replace") == "posargs":
        return shlex.join(strings(word.get("default")))
    return "{only tox}"


def _expand(name: str) -> list[str]:
    """The names that a generated one stands for: ``py{310,311}-{a,b}``."""
    parts = re.split(r"\{([^{}]*)\}", name)
    choices = [part.split(",") if at % 2 else [part] for at, part in enumerate(parts)]
    made = ("".join(each).replace(" ", "") for each in itertools.product(*choices))
    return [word for each in itertools.islice(made, MAX_NAMES) for word in each.split(",") if word]


def choose(names: tuple[str, ...], versions: tuple[str, ...]) -> str:
    """Of several environments that test, the one for the interpreter that is there; the newest of its kind comes last.

    >>> choose(("py310-a", "py311-a", "py311-b", "py312-a"), ("3.11.7",))
    'py311-b'
    """
    for version in versions:
        factor = "py" + "".join(version.split(".")[:2])
        fitting = [name for name in names if factor in name.replace(".", "").split("-")]
        if fitting:
            return fitting[-1]
    plain = [name for name in names if not re.search(r"(^|-)(py(py)?|cpython)\d", name)]
    return next((name for name in plain if name == "py" or name.startswith("py-")), (plain or [names[-1]])[0])
