"""What the named scripts and targets of one folder run: those of package.json, composer.json, make, just, Task, rake, Hatch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from fnmatch import fnmatchcase

from dayhand.environment import yaml_file
from dayhand.environment.declared.workflows.kinds import (
    KINDS,
    NOTHING,
    SETUP,
    UNKNOWN,
    kind_of_name,
    kind_of_tool,
)
from dayhand.environment.declared.workflows.shell import split
from dayhand.environment.declared.workflows.wrappers import bare, program
from dayhand.environment.ecosystems.base import Files
from dayhand.environment.ecosystems.make import JUSTFILES, MAKEFILES, TASKFILES
from dayhand.environment.manifest import json_object, table, toml
from dayhand.environment.monorepo import Within
from dayhand.startup.records import dataclass

NODE_MANAGERS = frozenset(["npm", "pnpm", "yarn", "bun"])
RUN_ALL = frozenset(["run-s", "run-p", "npm-run-all", "npm-run-all2"])
MAX_DEPTH = 3
MAX_FOLDERS = 64
MAX_LOOKED_UP = 50  # scripts and targets of one folder
MAX_CHARACTERS = 128 * 1024  # of a file with scripts or targets
BAND = {"test": 0, "types": 1, "lint": 2, SETUP: 3}  # of a script with several kinds, this one counts


@dataclass(frozen=True, slots=True)
class Scripts:
    """The named scripts of one folder."""

    files: Files
    known: dict[tuple[str, str], str] = field(default_factory=dict)  # the kinds that were looked up
    texts: dict[tuple[str, str], str] = field(default_factory=dict)

    def kind(self, runner: str, name: str) -> str:
        """The kind of a script or target: what its name says, else what it runs."""
        key = (runner, name)
        if key not in self.known:
            self.known[key] = UNKNOWN  # a script that starts itself
            self.known[key] = self._kind(runner, name)
        return self.known[key]

    def _kind(self, runner: str, name: str) -> str:
        text = self.text(runner, name)
        named = kind_of_name(name)
        if named != UNKNOWN or not text or len(self.known) > MAX_LOOKED_UP:
            return named
        found = {self._kind_of_line(runner, line) for line in text.splitlines()}
        known = [kind for kind in (*KINDS, SETUP) if kind in found]
        return min(known, key=lambda kind: BAND[kind]) if known else UNKNOWN

    def text(self, runner: str, name: str) -> str:
        """The commands of a script, one a line; "" where there is no such script."""
        key = (runner, name)
        if key not in self.texts and len(self.texts) < MAX_LOOKED_UP:
            read = READERS.get(runner)
            self.texts[key] = read(self, name) if read else ""
        return self.texts.get(key, "")

    def read(self, *names: str) -> str:
        """The text of the first of these files that there is, up to a limit."""
        return next((text for name in names if (text := self.files.read(name))), "")[:MAX_CHARACTERS]

    def _matching(self, pattern: str) -> list[str]:
        """The scripts of package.json that npm-run-all starts: ``check:*`` and ``check:**`` are patterns."""
        scripts = table(json_object(self.read("package.json")), "scripts")
        return [name for name in scripts if fnmatchcase(name, pattern)]

    def _kind_of_line(self, runner: str, line: str) -> str:
        commands = split(line)
        kinds = []
        for command in commands or ():
            words = program(bare(command.words))
            inner, named = named_script(words)
            if words[:1] and words[0] in RUN_ALL:
                names = (name for word in words[1:] for name in self._matching(word))
                kinds += [self.kind("npm", name) for name in names]
            elif inner:
                kinds.append(self.kind(inner, named))
            elif words and words[0].startswith("@"):  # Composer's way to start another of its scripts
                kinds.append(self.kind(runner, words[0][1:]))
            else:
                kinds.append(kind_of_tool(words))
        known = [kind for kind in kinds if kind in BAND]
        return min(known, key=lambda kind: BAND[kind]) if known else NOTHING


@dataclass(frozen=True, slots=True)
class NoFiles:
    """A folder without files."""

    def paths(self) -> tuple[str, ...]:
        return ()

    def read(self, _path: str) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class ScriptsByFolder:
    """The named scripts of every folder, looked up once; beyond a number of folders there are none."""

    files: Files
    folders: dict[str, Scripts] = field(default_factory=dict)

    def of(self, folder: str) -> Scripts:
        """Those of one folder; "" is the top."""
        if folder not in self.folders:
            if len(self.folders) >= MAX_FOLDERS:
                return Scripts(NoFiles())
            self.folders[folder] = Scripts(Within(self.files, folder) if folder else self.files)
        return self.folders[folder]


def named_script(words: tuple[str, ...]) -> tuple[str, str]:
    """The runner and the script that a command starts: ("npm", "test"); ("", "") where it starts none."""
    if not words:
        return "", ""
    runner, rest = words[0], words[1:]
    plain = [word for word in rest if not word.startswith("-") and "=" not in word]
    if runner in NODE_MANAGERS:
        return _node_script(runner, rest)
    if runner in ("make", "gmake"):
        return "make", plain[0] if plain else ""
    if runner in ("just", "task", "rake"):
        return runner, plain[0] if plain else "default"
    if runner == "hatch":
        return "hatch", next((word for word in plain[1:] if word), "") if plain[:1] == ["run"] else ""
    if runner == "composer" and plain:
        name = plain[1] if plain[0] in ("run", "run-script") and len(plain) > 1 else plain[0]
        return ("composer", name) if name not in COMPOSER_COMMANDS else ("", "")
    return "", ""


COMPOSER_COMMANDS = frozenset(
    [
        "install",
        "update",
        "require",
        "validate",
        "audit",
        "dump-autoload",
        "config",
        "create-project",
        "show",
        "global",
    ]
)
NODE_COMMANDS = frozenset(
    [
        "install",
        "i",
        "ci",
        "add",
        "exec",
        "dlx",
        "x",
        "create",
        "init",
        "publish",
        "pack",
        "audit",
        "version",
        "config",
        "cache",
        "link",
        "set",
        "dedupe",
        "rebuild",
        "why",
        "outdated",
        "update",
        "remove",
        "store",
        "workspace",
        "workspaces",
        "info",
        "view",
        "login",
        "whoami",
        "prune",
        "npm",
        "constraints",
        "immutable",
    ]
)
NODE_VALUE_OPTIONS = frozenset(
    ["-w", "--workspace", "--filter", "-F", "--prefix", "-C", "--dir", "--cwd", "--reporter"]
)


def _node_script(runner: str, words: tuple[str, ...]) -> tuple[str, str]:
    at, skip = 0, False
    plain: list[str] = []
    for at, word in enumerate(words):  # noqa: B007
        if skip:
            skip = False
        elif word == "--":
            break
        elif word.startswith("-"):
            skip = word in NODE_VALUE_OPTIONS
        else:
            plain.append(word)
    match plain:
        case ["t" | "tst", *_] if runner == "npm":
            return "npm", "test"
        case ["run" | "run-script" | "rum", name, *_]:
            return "npm", name
        case ["workspace", _, "run", name, *_] | ["workspace", _, name, *_] if runner == "yarn":
            return "npm", name
        case ["workspaces", "foreach", "run", name, *_] if runner == "yarn":
            return "npm", name
        case ["test", *_] if runner == "bun":
            return "", ""
        case [name, *_] if name not in NODE_COMMANDS:
            return "npm", name
    return "", ""


def _package_script(scripts: Scripts, name: str) -> str:
    script = table(json_object(scripts.read("package.json")), "scripts").get(name)
    return script.replace("&&", "\n").replace(";", "\n") if isinstance(script, str) else ""


def _composer_script(scripts: Scripts, name: str) -> str:
    script = table(json_object(scripts.read("composer.json")), "scripts").get(name)
    lines = script if isinstance(script, list) else [script]
    return "\n".join(line for line in lines if isinstance(line, str))


def _make_target(scripts: Scripts, name: str) -> str:
    """The recipe of a target, after its prerequisites as ``make`` calls."""
    text = scripts.read(*MAKEFILES).replace("\\\n", " ")
    found: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("\t"):
            if inside and (command := line.strip().lstrip("@-+")):
                found.append(command)
        elif line.strip() and not line.lstrip().startswith("#"):
            head, colon, before = line.partition(":")
            inside = bool(colon) and not before.startswith("=") and name in head.split()
            words = before.partition("#")[0].split() if inside else []
            found += (f"make {word}" for word in words if re.fullmatch(r"[\w-]+", word))
    return "\n".join(found)


def _just_recipe(scripts: Scripts, name: str) -> str:
    text = scripts.read(*JUSTFILES)
    found: list[str] = []
    inside = False
    for line in text.splitlines():
        if line[:1] in (" ", "\t"):
            if inside and (command := line.strip().lstrip("@-")):
                found.append(command)
        elif line.strip() and not line.startswith("#"):
            head, colon, before = line.partition(":")
            inside = bool(colon) and not before.startswith("=") and head.lstrip("@").split()[:1] == [name]
            words = before.partition("#")[0].split() if inside else []
            found += (f"just {word}" for word in words if re.fullmatch(r"[\w-]+", word))
    return "\n".join(found)


def _task(scripts: Scripts, name: str) -> str:
    """https://taskfile.dev/reference/schema."""
    text = scripts.read(*TASKFILES)
    value, _problem = yaml_file.parse(text)
    tasks = value.get("tasks") if isinstance(value, dict) else None
    task = tasks.get(name) if isinstance(tasks, dict) else None
    settings: Mapping[str, yaml_file.Value] = task if isinstance(task, dict) else {"cmds": task or ""}
    lines: list[str] = []
    for key in ("deps", "cmds", "cmd"):
        commands = settings.get(key, "")
        for command in commands if isinstance(commands, list) else [commands]:
            if isinstance(command, dict) and isinstance(called := command.get("task"), str):
                lines.append(f"task {called}")
            elif isinstance(command, dict) and isinstance(cmd := command.get("cmd"), str):
                lines.append(cmd)
            elif isinstance(command, str) and command:
                lines.append(f"task {command}" if key == "deps" else command)
    return "\n".join(lines)


def _rake_task(scripts: Scripts, name: str) -> str:
    """Rake's default task is its test task nearly everywhere: what it names is enough here."""
    if name != "default":
        return f"rake {name}" if kind_of_name(name) != UNKNOWN else ""
    found = re.search(
        r"^\s*task[ (]+:?default\b[^\n]*?(?:=>|,|:)\s*(?:%[iw])?([^\n#)]+)",
        scripts.read("Rakefile"),
        re.MULTILINE,
    )
    return (
        "\n".join(f"rake {each}" for each in re.findall(r"[\w:]+", found[1].replace("[", " ")))
        if found
        else ""
    )


def _hatch_script(scripts: Scripts, name: str) -> str:
    """``hatch run test`` and ``hatch run types:check``: https://hatch.pypa.io/latest/config/environment/overview/#scripts."""
    environment, _, script = name.rpartition(":")
    pyproject = toml(scripts.read("pyproject.toml"))
    own = table(pyproject, "tool", "hatch", "envs", environment or "default", "scripts")
    return "\n".join(_hatch_lines(own, script, 0))


def _hatch_lines(own: Mapping[str, object], script: str, depth: int) -> Iterator[str]:
    """The commands of a script; a line that is the name of another one stands for its commands."""
    value = own.get(script)
    for line in value if isinstance(value, list) else [value]:
        text = (
            re.sub(r"\{args(?::([^}]*))?\}", lambda found: found[1] or "", line)
            if isinstance(line, str)
            else ""
        )
        if text.strip() in own and depth < MAX_DEPTH:
            yield from _hatch_lines(own, text.strip(), depth + 1)
        elif text.strip():
            yield text.strip()


READERS: Mapping[str, Callable[[Scripts, str], str]] = {
    "npm": _package_script,
    "composer": _composer_script,
    "make": _make_target,
    "just": _just_recipe,
    "task": _task,
    "rake": _rake_task,
    "hatch": _hatch_script,
}
