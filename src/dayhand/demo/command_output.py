"""Reads the real output of a script's commands, so that the scripted model claims only what was printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from dayhand.scripted_model.moves import Move, ScriptState

Citation = dict[str, object]  # as the finish tool takes it
Step = Callable[[ScriptState], Sequence[Move]]


def play_turns(*steps: Step, already_done: Step | None = None) -> Step:
    """Play one step a turn, and repeat the last one if the model is asked for more.

    ``already_done`` returns the moves to play if the first turn's output shows that nothing is to be done, else none.
    """

    def play(state: ScriptState) -> Sequence[Move]:
        moves = already_done(state) if already_done and state.turn > 0 else ()
        return moves or steps[min(state.turn, len(steps) - 1)](state)

    return play


def all_output(state: ScriptState) -> str:
    """Everything that the commands have printed so far."""
    return "\n".join(state.all_outputs)


def cite(text: str, path: str, words: str) -> list[Citation]:
    """The last line of ``path`` with ``words`` in the output of ``git grep -n``; empty if there is none."""
    hits = re.findall(rf"^{re.escape(path)}:(\d+):(.*)$", text, re.MULTILINE)
    hits = [(line, quote) for line, quote in hits if words in quote]
    return [{"path": path, "line": int(hits[-1][0]), "quote": hits[-1][1].strip()}] if hits else []


def location(citations: Sequence[Citation]) -> str:
    """The first citation's path and line, as part of a sentence."""
    return f"`{citations[0]['path']}`, line {citations[0]['line']}" if citations else "(not found)"


def find_group(pattern: str, text: str, default: str = "") -> str:
    """The first group of the first match of ``pattern``."""
    match = re.search(pattern, text, re.MULTILINE)
    return match[1] if match else default
