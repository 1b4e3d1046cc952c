"""Turns the model's tool calls into typed requests, and explains what is wrong with the ones that are invalid."""

from __future__ import annotations

import difflib
import json
import math
import re
import shlex
from collections.abc import Mapping
from typing import Any

from dayhand.agent.model.base import Call
from dayhand.agent.model.items import without_surrogates
from dayhand.agent.tools.schema import ALIASES, NAMES, STATUSES
from dayhand.startup.records import dataclass
from dayhand.task import Citation, Solution
from dayhand.untrusted_text import strip_hidden

MAX_TITLE_CHARS = 120
MAX_SUMMARY_CHARS = 18_000  # of Markdown: it is published in full
OLD_SUMMARY = "account"  # its name in journals of older versions
MAX_QUESTIONS = 20
MAX_CITATIONS = 50  # each is looked up
MAX_LINE = 10_000_000  # a line number in a citation
MAX_NAME_CHARS = 80  # of a tool's name when it is quoted
DEFAULT_SECONDS = 120.0
MAX_SECONDS = 900.0
ENDLESS_MS = 1e12  # a longer time counts as infinite: it may be too large for a float
DEFAULT_POLL_SECONDS = 10.0
MAX_POLL_SECONDS = 300.0
INTERRUPT = "\x03"  # Ctrl-C
END_OF_INPUT = "\x04"  # Ctrl-D
MAX_STDIN_CHARS = 100_000


class InvalidCall(Exception):
    """A call that cannot be run; the text tells the model what to change."""


@dataclass(frozen=True, slots=True)
class ShellCall:
    """A command to run."""

    command: str
    workdir: str
    seconds: float
    yield_after: float = math.inf  # seconds after which it continues in the background
    takes_input: bool = False  # whether its standard input stays open
    until_deadline: bool = False  # whether the time limit is all the time that the task has left


@dataclass(frozen=True, slots=True)
class SessionCall:
    """Write to a command that runs in the background, wait for it, or kill it."""

    session_id: int
    seconds: float
    kill: bool
    stdin: str = ""
    ends_input: bool = False  # whether nothing is written after it


@dataclass(frozen=True, slots=True)
class PatchCall:
    """A patch to apply."""

    text: str


@dataclass(frozen=True, slots=True)
class ViewImageCall:
    """An image to look at."""

    path: str


@dataclass(frozen=True, slots=True)
class PlanCall:
    """The steps of the work: (step, status)."""

    explanation: str
    steps: tuple[tuple[str, str], ...]


ToolRequest = ShellCall | SessionCall | PatchCall | ViewImageCall | PlanCall | Solution


def parse_call(call: Call) -> ToolRequest:
    """Parse a call into a request. Raises ``InvalidCall``."""
    name = ALIASES.get(call.name, call.name)
    if name not in NAMES:
        wanted = call.name[:MAX_NAME_CHARS]
        near = difflib.get_close_matches(wanted, NAMES, n=1)
        guess = f" Did you mean {near[0]}?" if near else ""
        raise InvalidCall(f"There is no tool “{wanted}”.{guess} The tools are: {', '.join(NAMES)}.")
    if call.cut:
        raise InvalidCall(
            f"Your reply reached its length limit during this call to {name}, so the call was not run. Make it shorter."
        )
    if name == "apply_patch" and (call.custom or call.arguments.lstrip().startswith(("***", "```", "<<"))):
        return PatchCall(call.arguments)
    fields = _fields(name, call.arguments)
    match name:
        case "apply_patch":
            return PatchCall(_text(fields, "patch" if "patch" in fields else "input", name))
        case "shell":
            return _shell(fields)
        case "session":
            return _session(fields)
        case "update_plan":
            return _plan(fields)
        case "view_image":
            return ViewImageCall(_text(fields, "path", name))
        case _:
            return _solution(fields)


def _fields(name: str, arguments: str) -> dict[str, Any]:
    try:
        value = json.loads(arguments or "{}", strict=False)
        fields = without_surrogates(value) if isinstance(value, dict) else {}
    except json.JSONDecodeError as error:
        near = arguments[max(0, error.pos - 30) : error.pos + 30]
        raise InvalidCall(
            f"The arguments of {name} are not JSON: {error.msg} at line {error.lineno}, column {error.colno}, near “{near}”."
        ) from error
    except (ValueError, RecursionError) as error:  # thousands of digits, or deeply nested brackets
        raise InvalidCall(f"The arguments of {name} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise InvalidCall(f"The arguments of {name} must be a JSON object, not {type(value).__name__}.")
    return fields


def _text(fields: Mapping[str, Any], name: str, tool: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        got = ", ".join(fields)[:200] or "nothing"
        raise InvalidCall(f"{tool} needs “{name}”, a string that is not empty (got: {got}).")
    return value


def _shell(fields: dict[str, Any]) -> ToolRequest:
    command = fields.get("command", fields.get("cmd"))
    if isinstance(command, list) and command and all(isinstance(word, str) for word in command):
        wrapped = (
            command[:1] in (["bash"], ["sh"]) and command[1:2] in (["-c"], ["-lc"]) and len(command) == 3
        )
        command = command[2] if wrapped else shlex.join(command)
    command = _text({**fields, "command": command} if command is not None else fields, "command", "shell")
    if command.lstrip().startswith("apply_patch") and "*** Begin Patch" in command:
        return PatchCall(command)
    workdir = fields.get("workdir") or fields.get("cwd") or ""
    if not isinstance(workdir, str):
        raise InvalidCall("shell: “workdir” must be a string.")
    if "\x00" in command + workdir:
        raise InvalidCall("shell: a command cannot contain a NUL character.")
    limit = _milliseconds(fields, "shell", "timeout_ms", "timeout", default=DEFAULT_SECONDS)
    takes_input = fields.get("stdin", fields.get("tty")) or False
    if not isinstance(takes_input, bool):
        raise InvalidCall("shell: “stdin” must be true or false. Write to it with session.")
    default = DEFAULT_POLL_SECONDS if takes_input else math.inf
    yield_after = _milliseconds(fields, "shell", "yield_time_ms", default=default)
    return ShellCall(command, workdir, min(limit, MAX_SECONDS), yield_after, takes_input)


def _session(fields: dict[str, Any]) -> SessionCall:
    session_id = fields.get("session_id")
    if isinstance(session_id, str) and re.fullmatch(r"[0-9]{1,9}", session_id):
        session_id = int(session_id)
    if isinstance(session_id, bool) or not isinstance(session_id, int):
        raise InvalidCall("session: “session_id” must be the number of a command that is still running.")
    text, kill = fields.get("stdin", fields.get("chars")) or "", fields.get("kill") or False
    if not isinstance(text, str) or len(text) > MAX_STDIN_CHARS:
        raise InvalidCall(f"session: “stdin” must be a string of at most {MAX_STDIN_CHARS} characters.")
    if not isinstance(kill, bool):
        raise InvalidCall("session: “kill” must be true or false.")
    seconds = _milliseconds(fields, "session", "yield_time_ms", default=DEFAULT_POLL_SECONDS)
    return SessionCall(
        session_id,
        min(seconds, MAX_POLL_SECONDS),
        kill=kill or text == INTERRUPT,
        stdin=text.removesuffix(END_OF_INPUT) if text != INTERRUPT else "",
        ends_input=text.endswith(END_OF_INPUT),
    )


def _milliseconds(fields: Mapping[str, Any], tool: str, *names: str, default: float) -> float:
    """Read a time in milliseconds from the first of the fields that is set, and return it in seconds."""
    limit = next((fields[name] for name in names if fields.get(name) is not None), default * 1000)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
        raise InvalidCall(f"{tool}: “{names[0]}” must be a number of milliseconds above 0.")
    return float(limit) / 1000 if limit < ENDLESS_MS else math.inf


def _plan(fields: dict[str, Any]) -> PlanCall:
    steps = fields.get("plan")
    if not isinstance(steps, list) or not steps:
        raise InvalidCall("update_plan needs “plan”, a list of {step, status} that is not empty.")
    parsed: list[tuple[str, str]] = []
    for n, step in enumerate(steps, start=1):
        text = step.get("step") if isinstance(step, dict) else None
        status = step.get("status", "pending") if isinstance(step, dict) else None
        if not isinstance(text, str) or not text.strip() or status not in STATUSES:
            raise InvalidCall(
                f"update_plan: step {n} must be {{step: string, status: {' | '.join(STATUSES)}}}."
            )
        parsed.append((text.strip(), str(status)))
    explanation = fields.get("explanation")
    return PlanCall(explanation if isinstance(explanation, str) else "", tuple(parsed))


def _solution(fields: dict[str, Any]) -> Solution:
    """Check every field of ``finish``, and report all errors at once."""
    errors: list[str] = []
    title, summary = _visible(fields.get("title")), fields.get("summary", fields.get(OLD_SUMMARY))
    if not title.strip():
        errors.append("“title” must be a string of one line")
    elif "\n" in title.strip() or len(title.strip()) > MAX_TITLE_CHARS:
        errors.append(f"“title” must be one line of at most {MAX_TITLE_CHARS} characters")
    if not isinstance(summary, str) or not summary.strip():
        errors.append("“summary” must be a string that is not empty")
    elif len(summary) > MAX_SUMMARY_CHARS:
        errors.append(f"“summary” has {len(summary)} characters; the limit is {MAX_SUMMARY_CHARS}")
    questions = fields.get("questions") or []
    if not isinstance(questions, list) or not all(isinstance(question, str) for question in questions):
        errors.append("“questions” must be a list of strings")
        questions = []
    citations: list[Citation] = []
    cited = fields.get("citations") or []
    if len(questions) > MAX_QUESTIONS:
        errors.append(f"there are more than {MAX_QUESTIONS} “questions”")
    if isinstance(cited, list) and len(cited) > MAX_CITATIONS:
        errors.append(f"there are more than {MAX_CITATIONS} “citations”")
        cited = []
    for n, raw in enumerate(cited if isinstance(cited, list) else [cited], start=1):
        citation = _citation(raw)
        if citation is None:
            errors.append(
                f"citation {n} must be {{path: a path in the repository, line: a number from 1, quote: that line}}"
            )
        else:
            citations.append(citation)
    if not _is_list_of_paths(fields.get("keep")):
        errors.append("“keep” must be a list of paths in the repository")
    if errors:
        raise InvalidCall(f"finish was not accepted: {'; '.join(errors)}.")
    questions = tuple(question.strip() for question in questions if question.strip())
    return Solution(title.strip(), str(summary).strip(), questions, tuple(citations))


def kept_paths(call: Call) -> tuple[str, ...]:
    """The new files and folders that a ``finish`` declares part of the change; none of an invalid call."""
    try:
        paths = _fields(call.name, call.arguments).get("keep")
    except InvalidCall:
        return ()
    return tuple(_relative(path) for path in paths or () if _is_list_of_paths(paths))


def _is_list_of_paths(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(path, str) for path in value))


def _relative(path: str) -> str:
    return path.strip().removeprefix("/workspace/").removeprefix("./")


def _visible(value: object) -> str:
    """A string without hidden characters; "" if the value is not a string."""
    return strip_hidden(value) if isinstance(value, str) else ""


def _citation(raw: object) -> Citation | None:
    if not isinstance(raw, dict):
        return None
    path, line, quote = raw.get("path"), raw.get("line"), raw.get("quote", "")
    if isinstance(line, str) and re.fullmatch(r"[0-9]{1,9}", line):
        line = int(line)
    if not isinstance(path, str) or isinstance(line, bool) or not isinstance(line, int):
        return None
    if not 1 <= line <= MAX_LINE:
        return None
    path = _relative(path)
    if not path or path.startswith("/") or ".." in path.split("/") or not isinstance(quote, str):
        return None
    return Citation(path, line, quote)
