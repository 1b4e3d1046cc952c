"""The replies to requests that start no task: each says why, and what to do."""

from __future__ import annotations

from dayhand.intake.events import Subject
from dayhand.ledger.spending import UsedUp
from dayhand.startup.records import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing happens, and what the person can do."""

    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person is told on their issue or pull request, without a task."""

    subject: Subject
    login: str
    text: str  # Markdown
    marker: str  # a second reply with the same marker replaces the first one
    links: str = ""  # our own Markdown: in the text, a link is shown as its address


MAY_NOT_START = Refusal(
    "Only people with write access to this repository can start a task.",
    "Ask one of them to add the label or to write the comment.",
)
MAY_NOT_STOP = Refusal(
    "Only people with write access to this repository can stop a task.",
    "Ask one of them to write the comment, or to remove the label.",
)
MAY_NOT_ALLOW = Refusal(
    "Only people with write access to this repository can allow a host.",
    "Ask one of them to write the comment.",
)
MAY_NOT_APPROVE = Refusal(
    "Only people with write access to this repository can approve a plan.",
    "Ask one of them to read it and to write the comment.",
)
MAY_NOT_ACCEPT = Refusal(
    "Only people with write access to this repository can accept a change.",
    "Ask one of them to review it.",
)
NOT_THE_HEAD = Refusal(
    "That commit is not the head of this pull request.",
    "Look at what was pushed since, then accept the head that you saw, with its commit id.",
)
NOTHING_TO_ACCEPT = Refusal(
    "There is nothing to accept here.",
    "Only a pull request of mine that waits for a person's decision can be accepted.",
)
EMPTY_ISSUE = Refusal(
    "The issue does not say what is wrong: its title and description contain no words.",
    "Describe what happens and what should happen, then ask again.",
)


TOO_MANY_MESSAGES = Refusal(
    "Too many comments wait for the task that runs here, so this one was not kept.",
    "Wait until the task has read them, then write it again.",
)


def used_up(found: UsedUp) -> Refusal:
    """Today's budget is used up."""
    return Refusal(
        f"Today's budget of {found.whose} is used up: {found.cap.format(found.used)} of {found.cap.format(found.cap.amount)}.",
        f"Ask again tomorrow (UTC), or ask the operator of this bot to raise `{found.cap.setting}`.",
    )


def labeled_pull(handle: str) -> Refusal:
    """A label on a pull request does not say what to do."""
    return Refusal(
        "A label on a pull request does not say what to do.",
        f"Comment “@{handle} …” with a change that you want, or with a question.",
    )
