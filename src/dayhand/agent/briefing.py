"""What the model is told of the place it works in: the checks that will judge it, and what is missing."""

from __future__ import annotations

from dayhand.environment.base import Environment
from dayhand.environment.ecosystems.base import Files

INSTRUCTIONS = "AGENTS.md"
INSTRUCTION_CHARS = 32_768  # Codex's own limit for such files


def brief(place: Environment, files: Files, *, since: str = "") -> str:
    """Say which checks will be run, which cannot, and what the repository's own instructions are.

    ``since``: the commit at which a branch with work on it left the default branch; "" for none.
    """
    parts = (_work_so_far(since), _checks(place), _missing(place), _instructions(files))
    return "\n\n".join(part for part in parts if part)


def _work_so_far(since: str) -> str:
    if not since:
        return ""
    return f"This is the branch of a pull request. `git diff {since}` shows what it changes so far."


def _checks(place: Environment) -> str:
    ready = [check for check in place.checks if check.command not in place.missing]
    if not ready:
        return "The repository declares no check that runs here; prove your change as well as you can."
    listed = "\n".join(f"- {check.kind}: `{check.command}` (from {check.source})" for check in ready)
    return f"These checks will be run on your change afterwards, by somebody else. Run them yourself first:\n{listed}"


def _missing(place: Environment) -> str:
    if not place.missing:
        return ""
    listed = "\n".join(f"- `{command}`: {missing.why}" for command, missing in place.missing.items())
    return f"These cannot run here, so do not try to repair them:\n{listed}"


def _instructions(files: Files) -> str:
    text = files.read(INSTRUCTIONS)
    if not text.strip():
        return ""
    cut = text[:INSTRUCTION_CHARS]
    note = "\n(cut here: the file is longer)" if len(text) > len(cut) else ""
    return f"The repository's own instructions ({INSTRUCTIONS}):\n\n{cut}{note}"
