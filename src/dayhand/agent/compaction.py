"""What the model is sent: a history that is only ever added to, until it is replaced as a whole by a shorter one.

A provider's prompt cache, and from GPT-6.2 on the model's own reasoning, hold only while nothing that was sent before
is changed. So nothing is shortened in place: where the window gets full, the opening stays as it is and all that came
after it is replaced, once, by a handover.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from dayhand.agent.model.base import Call, Item, Reply
from dayhand.agent.model.items import add, message
from dayhand.agent.tools.schema import (
    ALIASES,
    TOOLS,
    Mistake,
    PlanCall,
    understand,
)
from dayhand.errors import ModelError
from dayhand.sandbox.base import Box
from dayhand.usage import Usage

FULL = 0.85  # of the window: the rest is for the handover, and for what a reply may take
MIN_GROWTH = 1 / 8  # of the window, since the last compaction: the next one has to be worth a request
TOKEN_BYTES = 4
IMAGE_TOKENS = 1_500
HANDOVER_CHARS = 12_000
LISTED_CHARS = 4_000  # of the changed files, and of the plan
RESULTS_CHARS = 24_000  # of the last results in all, and less in a small window
LAST_CALLS = 6
TOLD_CALLS = 40  # listed, a line each, where we write the handover

NOTHING = Usage(turns=0, dollars=0.0)

ASKED = (
    "Your context is nearly full: everything after the request is about to be replaced by what you write now. Call no "
    "tool. Write a handover to yourself: what you found out and where (files, lines, names), what you decided and why, "
    "what you changed, which commands showed what, and what is left to do, in order. Leave out what the request says."
)
REPLACED = (
    "# Where you are\n\nYou are in the middle of this work. Your history had grown too long, so everything after the "
    "request was replaced by this message. The work tree is as you left it: go on from there, and look again at what "
    "you need to see."
)
_CHANGED = (
    "git -c core.quotePath=false status --short --untracked-files=all; echo; git diff --stat HEAD 2>/dev/null"
)


class History:
    """The items of the next request, and about how much of the window they take."""

    def __init__(self, opening: Sequence[Item], usage: Usage) -> None:
        self.items: list[Item] = [*opening]
        self.compacted_at = 0  # the turn before which the history was replaced last
        self.usage = usage  # of everything that was asked so far
        self.dollars = 0.0  # what is known of its price
        self.latest = usage  # of the last reply
        self.unpriced = 0  # replies whose price is not known
        self.plan: PlanCall | None = None
        self.said = ""  # by the model, last
        self.last: deque[tuple[Call, str]] = deque(maxlen=LAST_CALLS)
        self.told: deque[str] = deque(maxlen=TOLD_CALLS)
        self._opening = tuple(opening)
        self._tokens = tokens(opening) + tokens(TOOLS)
        self._floor = 0
        self._begins: list[int] = []  # where replies begin
        self._calls: dict[str, Call] = {}  # of the last reply

    @property
    def opening(self) -> Sequence[Item]:
        return self._opening

    def fills(self, window: int) -> bool:
        """Whether the next request would come near the end of ``window`` tokens; never where that is 0, unknown."""
        grown = self._tokens - self._floor
        return 0 < window * FULL < self._tokens and grown > window * MIN_GROWTH

    def hear(self, reply: Reply) -> None:
        """Add a reply, and remember what a handover must not lose."""
        self._begins.append(len(self.items))
        self.items += reply.items
        self._pay(reply.usage)
        self.latest = reply.usage
        self.unpriced += reply.usage.dollars is None
        known = reply.usage.input_tokens + reply.usage.output_tokens if reply.usage.input_tokens else 0
        self._tokens = known or self._tokens + tokens(reply.items)
        self._calls = {call.id: call for call in reply.calls}
        self.said = reply.text.strip() or self.said
        for call in reply.calls:
            if ALIASES.get(call.name, call.name) == "update_plan":
                self.plan = _plan(call) or self.plan

    def add(self, items: Sequence[Item]) -> None:
        """Add results and remarks."""
        self.items += items
        self._tokens += tokens(items)
        for item in items:
            if call := self._calls.get(str(item.get("call_id"))):
                text = _text(item.get("output"))
                self.last.append((call, text))
                self.told.append(f"{call.name} {_line(call.arguments, 160)} → {_line(text, 80)}")

    def _pay(self, usage: Usage) -> None:
        self.usage = add(self.usage, usage)
        self.dollars += usage.dollars or 0.0

    def told_since(self) -> Iterator[str]:
        """What the model was told after the opening, besides its results."""
        for item in self.items[len(self._opening) :]:
            if item.get("role") == "user":
                yield _text(item.get("content"))

    @property
    def answered(self) -> list[Item]:
        """What the last reply answered: that much the model could read."""
        return self.items[: self._begins[-1]] if self._begins else []

    def replace(self, turn: int, items: Sequence[Item], usage: Usage) -> None:
        """Go on from other items, from the request of ``turn`` on; ``usage`` is what they cost."""
        if usage != NOTHING:
            self._pay(usage)
        self.items = [*items]
        self.compacted_at = turn
        self._begins.clear()
        self._tokens = self._floor = tokens(items) + tokens(TOOLS)


@dataclass(frozen=True, slots=True)
class Handover:
    """What a history is replaced by."""

    items: list[Item]
    usage: Usage
    by_us: str = ""  # why the model did not write it, where it did not


def write_handover(
    box: Box, history: History, ask: Callable[[list[Item]], Reply], *, overflowed: bool, window: int
) -> Handover:
    """Make the shorter history: the opening, a handover, the plan, what was changed, the last results.

    ``ask`` takes the items of one request in which nothing may be called. Where the history ``overflowed`` already,
    the model is shown what it could still read: all but its last calls, whose results stand in the shorter history.
    """
    changed = _changed(box)  # first: once the model has answered, the journal should have it soon
    shown = history.answered if overflowed else history.items
    words, usage, why = _asked(ask, shown) if shown else ("", NOTHING, "it had not begun")
    if not words:
        words = "These were your last calls, and how their results began:\n" + "\n".join(history.told)
    parts = [
        REPLACED,
        f"## Handover\n\n{cut(words, HANDOVER_CHARS)}",
        _planned(history.plan),
        f"## What differs from the commit that you started from\n\n{changed}",
        _results(history, min(RESULTS_CHARS, int(window * MIN_GROWTH) * TOKEN_BYTES or RESULTS_CHARS)),
    ]
    told = message("user", "\n\n".join(part for part in parts if part))
    return Handover([*history.opening, told], usage, why)


def _asked(ask: Callable[[list[Item]], Reply], shown: Sequence[Item]) -> tuple[str, Usage, str]:
    """The model's handover, what it cost, and why there is none."""
    try:
        reply = ask([*shown, message("user", ASKED)])
    except ModelError as error:
        return "", NOTHING, str(error)
    words = reply.text.strip()
    return words, replace(reply.usage, turns=0), "" if words else "it said nothing"


def tokens(items: Sequence[Item]) -> int:
    """About how many tokens items take: four bytes each, and a flat number for an image."""
    total = 0
    for item in items:
        images = [part for part in _parts(item) if part.get("type") == "input_image"]
        pixels = sum(len(str(part.get("image_url", ""))) for part in images)
        total += (
            len(json.dumps(item, ensure_ascii=False).encode("utf-8", "replace")) - pixels
        ) // TOKEN_BYTES
        total += IMAGE_TOKENS * len(images)
    return total


def cut(text: str, most: int) -> str:
    """A text of at most about ``most`` characters, with a mark where its middle is missing."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters cut …\n{text[-half:]}"


def _changed(box: Box) -> str:
    result = box.run(_CHANGED)
    listed = result.text().strip("\n")
    return cut(listed, LISTED_CHARS) if listed else "Nothing, as far as git says."


def _planned(plan: PlanCall | None) -> str:
    if plan is None:
        return ""
    steps = "\n".join(f"- {status}: {step}" for step, status in plan.steps)
    return f"## Your plan, as it was last\n\n{cut(steps, LISTED_CHARS)}"


def _results(history: History, room: int) -> str:
    """The newest results, each cut to its share of so many characters."""
    if not history.last:
        return ""
    share = room // len(history.last)
    told = [
        f"{call.name} {cut(call.arguments, share // 4)}\n{cut(text, share - share // 4)}"
        for call, text in history.last
    ]
    said = [f"You said: {cut(history.said, share)}"] if history.said else []
    return "## Your last calls and their results\n\n" + "\n\n".join([*said, *told])


def _plan(call: Call) -> PlanCall | None:
    try:
        request = understand(call)
    except Mistake:
        return None
    return request if isinstance(request, PlanCall) else None


def _parts(item: Item) -> list[Item]:
    parts = item.get("content") or item.get("output")
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _text(output: object) -> str:
    if isinstance(output, str):
        return output
    parts = output if isinstance(output, list) else []
    return "\n".join(str(part.get("text", "(an image)")) for part in parts if isinstance(part, dict))


def _line(text: str, most: int) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= most else f"{plain[:most]}…"
