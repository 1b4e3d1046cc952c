"""The tools that the model has: their descriptions, and how a call finds its tool and its arguments."""

from __future__ import annotations

import difflib
import json
import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dayhand.agent.model.base import Call, Item
from dayhand.agent.model.items import mended
from dayhand.agent.tools.patch_grammar import GRAMMAR, PATCH
from dayhand.task import Citation, Solution
from dayhand.untrusted_text import strip_hidden

ALIASES = {
    "shell_command": "shell",
    "bash": "shell",
    "exec_command": "shell",
    "local_shell": "shell",
    "write_stdin": "session",
    "run": "shell",
    "patch": "apply_patch",
    "plan": "update_plan",
    "done": "finish",
}
STATUSES = ("pending", "in_progress", "completed")
TITLE_CHARS = 120
ACCOUNT_CHARS = 18_000  # of what people read, published whole
MAX_QUESTIONS = 20
MAX_CITATIONS = 50  # each is looked up
MAX_LINES = 10_000_000
NAME_CHARS = 80  # of a tool's name, repeated
DEFAULT_SECONDS = 120.0
LONGEST_SECONDS = 900.0
LONG_MS = 1e12  # no time at all: what is longer may be too large for a number of ours
POLL_SECONDS = 10.0
LONGEST_POLL_SECONDS = 300.0
INTERRUPT = "\x03"  # Ctrl-C


def _function(name: str, description: str, properties: Mapping[str, object], *, required: list[str]) -> Item:
    return {
        "type": "function",
        "name": name,
        "description": description,
        "strict": False,
        "parameters": {
            "type": "object",
            "properties": dict(properties),
            "required": required,
            "additionalProperties": False,
        },
    }


def _list_of(properties: Mapping[str, object], required: list[str]) -> dict[str, object]:
    return {
        "type": "array",
        "items": {"type": "object", "properties": dict(properties), "required": required},
    }


TEXT = {"type": "string"}

# In alphabetical order and never changed while a task runs: tools are the first part of the cached prompt.
TOOLS: tuple[Item, ...] = (
    {
        "type": "custom",
        "name": "apply_patch",
        "description": PATCH,
        "format": {"type": "grammar", "syntax": "lark", "definition": GRAMMAR},
    },
    _function(
        "finish",
        "End the work. Call it alone, when everything is done or cannot be done.",
        {
            "title": {**TEXT, "description": "commit subject, one line"},
            "account": {**TEXT, "description": "for the person who asked, Markdown"},
            "questions": {"type": "array", "items": TEXT, "description": "what only a person can decide"},
            "citations": _list_of(
                {
                    "path": TEXT,
                    "line": {"type": "integer"},
                    "quote": {**TEXT, "description": "that line, as it stands"},
                },
                ["path", "line", "quote"],
            ),
        },
        required=["title", "account"],
    ),
    _function(
        "session",
        "Wait for more output of a command that is still running, or kill it.",
        {
            "session_id": {"type": "integer"},
            "yield_time_ms": {"type": "integer", "description": "how long to wait, default 10000"},
            "kill": {"type": "boolean"},
        },
        required=["session_id"],
    ),
    _function(
        "shell",
        "Run a command with bash in the sandbox and wait for its end. Standard input is empty.",
        {
            "command": TEXT,
            "workdir": {**TEXT, "description": "default /workspace"},
            "timeout_ms": {"type": "integer", "description": "default 120000, at most 900000"},
            "yield_time_ms": {
                "type": "integer",
                "description": "where it runs longer than this, answer with its output so far and a session_id, and let it go on",
            },
        },
        required=["command"],
    ),
    _function(
        "update_plan",
        "Write down the steps of the work and how far they are.",
        {
            "explanation": TEXT,
            "plan": _list_of({"step": TEXT, "status": {**TEXT, "enum": list(STATUSES)}}, ["step", "status"]),
        },
        required=["plan"],
    ),
    _function(
        "view_image",
        "Look at an image in the repository: PNG, JPEG, GIF or WebP.",
        {"path": TEXT},
        required=["path"],
    ),
)
NAMES = tuple(str(tool["name"]) for tool in TOOLS)


class Mistake(Exception):
    """A call that cannot be done as it stands; the text says what to do."""


@dataclass(frozen=True, slots=True)
class ShellCall:
    """A command to run."""

    command: str
    workdir: str
    seconds: float
    patience: float = math.inf  # seconds after which it goes on in the background
    rest: bool = False  # its time is all that is left of the task's


@dataclass(frozen=True, slots=True)
class PollCall:
    """A command that runs in the background, to be waited for or killed."""

    session: int
    seconds: float
    kill: bool


@dataclass(frozen=True, slots=True)
class PatchCall:
    """A patch to apply."""

    text: str


@dataclass(frozen=True, slots=True)
class ViewCall:
    """An image to look at."""

    path: str


@dataclass(frozen=True, slots=True)
class PlanCall:
    """The steps of the work: (step, status)."""

    explanation: str
    steps: tuple[tuple[str, str], ...]


Request = ShellCall | PollCall | PatchCall | ViewCall | PlanCall | Solution


def understand(call: Call) -> Request:
    """Read a call into what it asks for. Raises ``Mistake``."""
    name = ALIASES.get(call.name, call.name)
    if name not in NAMES:
        wanted = call.name[:NAME_CHARS]
        near = difflib.get_close_matches(wanted, NAMES, n=1)
        guess = f" Did you mean {near[0]}?" if near else ""
        raise Mistake(f"There is no tool “{wanted}”.{guess} The tools are: {', '.join(NAMES)}.")
    if call.cut:
        raise Mistake(
            f"Your reply reached its length limit within this call to {name}: it was not run. Make it shorter."
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
            return _poll(fields)
        case "update_plan":
            return _plan(fields)
        case "view_image":
            return ViewCall(_text(fields, "path", name))
        case _:
            return _solution(fields)


def _fields(name: str, arguments: str) -> dict[str, Any]:
    try:
        value = json.loads(arguments or "{}", strict=False)
        fields = mended(value) if isinstance(value, dict) else {}
    except json.JSONDecodeError as error:
        near = arguments[max(0, error.pos - 30) : error.pos + 30]
        raise Mistake(
            f"The arguments of {name} are not JSON: {error.msg} at line {error.lineno}, column {error.colno}, near “{near}”."
        ) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets in brackets
        raise Mistake(f"The arguments of {name} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise Mistake(f"The arguments of {name} must be a JSON object, not {type(value).__name__}.")
    return fields


def _text(fields: Mapping[str, Any], name: str, tool: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        got = ", ".join(fields)[:200] or "nothing"
        raise Mistake(f"{tool} needs “{name}”, a text that is not empty (it got: {got}).")
    return value


def _shell(fields: dict[str, Any]) -> Request:
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
        raise Mistake("shell: “workdir” must be a text.")
    if "\x00" in command + workdir:
        raise Mistake("shell: a command cannot hold a NUL character.")
    limit = _milliseconds(fields, "shell", "timeout_ms", "timeout", default=DEFAULT_SECONDS)
    patience = _milliseconds(fields, "shell", "yield_time_ms", default=math.inf)
    return ShellCall(command, workdir, min(limit, LONGEST_SECONDS), patience)


def _poll(fields: dict[str, Any]) -> PollCall:
    session = fields.get("session_id")
    if isinstance(session, str) and re.fullmatch(r"[0-9]{1,9}", session):
        session = int(session)
    if isinstance(session, bool) or not isinstance(session, int):
        raise Mistake("session: “session_id” must be the number of a command that is still running.")
    keys, kill = fields.get("chars") or "", fields.get("kill") or False
    if keys not in ("", INTERRUPT):
        raise Mistake("session: a command's standard input is empty, nothing can be written to it.")
    if not isinstance(kill, bool):
        raise Mistake("session: “kill” must be true or false.")
    seconds = _milliseconds(fields, "session", "yield_time_ms", default=POLL_SECONDS)
    return PollCall(session, min(seconds, LONGEST_POLL_SECONDS), kill or keys == INTERRUPT)


def _milliseconds(fields: Mapping[str, Any], tool: str, *names: str, default: float) -> float:
    """A time that is given in milliseconds under one of the names, in seconds."""
    limit = next((fields[name] for name in names if fields.get(name) is not None), default * 1000)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
        raise Mistake(f"{tool}: “{names[0]}” must be a number of milliseconds above 0.")
    return float(limit) / 1000 if limit < LONG_MS else math.inf


def _plan(fields: dict[str, Any]) -> PlanCall:
    steps = fields.get("plan")
    if not isinstance(steps, list) or not steps:
        raise Mistake("update_plan needs “plan”, a list of {step, status} that is not empty.")
    read: list[tuple[str, str]] = []
    for n, step in enumerate(steps, start=1):
        text = step.get("step") if isinstance(step, dict) else None
        status = step.get("status", "pending") if isinstance(step, dict) else None
        if not isinstance(text, str) or not text.strip() or status not in STATUSES:
            raise Mistake(f"update_plan: step {n} must be {{step: text, status: {' | '.join(STATUSES)}}}.")
        read.append((text.strip(), str(status)))
    explanation = fields.get("explanation")
    return PlanCall(explanation if isinstance(explanation, str) else "", tuple(read))


def _solution(fields: dict[str, Any]) -> Solution:
    """Check every field of ``finish``, and name all that is wrong at once."""
    wrong: list[str] = []
    title, account = _seen(fields.get("title")), fields.get("account")
    if not title.strip():
        wrong.append("“title” must be a text of one line")
    elif "\n" in title.strip() or len(title.strip()) > TITLE_CHARS:
        wrong.append(f"“title” must be one line of at most {TITLE_CHARS} characters")
    if not isinstance(account, str) or not account.strip():
        wrong.append("“account” must be a text that is not empty")
    elif len(account) > ACCOUNT_CHARS:
        wrong.append(f"“account” may have {ACCOUNT_CHARS} characters, and has {len(account)}")
    questions = fields.get("questions") or []
    if not isinstance(questions, list) or not all(isinstance(question, str) for question in questions):
        wrong.append("“questions” must be a list of texts")
        questions = []
    citations: list[Citation] = []
    cited = fields.get("citations") or []
    if len(questions) > MAX_QUESTIONS:
        wrong.append(f"there may be {MAX_QUESTIONS} “questions” at most")
    if isinstance(cited, list) and len(cited) > MAX_CITATIONS:
        wrong.append(f"there may be {MAX_CITATIONS} “citations” at most")
        cited = []
    for n, raw in enumerate(cited if isinstance(cited, list) else [cited], start=1):
        citation = _citation(raw)
        if citation is None:
            wrong.append(
                f"citation {n} must be {{path: a path in the repository, line: a number from 1, quote: that line}}"
            )
        else:
            citations.append(citation)
    if wrong:
        raise Mistake(f"finish was not accepted: {'; '.join(wrong)}.")
    asked = tuple(question.strip() for question in questions if question.strip())
    return Solution(title.strip(), str(account).strip(), asked, tuple(citations))


def _seen(value: object) -> str:
    """The characters of a text that a reader sees, lines and blanks; "" for what is no text."""
    return strip_hidden(value) if isinstance(value, str) else ""


def _citation(raw: object) -> Citation | None:
    if not isinstance(raw, dict):
        return None
    path, line, quote = raw.get("path"), raw.get("line"), raw.get("quote", "")
    if isinstance(line, str) and re.fullmatch(r"[0-9]{1,9}", line):
        line = int(line)
    if not isinstance(path, str) or isinstance(line, bool) or not isinstance(line, int):
        return None
    if not 1 <= line <= MAX_LINES:
        return None
    path = path.strip().removeprefix("/workspace/").removeprefix("./")
    if not path or path.startswith("/") or ".." in path.split("/") or not isinstance(quote, str):
        return None
    return Citation(path, line, quote)
