"""The facts of a task in Redis: each with its name, its type, who writes it and who reads it.

A fact is written once something is done, so that a worker that takes the task over does not do it again. Facts are
read and written through these declarations only; a test compares them with the code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, Generic, Protocol, TypeVar

from dayhand.errors import LedgerError
from dayhand.ledger.codec import pack, unpack
from dayhand.reading.conversation import Conversation
from dayhand.reading.instruction_file import InstructionFile
from dayhand.startup.records import dataclass
from dayhand.task import Blocked, HeldBack
from dayhand.usage import AskedLimits, Switch
from dayhand.verification import Status
from dayhand.visible_text.markdown import Dropped

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """One fact. Writers and readers are top-level packages or modules of this project."""

    name: str  # in Redis, and in the JSON of ``/tasks/<id>``
    parse: Callable[[str], T]  # may raise ``ValueError`` or ``LedgerError``
    encode: Callable[[T], str]
    writer: str
    readers: tuple[str, ...]
    old_name: str = ""  # in version 0
    own_place: bool = False  # the JSON of ``/tasks/<id>`` shows it elsewhere than among the facts

    def find(self, values: Mapping[str, str]) -> T | None:
        """Its value among all the facts of a task. Raises ``LedgerError`` if it cannot be read."""
        text = values.get(self.name, values.get(self.old_name))
        try:
            return None if text is None else self.parse(text)
        except ValueError as error:
            raise LedgerError(f"The fact {self.name} in Redis cannot be read: {error}.") from error


def _text(name: str, writer: str, *readers: str, old_name: str = "", own_place: bool = False) -> Fact[str]:
    return Fact(name, str, str, writer, readers, old_name, own_place)


def _number(name: str, writer: str, *readers: str) -> Fact[int]:
    return Fact(name, int, str, writer, readers)


def parse_blocked(text: str) -> tuple[Blocked, ...]:
    """The hosts of a blocklist; empty if this version cannot read it, since it is only advice."""
    try:
        stored = unpack("list of blocked hosts", text)
        return stored.decode(tuple[Blocked, ...], stored.data["blocked"] if stored.version else None)
    except (LedgerError, KeyError):
        return ()


def encode_blocked(blocked: tuple[Blocked, ...]) -> str:
    return pack({"blocked": [asdict(one) for one in blocked]})


def _parse_dropped(text: str) -> tuple[Dropped, ...]:
    """What the model did not get; empty if this version cannot read it, since it is only shown."""
    try:
        stored = unpack("list of hidden texts", text)
        return stored.decode(tuple[Dropped, ...], stored.data["dropped"])
    except (LedgerError, KeyError, TypeError):
        return ()


def _encode_dropped(dropped: tuple[Dropped, ...]) -> str:
    return pack({"dropped": [asdict(one) for one in dropped]})


def _parse_instructions(text: str) -> tuple[InstructionFile, ...]:
    """The instruction files; empty if this version cannot read them, since they are only shown."""
    try:
        stored = unpack("list of instruction files", text)
        return stored.decode(tuple[InstructionFile, ...], stored.data["files"])
    except (LedgerError, KeyError, TypeError):
        return ()


def _encode_instructions(files: tuple[InstructionFile, ...]) -> str:
    return pack({"files": [asdict(one) for one in files]})


def _parse_snapshot(text: str) -> Conversation:
    """The conversation; without texts if this version cannot read it."""
    try:
        stored = unpack("snapshot of the conversation", text)
        return stored.decode(Conversation, stored.data["snapshot"])
    except (LedgerError, KeyError, TypeError):
        return Conversation(problem="Another version of Dayhand kept it, which this one cannot read.")


def _encode_snapshot(snapshot: Conversation) -> str:
    return pack({"snapshot": asdict(replace(snapshot, images=()))})  # the journal keeps their bytes


def _parse_held_back(text: str) -> HeldBack:
    stored = unpack("part of a change that is held back", text)
    return stored.decode(HeldBack, stored.data.get("held_back"))


def _encode_held_back(held_back: HeldBack) -> str:
    return pack({"held_back": asdict(held_back)})


def _parse_limits(text: str) -> AskedLimits:
    stored = unpack("limits", text)
    return stored.decode(AskedLimits, stored.data.get("limits"))


def _encode_limits(limits: AskedLimits) -> str:
    return pack({"limits": asdict(limits)})


def _parse_switches(text: str) -> tuple[tuple[Switch, int], ...]:
    stored = unpack("list of the task's models", text)
    return stored.decode(
        tuple[tuple[Switch, int], ...], stored.data.get("switches") if stored.version else None
    )


def _encode_switches(switches: tuple[tuple[Switch, int], ...]) -> str:
    return pack({"switches": [(asdict(switch), items) for switch, items in switches]})


# Commits and branches.
BASE = _text("base", "checkout", "checkout")  # the commit that the task starts from
START = _text("start", "checkout", "checkout", "publish")  # the empty first commit of the task's branch
BRANCH = _text("branch", "checkout", "checkout", "publish")  # the task's branch
HEAD = _text("head", "checkout", "checkout", "publish")  # the commit that was pushed last
TARGET_BRANCH = _text(
    "onto", "wiring", "wiring"
)  # that was found for the task; "" for the repository's choice
BASE_BRANCH = _text("base_branch", "checkout", "checkout", "publish")  # that a new pull request goes to
ENDED_PULL = _text("ended_pull", "wiring", "wiring", "publish")  # "#12 was merged": the thread's earlier one
OWN_BRANCH = _text(
    "own_branch", "wiring", "wiring", "publish"
)  # of our pull request that is continued; "" for none
UNFINISHED_HEAD = _text("unfinished_head", "checkout", "checkout")  # the commit with unfinished work
UNFINISHED_BRANCH = _text(
    "unfinished_branch", "checkout", "checkout", "intake", "publish", old_name="unfinished"
)

# On GitHub.
PULL = _number("pull", "publish", "publish", "intake", "journey_tools")  # the pull request's number
PULL_URL = _text("pull_url", "publish", "publish", "dashboard", "intake")
CHECK = _number("check", "publish", "publish", "intake")  # the check run's id
CHECK_NODE = _text("check_node", "publish", "publish")  # its id in GraphQL
COMMENT = _number("comment_id", "publish", "publish")  # the id of the task's comment
COMMENT_NODE = _text("comment_node", "publish", "publish")
COMMENTING = _text("commenting", "publish", "publish")  # the marker of the comment that began to be written
WAITING_NOTICE = _text(
    "waiting_notice", "publish", "publish"
)  # when the comment last said that the task waits, and in which words
OPENING = _text("opening", "publish", "publish")  # the commit for which the draft began to be opened
CONCLUDING = _text(
    "concluding", "publish", "publish"
)  # the commit for which the result began to be published
CHECK_URL = _text("check_url", "publish", "publish", "intake")
CHECK_HEAD = _text("check_head", "publish", "publish")  # the commit that the check run is on
ENVIRONMENT_WARNING = _text("environment_warning", "publish", "publish", old_name="lacking")  # "" for none
PATCH = _text(
    "patch", "journey_tools", "dashboard", "publish", own_place=True
)  # the checked change, cut to a megabyte

# A change with objections, and who accepted it.
HELD_BACK = Fact(
    "held_back",
    _parse_held_back,
    _encode_held_back,
    "checkout",
    ("dashboard", "intake", "publish", "wiring"),
    own_place=True,
)  # kept before the first push
CONCLUSION_IF_ACCEPTED = Fact(
    "conclusion_if_accepted", Status, str, "publish", ("intake", "dashboard"), old_name="standing"
)
ACCEPTED_BY = _text("accepted_by", "intake", "intake", "dashboard")  # a login

# The request.
REPOSITORY_ID = _number(
    "repository_id", "intake", "wiring", "publish"
)  # it stays when the repository is renamed
HIDDEN_TEXT = Fact(
    "hidden_text", _parse_dropped, _encode_dropped, "intake", ("dashboard",), own_place=True
)  # what a person does not see in it, and the model does not get

SNAPSHOT = Fact(
    "snapshot", _parse_snapshot, _encode_snapshot, "wiring", ("wiring", "dashboard"), own_place=True
)  # what people wrote, and what of it the model got
INSTRUCTIONS = Fact(
    "instructions", _parse_instructions, _encode_instructions, "checkout", ("dashboard",), own_place=True
)  # the instruction files, and how much of each the model got

# The model and the environment.
ASKED_LIMITS = Fact(
    "asked_limits", _parse_limits, _encode_limits, "intake", ("intake", "publish", "wiring")
)  # that a person set while the task was queued or running, in place of the request's
MODEL_SWITCHES = Fact("model_switches", _parse_switches, _encode_switches, "agent", ("agent",))
BLOCKED = Fact("blocked", parse_blocked, encode_blocked, "ledger", ("dashboard",), own_place=True)

ALL: tuple[Fact[Any], ...] = (
    BASE,
    START,
    BRANCH,
    HEAD,
    TARGET_BRANCH,
    BASE_BRANCH,
    ENDED_PULL,
    OWN_BRANCH,
    UNFINISHED_HEAD,
    UNFINISHED_BRANCH,
    PULL,
    PULL_URL,
    CHECK,
    CHECK_NODE,
    COMMENT,
    COMMENT_NODE,
    COMMENTING,
    WAITING_NOTICE,
    OPENING,
    CONCLUDING,
    CHECK_URL,
    CHECK_HEAD,
    ENVIRONMENT_WARNING,
    PATCH,
    HELD_BACK,
    CONCLUSION_IF_ACCEPTED,
    ACCEPTED_BY,
    REPOSITORY_ID,
    HIDDEN_TEXT,
    SNAPSHOT,
    INSTRUCTIONS,
    ASKED_LIMITS,
    MODEL_SWITCHES,
    BLOCKED,
)


class Facts(Protocol):
    """The facts of one task: ``ledger.TaskFacts``."""

    def get(self, fact: Fact[T]) -> T | None: ...

    def put(self, fact: Fact[T], value: T) -> None: ...
