"""What a script can make the model do in one turn, and what the script knows when its turn comes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FOREVER = math.inf


@dataclass(frozen=True, slots=True)
class Say:
    """Write a message."""

    text: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse to work on the request, in these words."""

    text: str


@dataclass(frozen=True, slots=True)
class Shell:
    """Run a command with the shell tool."""

    command: str


@dataclass(frozen=True, slots=True)
class Patch:
    """Apply a patch in Codex's format."""

    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Update the plan: (step, status) pairs."""

    steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """End the work."""

    title: str
    account: str
    citations: tuple[Mapping[str, Any], ...] = ()
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """Call any tool, including one that does not exist, with raw arguments that need not be JSON."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Fail instead of replying, ``times`` times; then the turn's other moves are played.

    ``kind`` is one of: "status" (sends ``status``, ``headers`` and ``body``), "drop" (closes the connection in the
    middle of the reply), "stall" (sends nothing after the first event), "empty" (a complete reply without items),
    "cut" (a reply that ends at a token limit), "failed" (an event ``response.failed`` with ``body`` as its error),
    "nonsense" (``body`` as it is, with status 200).
    """

    kind: str
    status: int = 500
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: float = 1
    model: str = ""  # fail only when this model is asked for; "" for every model


Move = Say | Refuse | Shell | Patch | Plan | Finish | ToolCall | Fault


@dataclass(frozen=True, slots=True)
class ScriptState:
    """What a script knows when its turn comes."""

    turn: int  # from 0: how many replies it has given already
    outputs: tuple[str, ...]  # of the last reply's calls
    all_outputs: tuple[str, ...]
    prompt: str  # all messages before the first reply
    new_text: str = ""  # all messages since the last reply
    model: str = ""  # the model that was asked for
    port: int = 0  # of the client's connection


@dataclass(frozen=True, slots=True)
class Script:
    """One case: ``matches`` looks at the prompt, ``play`` gives the moves of one turn."""

    name: str
    matches: Callable[[str], bool]
    play: Callable[[ScriptState], Sequence[Move]]
