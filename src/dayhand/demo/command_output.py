"""How a script reads what its commands really printed: whatever it claims comes from here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from dayhand.scripted_model.moves import Move, ScriptState

Cited = dict[str, object]  # a citation, as the finish tool takes it
Step = Callable[[ScriptState], Sequence[Move]]


def turns(*steps: Step, already: Step | None = None) -> Step:
    """One step a turn; the last is played again where more is asked of it.

    ``already`` gives the moves where the first look has shown that there is nothing to do, else nothing.
    """

    def play(scene: ScriptState) -> Sequence[Move]:
        done = already(scene) if already and scene.turn > 0 else ()
        return done or steps[min(scene.turn, len(steps) - 1)](scene)

    return play


def everything(scene: ScriptState) -> str:
    """All that was printed so far."""
    return "\n".join(scene.all_outputs)


def cite(text: str, path: str, words: str) -> list[Cited]:
    """The last line of ``path`` that holds ``words`` in an output of ``git grep -n``; empty where there is none."""
    hits = re.findall(rf"^{re.escape(path)}:(\d+):(.*)$", text, re.MULTILINE)
    hits = [(line, quote) for line, quote in hits if words in quote]
    return [{"path": path, "line": int(hits[-1][0]), "quote": hits[-1][1].strip()}] if hits else []


def place(cited: Sequence[Cited]) -> str:
    """A citation's place, to put into a sentence."""
    return f"`{cited[0]['path']}`, line {cited[0]['line']}" if cited else "(not found)"


def find(pattern: str, text: str, default: str = "") -> str:
    """What the first group of ``pattern`` matched, at its first place."""
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else default
