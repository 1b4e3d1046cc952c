"""The contract of an ecosystem: how its projects are recognised, installed and checked.

One module an ecosystem; each satisfies ``Ecosystem`` as a module, and ``all_ecosystems.py`` lists them. What a module does
not need it takes from here by assignment (``PINS = base.NO_NAMES``). Everything else that depends on the ecosystems is
derived: set-up and lock files (``file_kinds.py``), nested projects, version pins, the survey of a box, registries.

A module only plans. It reads the base commit in the bare mirror and gives commands that run inside a box, so it imports
nothing that can run code: the web process loads it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.registries.base import Machine, Registry
from dayhand.startup.records import dataclass

CACHE = f"{ENVIRONMENT}/.cache"  # on the snapshot's own disk, so that files are linked, not copied; removed after set-up

Names = tuple[str, ...]


class Files(Protocol):
    """The files of one commit, read from the bare mirror: data, never a path on the host."""

    def paths(self) -> tuple[str, ...]:
        """All file paths of the tree."""

    def read(self, path: str) -> str:
        """A file's text, at most a megabyte, undecodable bytes replaced; "" where there is no such file."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to install; ``commands`` are tried in turn until one passes."""

    title: str  # "install with npm ci"
    commands: tuple[str, ...]
    always: bool = (
        False  # also where the maintainers declare the set-up: all else is installed into what it makes
    )
    runs_code: bool = True  # whether it may run a file of the repository; if not, ``Fetch`` does the same


@dataclass(frozen=True, slots=True)
class Check:
    """One of the repository's own checks."""

    kind: str  # "lint", "types" or "test"
    command: str
    probe: str  # exits 0 where the tool is installed: "ruff --version"
    tool: str  # its name for people
    source: str  # where the command was found: "package.json scripts.lint"
    remedy: str = ""  # one more attempt to install the tool where set-up did not; "": no such attempt
    folder: str = (
        ""  # of the nested project that it checks, from the top; the command changes to it by itself
    )
    fallback_for: tuple[
        str, ...
    ] = ()  # the commands of CI in whose place it runs where none of them can start


@dataclass(frozen=True, slots=True)
class Runtime:
    """A language that the box may lack, and that another ecosystem's registry provides."""

    name: str
    probe: str  # exits 0 where the box has it already
    step: Step
    client: str  # whose registry it comes from


@dataclass(frozen=True, slots=True)
class Fetch:
    """How dependencies are downloaded where nothing of the repository can run, for the layer that commits share.

    ``step`` runs in a box with a network, ``files`` and nothing else of the repository. It may start the package client,
    but no install script, no build backend and nothing that it has just installed.
    """

    files: Mapping[str, str]  # text by path. Data only: never a client's settings, which can name programs
    step: Step
    then: tuple[Step, ...] | None = None  # what remains to be done; None: the plan's steps that run code


@dataclass(frozen=True, slots=True)
class SetupPlan:
    """What one ecosystem installs and checks in one repository."""

    ecosystem: str
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    env: Mapping[str, str]  # for every later command; PATH entries are joined in front of the box's own
    locks: tuple[str, ...]  # the paths whose content decides what is installed: part of the cache key
    client: str = ""  # the ``CLIENT`` whose registries set-up may reach; "" for none
    runtime: Runtime | None = None
    problems: tuple[str, ...] = ()  # sentences about files that cannot be read
    fetch: Fetch | None = None  # None: nothing can be downloaded without running code
    last_resort: bool = False  # its checks count only for kinds that no other ecosystem has

    @property
    def remaining(self) -> tuple[Step, ...]:
        """The steps that remain once ``fetch`` has passed."""
        if self.fetch and self.fetch.then is not None:
            return self.fetch.then
        return tuple(step for step in self.steps if step.runs_code)


@dataclass(frozen=True, slots=True)
class Language:
    """A language whose version a repository can pin."""

    key: str = ""  # as version managers call it: "node"; "": the ecosystem has no language of its own
    name: str = ""  # for people: "Node"
    aliases: tuple[str, ...] = ()  # what else version managers call it
    survey: str = ""  # shell commands that print the versions that an empty box has
    answer: str = r"(?!)"  # the version in a line of that output
    provided: bool = False  # a registry provides it where the box has none


@dataclass(frozen=True, slots=True)
class Nested:
    """Which folders of a monorepo are projects of their own."""

    files: Names = ()  # a folder with one of these is a project
    built_from_top: bool = False  # the project at the top builds those below it
    checked_from_top: bool = False  # a check at the top covers the projects below it
    bare: bool = True  # a project counts even where it has neither a check nor a lock
    step_rewrite: tuple[str, str] = ("", "")  # what to replace in the commands of a nested project's steps
    probe_rewrite: tuple[str, str] = ("", "")  # and in the probes of its checks


class Ecosystem(Protocol):
    """A module that plans for one ecosystem. File names are base names, or paths from the top if they have a slash."""

    MANIFESTS: Names  # what people write to declare what is installed
    LOCKS: Names  # what a tool writes from a manifest
    SETTINGS: Names  # other files that decide how it is installed or which checks there are
    SETTINGS_PATTERN: re.Pattern[str]  # the same for files without a fixed name: matches the whole path
    SETUP_ENV: Mapping[str, str]  # variables for its installer during set-up
    OFFLINE: Mapping[str, str]  # variables that keep it from asking a registry
    LANGUAGE: Language
    PINS: Names  # files whose only content is a version of the language
    CLIENT: str  # the package client's name; "" for none
    NESTED: Nested

    def plan(self, files: Files) -> SetupPlan | None:
        """What to install and check; None where the repository does not use this ecosystem."""

    def members(self, files: Files) -> Iterator[str]:
        """Patterns of the folders that the top's own lock and install cover; "!" in front excludes."""

    def read_pin(self, text: str) -> str:
        """The version in one of ``PINS``; "" where there is none."""

    def required_versions(self, files: Files) -> Iterator[tuple[str, object]]:
        """What manifests require of the language: where it is written ("package.json engines"), and the version."""

    def find_registry(self, machine: Machine) -> Registry:
        """The registry that ``CLIENT`` is configured for on this machine."""

    def compile_only(self, command: str, files: Files) -> Step | None:
        """Compile what a check compiles without running a test; None if nothing of it is worth keeping."""


# Defaults.
NO_NAMES: Names = ()
NO_PATTERN = re.compile(r"(?!)")
NO_ENV: Mapping[str, str] = {}
NO_LANGUAGE = Language()
NO_CLIENT = ""
NOT_NESTED = Nested()


def no_members(_files: Files) -> Iterator[str]:
    """The lock at the top covers no other folder."""
    return iter(())


def no_versions(_files: Files) -> Iterator[tuple[str, object]]:
    """Manifests require no version of the language."""
    return iter(())


def no_registry(_machine: Machine) -> Registry:
    """It has no package client."""
    return Registry()


def no_compiler(_command: str, _files: Files) -> Step | None:
    """Its checks compile nothing that is worth keeping."""
    return None


def first_word(text: str) -> str:
    """The first word that is not a comment, without a tool's name in front: "ruby-3.3.0" is 3.3.0."""
    words = first_line(text).split()
    return re.sub(r"^[a-z]+-", "", words[0]) if words else ""


def first_line(text: str) -> str:
    """The first line that holds more than a comment; "" where there is none."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return next(filter(None, lines), "")


def write_settings(client: str, variable: str, path: str) -> Step:
    """A step that writes a client's settings file from a variable; later boxes, without a network, read it too."""
    write = f'mkdir -p {path.rpartition("/")[0]} && printf %s "${variable}" > {path}'
    command = f'test -z "${variable}" || {{ {write}; }}'
    return Step(f"configure {client}'s registry", (command,), runs_code=False)


def whole(files: Files, paths: Iterable[str]) -> dict[str, str]:
    """The texts of ``paths``; none of them unless each is read byte for byte: it may be too large, or not UTF-8."""
    texts = {path: files.read(path) for path in paths}
    return texts if all(text and "\ufffd" not in text for text in texts.values()) else {}
