"""The tools that the model can call: their names, descriptions and parameters."""

from __future__ import annotations

from collections.abc import Mapping

from dayhand.agent.model.base import Item

FINISH = "finish"
# Names from other agents that models may use out of habit.
ALIASES = {
    "shell_command": "shell",
    "bash": "shell",
    "exec_command": "shell",
    "local_shell": "shell",
    "write_stdin": "session",
    "run": "shell",
    "patch": "apply_patch",
    "plan": "update_plan",
    "done": FINISH,
}
STATUSES = ("pending", "in_progress", "completed")

# The patch format as a grammar, for servers that constrain free text with one.
PATCH_GRAMMAR = """\
start: "*** Begin Patch" LF hunk+ "*** End Patch" LF?
hunk: add | delete | update
add: "*** Add File: " path LF added+
delete: "*** Delete File: " path LF
update: "*** Update File: " path LF ("*** Move to: " path LF)? chunk*
chunk: anchor? line+ ("*** End of File" LF)? | anchor
anchor: "@@" LF | "@@ " path LF
added: "+" /(.*)/ LF
line: ("+" | "-" | " ") /(.*)/ LF
path: /(.+)/
%import common.LF
"""

PATCH_DESCRIPTION = """\
Edit files. A patch has no line numbers: each change is located by its lines, so include about three lines of context \
around it, and `@@ <a line above it>` if that is not enough. Either the whole patch is applied or none of it. Example:
*** Begin Patch
*** Update File: src/app.py
@@ def greet(name):
     if not name:
-        return "Hi"
+        return "Hello"
*** Add File: src/new.py
+print("hello")
*** Delete File: src/old.py
*** End Patch
Paths are relative to /workspace. `*** Move to: <path>` after an Update line renames."""


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

# In alphabetical order, and never changed while a task runs: the cached prompt starts with the tools.
TOOLS: tuple[Item, ...] = (
    {
        "type": "custom",
        "name": "apply_patch",
        "description": PATCH_DESCRIPTION,
        "format": {"type": "grammar", "syntax": "lark", "definition": PATCH_GRAMMAR},
    },
    _function(
        FINISH,
        "End the work. Call it alone, when everything is done or cannot be done.",
        {
            "title": {**TEXT, "description": "commit subject, one line"},
            "summary": {**TEXT, "description": "for the person who asked, Markdown"},
            "questions": {"type": "array", "items": TEXT, "description": "what only a person can decide"},
            "citations": _list_of(
                {
                    "path": TEXT,
                    "line": {"type": "integer"},
                    "quote": {**TEXT, "description": "that line, word for word"},
                },
                ["path", "line", "quote"],
            ),
            "keep": {
                "type": "array",
                "items": TEXT,
                "description": "new files or folders of the change that look like build output",
            },
        },
        required=["title", "summary"],
    ),
    _function(
        "session",
        "Write to a command that is still running, wait for more of its output, or kill it.",
        {
            "session_id": {"type": "integer"},
            "stdin": {**TEXT, "description": "written to its standard input; \\u0004 at the end closes it"},
            "yield_time_ms": {"type": "integer", "description": "how long to wait, default 10000"},
            "kill": {"type": "boolean"},
        },
        required=["session_id"],
    ),
    _function(
        "shell",
        "Run a bash command in the sandbox and wait until it ends.",
        {
            "command": TEXT,
            "workdir": {**TEXT, "description": "default /workspace"},
            "timeout_ms": {"type": "integer", "description": "default 120000, at most 900000"},
            "stdin": {
                "type": "boolean",
                "description": "keep standard input open for session; default: empty",
            },
            "yield_time_ms": {
                "type": "integer",
                "description": "if it runs longer, return its output so far and a session_id, and let it continue",
            },
        },
        required=["command"],
    ),
    _function(
        "update_plan",
        "Record the steps of the work and their status.",
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
