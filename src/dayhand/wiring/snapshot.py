"""Reads what people wrote once, when a worker begins, and keeps it: a resumed task and its page have exactly this."""

from __future__ import annotations

import re
from dataclasses import replace

from dayhand.agent.tools.image import detect_image
from dayhand.errors import HubError, HubUnavailable
from dayhand.hub.attachments import Attachments
from dayhand.hub.auth import web_address
from dayhand.hub.repository import RepositoryHub
from dayhand.intake.permission import may_ask
from dayhand.ledger import facts
from dayhand.ledger.facts import Facts
from dayhand.ledger.journal import Journal
from dayhand.reading.conversation import Conversation, Said, Trigger, show_images, take_snapshot
from dayhand.reading.images import NO_IMAGE, FetchedImage
from dayhand.task import Task, TaskKind

CLOSES = re.compile(r"\bFixes #(\d+)")


def read_snapshot(
    hub: RepositoryHub, task: Task, task_facts: Facts, *, own_branch: str, journal: Journal
) -> Conversation:
    """The conversation of the issue and of our pull request from it, with its images. Raises ``HubUnavailable``."""
    if not task.number or task.ask.kind in (TaskKind.ACCEPT, TaskKind.ENVIRONMENT):
        return Conversation()
    known = task_facts.get(facts.SNAPSHOT)
    if known is not None:
        return replace(known, images=journal.images())
    trigger = Trigger(task.created_at, task.number, task.ask.comment or 0, task.ask.review or 0)
    attachments = Attachments(web_address(hub.auth.api_url), hub.rendered)
    try:
        snapshot = take_snapshot(
            _read(hub, task, own_branch),
            trigger,
            lambda login: may_ask(hub, login),
            is_attachment=attachments.is_attachment,
        )
        snapshot = show_images(snapshot, lambda said, address: _fetch(attachments, said, address))
    except HubUnavailable:
        raise
    except HubError as error:
        snapshot = Conversation(problem=f"{error} {error.advice}".strip())
    if snapshot.images:
        journal.keep_images(snapshot.images)  # before the snapshot, which says that they are there
    task_facts.put(facts.SNAPSHOT, snapshot)
    return snapshot


def _fetch(attachments: Attachments, said: Said, address: str) -> FetchedImage:
    fetched = attachments.fetch(said, address)
    if isinstance(fetched, str):
        return FetchedImage(reason=fetched)
    image = detect_image(fetched)
    return FetchedImage(url=image.url) if image else FetchedImage(reason=NO_IMAGE)


def _read(hub: RepositoryHub, task: Task, own_branch: str) -> tuple[Said, ...]:
    """Both sides of the thread, whichever of them the request is on."""
    here = hub.conversation(task.number)
    if not own_branch:
        return here
    text = next((said.text for said in here if said.kind == "pull request" and said.ours), "")
    closed = CLOSES.search(text)
    pull = None if text else hub.find_pull(own_branch)
    other = int(closed[1]) if closed else pull.number if pull else 0
    return (*hub.conversation(other), *here) if other and other != task.number else here
