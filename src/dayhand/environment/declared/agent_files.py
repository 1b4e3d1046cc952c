"""What a repository itself declares of its set-up and its checks, in our file or in those of other tools.

``.dayhand.toml`` decides: its commands stand instead of what would be detected. The other files were written for other
machines, so the first of them that says anything adds its commands to what is detected, and does not replace it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from markdown_it import MarkdownIt

from dayhand.environment.declared.dayhand_toml import NAME, RepoConfig
from dayhand.environment.ecosystems.base import Check, Files, SetupPlan, Step
from dayhand.environment.manifest import json_object

AGENTS = "AGENTS.md"
DEVCONTAINERS = (".devcontainer/devcontainer.json", ".devcontainer.json")
COPILOT = (".github/workflows/copilot-setup-steps.yml", ".github/workflows/copilot-setup-steps.yaml")
CURSOR = ".cursor/environment.json"
SCRIPTS = (".openhands/setup.sh", ".codex/setup.sh")
HEADINGS = {
    "setup": re.compile(r"\b(set[- ]?up|install(ation|ing)?|bootstrap|dependencies)\b", re.IGNORECASE),
    "lint": re.compile(r"\blint(s|ing|ers?)?\b", re.IGNORECASE),
    "types": re.compile(r"\btype[- ]?check(s|ing|er)?\b", re.IGNORECASE),
    "test": re.compile(r"\btest(s|ing)?\b", re.IGNORECASE),
}
SHELLS = ("", "bash", "sh", "shell", "console", "zsh", "shell-session")
# What no box should start: a program that stays, the repository or a virtual environment once more, a repair.
NEVER = re.compile(
    r"\b(npm|pnpm|yarn|bun)( run)? (dev|start|serve|watch)\b|\brunserver\b|\bflask run\b|\buvicorn\b|"
    r"\bdocker([- ]compose)? (up|run)\b|\bgit clone\b|--watch\b|"
    r"\bpython3? -m venv\b|\buv venv\b|/activate\b|--(fix|write)\b"
)
TEMPLATE = re.compile(r"<[\w -]+>|\bpath/to\b|\.\.\.(\s|$)|\$\{\{|\{\{")
NO_PROGRAM = ("cd", "export", "set", "source", ".", "exec", "time", "env", "if", "for", "!", "(")


@dataclass(frozen=True, slots=True)
class Declared:
    """What one repository declares."""

    steps: tuple[Step, ...] = ()
    checks: tuple[Check, ...] = ()
    kinds: frozenset[str] = frozenset()  # of checks: these are as declared, even where that is none
    source: str = ""  # of the steps; "": there are none
    problems: tuple[str, ...] = ()


def declared(config: RepoConfig, files: Files) -> Declared:
    """Everything that is declared, the first source that says anything first."""
    said = _agents(files.read(AGENTS))
    steps: tuple[Step, ...] = ()
    source = ""
    problems: tuple[str, ...] = ()
    if config.run is not None:
        source, steps = NAME, tuple(_step(NAME, (command,)) for command in config.run)
    else:
        source, commands, problems = _first_source(files, said)
        steps = tuple(_step(source, (command,)) for command in commands)
    checks: list[Check] = []
    kinds = set(config.checks)
    for kind in ("lint", "types", "test"):
        if kind in config.checks:
            checks += (_check(kind, command, f"{NAME} checks.{kind}") for command in config.checks[kind])
        elif commands := said.get(kind, ()):
            kinds.add(kind)
            checks.append(_check(kind, commands[0], AGENTS))  # what follows is mostly “or only one of them”
    return Declared(steps, tuple(checks), frozenset(kinds), source, problems)


def apply(found: tuple[SetupPlan, ...], what: Declared) -> tuple[SetupPlan, ...]:
    """The detected plans as the declarations change them, and one more plan for what is declared."""
    if not what.steps and not what.kinds and not what.source:
        return found
    detected = tuple(check for plan in found for check in plan.checks)
    checks = tuple(_better(check, detected) for check in what.checks)
    tried = {command for plan in found for step in plan.steps for command in step.commands[:1]}
    decided = what.source == NAME
    plans = [
        replace(
            plan,
            steps=tuple(step for step in plan.steps if step.always or not decided),
            checks=tuple(check for check in plan.checks if check.kind not in what.kinds),
        )
        for plan in found
    ]
    steps = tuple(step for step in what.steps if decided or step.commands[0] not in tried)
    locks = tuple(path for path in SCRIPTS if path == what.source)
    return (*plans, SetupPlan("its own declarations", steps, checks, {}, locks))


def _better(check: Check, detected: tuple[Check, ...]) -> Check:
    """A declared check with the probe and the remedy of the detected one that starts the same tool."""
    words = re.findall(r"[\w.@/-]+", check.command)
    for one in detected:
        if one.command == check.command or (one.kind == check.kind and one.tool in words):
            return replace(one, kind=check.kind, command=check.command, source=check.source)
    return check


def _first_source(
    files: Files, said: Mapping[str, tuple[str, ...]]
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The first of the other tools' files that declares set-up: its name, its commands, and what cannot be used."""
    if commands := said.get("setup", ()):
        return AGENTS, commands, ()
    readers: tuple[tuple[tuple[str, ...], Callable[[str], Iterator[str]]], ...] = (
        (DEVCONTAINERS, _devcontainer),
        (COPILOT, _run_steps),
        ((CURSOR,), _cursor),
    )
    for names, commands_of in readers:
        for name in names:
            if commands := tuple(commands_of(files.read(name))):
                usable = tuple(one for one in commands if not TEMPLATE.search(one))
                problems = tuple(
                    f"{name}: a command with a placeholder is passed over: {one.splitlines()[0][:100]}"
                    for one in commands
                    if one not in usable
                )
                return name, usable, problems
    script = next((name for name in SCRIPTS if files.read(name).strip()), "")
    return script, ((f"bash {script}",) if script else ()), ()


def _step(source: str, commands: tuple[str, ...]) -> Step:
    first, _, more = commands[0].removeprefix("set -e\n").partition("\n")
    return Step(f"{source}: {first[:80]}{' …' if more or len(first) > 80 else ''}", commands)


def _check(kind: str, command: str, source: str) -> Check:
    tool = _program(command)
    probe = f"command -v {shlex.quote(tool)}" if tool else "true"
    return Check(kind, command, probe, tool or "the shell", source)


def _program(command: str) -> str:
    """The first program that a command starts; "" where that is the shell's own affair."""
    for part in re.split(r"&&|\|\||[;|\n]", command):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            words = part.split()
        while words and re.match(r"\w+=", words[0]):
            words.pop(0)
        if words and words[0] not in NO_PROGRAM:
            return words[0]
    return ""


def _agents(text: str) -> dict[str, tuple[str, ...]]:
    """The commands that stand as code under a heading, or after a label, of one kind and no other."""
    found: dict[str, list[str]] = {kind: [] for kind in HEADINGS}
    heading, item = "", False
    tokens = MarkdownIt().parse(text) if text.strip() else []
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "inline" and before and before.type == "heading_open":
            heading = _kind(token.content)
        elif token.type in ("list_item_open", "list_item_close"):
            item = token.type == "list_item_open"
        elif token.type == "fence" and heading and token.info.split(" ")[0] in SHELLS:
            found[heading] += _lines(token.content)
        elif token.type == "inline" and item and (labelled := _labelled(token.content, heading)):
            found[labelled[0]] += _lines(labelled[1])
    return {kind: tuple(dict.fromkeys(commands)) for kind, commands in found.items() if commands}


def _labelled(text: str, heading: str) -> tuple[str, str] | None:
    """The kind and the command of a list item such as “Lint: `make lint`” or, under a heading, “`make lint`”."""
    match = re.fullmatch(r"(?:[*_]*([^`:*]+?):?[*_]*:?\s+)?`([^`]+)`\.?", text.strip())
    if not match:
        return None
    kind = _kind(match[1]) if match[1] else heading
    return (kind, match[2]) if kind else None


def _kind(text: str) -> str:
    """The kind of which a heading speaks; "" where it speaks of none or of several."""
    kinds = [kind for kind, pattern in HEADINGS.items() if pattern.search(text)]
    return kinds[0] if len(kinds) == 1 else ""


def _lines(code: str) -> Iterator[str]:
    cloned = False
    lines = code.replace("\\\n", " ").splitlines()
    prompted = any(line.startswith("$ ") for line in lines)  # then what has no prompt is output
    for raw in lines:
        if prompted and not raw.startswith("$ "):
            continue
        line = re.split(r"(?:^|\s)#", raw.removeprefix("$ "))[0].strip()
        skipped = NEVER.search(line) or TEMPLATE.search(line) or (cloned and line.startswith("cd "))
        if line and not skipped:
            yield line
        cloned = "git clone" in line


def _devcontainer(text: str) -> Iterator[str]:
    """Its commands in the order in which they run: https://containers.dev/implementors/json_reference."""
    settings = _json(text)
    for name in ("onCreateCommand", "updateContentCommand", "postCreateCommand"):
        value = settings.get(name)
        for one in value.values() if isinstance(value, dict) else (value,):
            if isinstance(one, list) and one and all(isinstance(word, str) for word in one):
                yield shlex.join(one)
            elif isinstance(one, str) and one.strip():
                yield one.strip()


def _cursor(text: str) -> Iterator[str]:
    install = _json(text).get("install")
    if isinstance(install, str) and install.strip():
        yield install.strip()


def _run_steps(text: str) -> Iterator[str]:
    """The ``run`` of a workflow's steps: one line, or a block of lines."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        match = re.match(r"(\s*(?:- +)?)run:\s*(.*)$", line)
        if not match:
            continue
        value = match[2].strip()
        if not re.fullmatch(r"[|>][+-]?\d?(\s+#.*)?", value):
            yield _unquoted(value)
            continue
        block = []
        for inner in lines[at + 1 :]:
            if inner.strip() and len(inner) - len(inner.lstrip()) <= len(match[1]):
                break
            block.append(inner.strip() if value[0] == ">" else inner)
        width = min((len(one) - len(one.lstrip()) for one in block if one.strip()), default=0)
        script = (" " if value[0] == ">" else "\n").join(
            one[width:] if value[0] == "|" else one for one in block
        )
        if script.strip():
            yield f"set -e\n{script.strip()}" if "\n" in script.strip() else script.strip()


def _unquoted(value: str) -> str:
    if quoted := re.fullmatch(r"'((?:[^']|'')*)'\s*(#.*)?", value):
        return quoted[1].replace("''", "'")
    if quoted := re.fullmatch(r'"((?:[^"\\]|\\.)*)"\s*(#.*)?', value):
        return re.sub(r"\\(.)", r"\1", quoted[1])
    return re.split(r"\s#", value)[0].strip()


def _json(text: str) -> Mapping[str, object]:
    """JSON as editors write it, with comments and commas too many."""
    bare = re.sub(
        r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda found: found[1] or "", text, flags=re.DOTALL
    )
    bare = re.sub(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', lambda found: found[1] or "", bare)
    return json_object(bare)
