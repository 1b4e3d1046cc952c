"""The history that the model is sent: it only grows, until it is replaced as a whole by a shorter one.

A provider's prompt cache, and from GPT-6.2 on the model's own reasoning, are valid only while nothing that was sent
before changes. So nothing is shortened in place. When the context window is nearly full, everything after the opening
is replaced once, by a handover.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from dayhand.agent.model.base import Call, Item, Reply
from dayhand.agent.model.items import message
from dayhand.agent.tools.call_parser import InvalidCall, PlanCall, parse_call
from dayhand.agent.tools.schema import ALIASES, TOOLS
from dayhand.errors import ModelError
from dayhand.sandbox.base import Box
from dayhand.startup.records import dataclass
from dayhand.usage import Usage, add_usage

FULL_SHARE = 0.85  # of the window; the rest is left for the handover and the reply
MIN_GROWTH = 1 / 8  # of the window, since the last compaction: otherwise the next one is not worth a request
TOKEN_BYTES = 4
IMAGE_TOKENS = 1_500
MAX_HANDOVER_CHARS = 12_000
MAX_LIST_CHARS = 4_000  # of the changed files, and of the plan
MAX_RESULTS_CHARS = 24_000  # of the last results in total; less in a small window
LAST_CALLS = 6
LISTED_CALLS = 40  # one line each, if the model wrote no handover

NO_USAGE = Usage(turns=0, dollars=0.0)

HANDOVER_REQUEST = (
    "Your context is nearly full. Everything after the request will be replaced by what you write now. Call no tool. "
    "Write a handover to yourself: what you found out and where (files, lines, names), what you decided and why, what "
    "you changed, which commands showed what, and what is left to do, in order. Leave out what the request says."
)
COMPACTED = (
    "# Where you are\n\nYou are in the middle of this work. Your history had grown too long, so everything after the "
    "request was replaced by this message. The work tree is as you left it. Continue from there, and look again at "
    "what you need to see."
)
_CHANGES_COMMAND = (
    "git -c core.quotePath=false status --short --untracked-files=all; echo; git diff --stat HEAD 2>/dev/null"
)


class History:
    """The items of the next request, and about how much of the context window they fill."""

    def __init__(self, opening: Sequence[Item], usage: Usage) -> None:
        self.items: list[Item] = [*opening]
        self.compacted_at = 0  # the turn of the last compaction; 0 if there was none
        self.usage = usage  # of all requests so far
        self.dollars = 0.0  # the known part of their price
        self.latest = usage  # of the last reply
        self.unpriced = 0  # replies whose price is not known
        self.plan: PlanCall | None = None
        self.last_text = ""  # the model's last message
        self.last_results: deque[tuple[Call, str]] = deque(maxlen=LAST_CALLS)
        self.call_list: deque[str] = deque(maxlen=LISTED_CALLS)  # a line for each call and its result
        self._opening = tuple(opening)
        self._said: list[Item] = []  # what people said since
        self._tokens = tokens(opening) + tokens(TOOLS)
        self._tokens_compacted = 0  # right after the last compaction
        self._reply_starts: list[int] = []  # indexes of items
        self._calls: dict[str, Call] = {}  # of the last reply

    @property
    def opening(self) -> Sequence[Item]:
        return (*self._opening, *self._said)

    def is_nearly_full(self, window: int) -> bool:
        """Whether the next request nearly fills ``window`` tokens; never if that is 0, which means unknown."""
        grown = self._tokens - self._tokens_compacted
        return 0 < window * FULL_SHARE < self._tokens and grown > window * MIN_GROWTH

    def add_reply(self, reply: Reply) -> None:
        """Add a reply, and keep what a compaction needs of it."""
        self._reply_starts.append(len(self.items))
        self.items += reply.items
        self.charge(reply.usage)
        self.latest = reply.usage
        self.unpriced += reply.usage.dollars is None
        reported = reply.usage.input_tokens + reply.usage.output_tokens if reply.usage.input_tokens else 0
        self._tokens = reported or self._tokens + tokens(reply.items)
        self._calls = {call.id: call for call in reply.calls}
        self.last_text = reply.text.strip() or self.last_text
        for call in reply.calls:
            if ALIASES.get(call.name, call.name) == "update_plan":
                self.plan = _parse_plan(call) or self.plan

    def add_results(self, items: Sequence[Item]) -> None:
        """Add the results of calls, and remarks."""
        self.items += items
        self._tokens += tokens(items)
        for item in items:
            if call := self._calls.get(str(item.get("call_id"))):
                text = _text(item.get("output"))
                self.last_results.append((call, text))
                self.call_list.append(f"{call.name} {_one_line(call.arguments, 160)} → {_one_line(text, 80)}")

    def add_messages(self, items: Sequence[Item]) -> None:
        """Add what people said while the task ran. A compaction keeps it as it keeps the opening."""
        self.items += items
        self._said += items
        self._tokens += tokens(items)

    def charge(self, usage: Usage) -> None:
        """Add what was spent on this task outside of the loop's own replies."""
        self.usage = add_usage(self.usage, usage)
        self.dollars += usage.dollars or 0.0

    def messages_to_model(self) -> Iterator[str]:
        """What the model was told after the opening, besides the results of its calls."""
        for item in self.items[len(self._opening) :]:
            if item.get("role") == "user":
                yield _text(item.get("content"))

    @property
    def last_accepted(self) -> list[Item]:
        """The items of the last request that got a reply: they fit in the context window."""
        return self.items[: self._reply_starts[-1]] if self._reply_starts else []

    def replace(self, turn: int, items: Sequence[Item], usage: Usage) -> None:
        """Replace the items from the request of ``turn`` on. ``usage`` is what making the new ones cost."""
        if usage != NO_USAGE:
            self.charge(usage)
        self.items = [*items]
        self.compacted_at = turn
        self._reply_starts.clear()
        self._tokens = self._tokens_compacted = tokens(items) + tokens(TOOLS)


@dataclass(frozen=True, slots=True)
class Compaction:
    """The shorter history."""

    items: list[Item]
    usage: Usage
    no_handover: str = ""  # why the model wrote no handover; "" if it did


def compact(
    box: Box,
    history: History,
    ask: Callable[[list[Item], Callable[[Reply], object]], Reply],
    *,
    keep: Callable[[Compaction], object],
    overflowed: bool,
    window: int,
) -> Compaction:
    """Make a shorter history: the opening, a handover, the plan, the changes, the last results.

    ``ask`` sends the items of one request without tools, and calls its second argument with the reply at once; ``keep``
    journals what is made of it. If the history ``overflowed``, the request leaves out the last calls, so that it fits;
    their results are part of the shorter history.
    """
    changes = _changes(box)  # before the request: its reply should be in the journal soon
    results = _results_section(
        history, min(MAX_RESULTS_CHARS, int(window * MIN_GROWTH) * TOKEN_BYTES or MAX_RESULTS_CHARS)
    )

    def made(reply: Reply | None, why: str) -> Compaction:
        handover, no_handover = _handover(reply, why)
        if not handover:
            handover = "These were your last calls, and the start of their results:\n" + "\n".join(
                history.call_list
            )
        parts = [
            COMPACTED,
            f"## Handover\n\n{cut(handover, MAX_HANDOVER_CHARS)}",
            _plan_section(history.plan),
            f"## What differs from the commit that you started from\n\n{changes}",
            results,
        ]
        summary = message("user", "\n\n".join(part for part in parts if part))
        usage = replace(reply.usage, turns=0) if reply else NO_USAGE
        return Compaction([*history.opening, summary], usage, no_handover)

    sent = history.last_accepted if overflowed else history.items
    why = "it had not started yet"
    if sent:
        request = [*sent, message("user", HANDOVER_REQUEST)]
        try:
            return made(ask(request, lambda reply: keep(made(reply, ""))), "")
        except ModelError as error:
            why = str(error)
    keep(compaction := made(None, why))
    return compaction


def _handover(reply: Reply | None, why: str) -> tuple[str, str]:
    """The model's handover, and the reason if there is none."""
    if reply is None:
        return "", why
    handover = reply.text.strip()
    return handover, "" if handover else "its reply was empty"


def tokens(items: Sequence[Item]) -> int:
    """An estimate of how many tokens items take: one for four bytes, and a fixed number for each image."""
    total = 0
    for item in items:
        images = [part for part in _parts(item) if part.get("type") == "input_image"]
        image_chars = sum(len(str(part.get("image_url", ""))) for part in images)
        total += (
            len(json.dumps(item, ensure_ascii=False).encode("utf-8", "replace")) - image_chars
        ) // TOKEN_BYTES
        total += IMAGE_TOKENS * len(images)
    return total


def cut(text: str, max_chars: int) -> str:
    """The text with its middle cut out if it is longer than ``max_chars``; the mark at the cut comes on top."""
    if len(text) <= max_chars:
        return text
    half = max_chars // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters cut …\n{text[-half:]}"


def _changes(box: Box) -> str:
    result = box.run(_CHANGES_COMMAND)
    changes = result.text().strip("\n")
    return cut(changes, MAX_LIST_CHARS) if changes else "Nothing, according to git."


def _plan_section(plan: PlanCall | None) -> str:
    if plan is None:
        return ""
    steps = "\n".join(f"- {status}: {step}" for step, status in plan.steps)
    return f"## Your latest plan\n\n{cut(steps, MAX_LIST_CHARS)}"


def _results_section(history: History, max_chars: int) -> str:
    """The last results, each cut to its share of ``max_chars``."""
    if not history.last_results:
        return ""
    share = max_chars // len(history.last_results)
    results = [
        f"{call.name} {cut(call.arguments, share // 4)}\n{cut(text, share - share // 4)}"
        for call, text in history.last_results
    ]
    last_text = [f"You said: {cut(history.last_text, share)}"] if history.last_text else []
    return "## Your last calls and their results\n\n" + "\n\n".join([*last_text, *results])


def _parse_plan(call: Call) -> PlanCall | None:
    try:
        request = parse_call(call)
    except InvalidCall:
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


def _one_line(text: str, max_chars: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= max_chars else f"{line[:max_chars]}…"
