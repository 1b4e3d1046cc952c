"""What ``dayhand run`` works with: no GitHub, and none of its client's second of imports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dayhand.agent.model.retry import RetryPolicy
from dayhand.checkout.local_repository import LocalRepository
from dayhand.checkout.mirror import Author
from dayhand.checkout.repository import Checkout, open_local_store, open_mirror
from dayhand.journey_tools import Tools
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.publish.base import Publication
from dayhand.sandbox.base import Sandbox
from dayhand.settings.table import Settings
from dayhand.task import Task
from dayhand.wiring.tools import open_tools

MAX_CONNECTS = 3  # a person waits, and can start the server
LOCAL_AUTHOR = Author("Dayhand", "dayhand@localhost")


@contextmanager
def open_local_tools(
    settings: Settings,
    ledger: Ledger,
    task: Task,
    *,
    claim: Claim,
    sandbox: Sandbox,
    publication: Publication,
    repository: LocalRepository,
) -> Iterator[Tools]:
    """What ``dayhand run`` works with: a branch in the repository itself, and no GitHub."""
    checkout = Checkout(
        mirror=open_mirror(settings.data, task.repository, task.clone_url),
        facts=claim.facts,
        token=str,
        author=lambda: LOCAL_AUTHOR,
        co_author=lambda _login: None,
        local_store=open_local_store(settings.data, task.repository, repository.git_dir),
    )
    with open_tools(
        settings,
        ledger,
        task,
        claim=claim,
        checkout=checkout,
        sandbox=sandbox,
        publication=publication,
        retry_policy=RetryPolicy(max_connects=MAX_CONNECTS),
    ) as tools:
        yield tools
