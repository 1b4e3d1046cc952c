"""What tasks from GitHub work with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from urllib.parse import urlsplit

from dayhand.checkout.mirror import Author, Mirror
from dayhand.checkout.repository import Checkout, open_mirror
from dayhand.checkout.server import PAUSES, Recovery
from dayhand.checkout.target_search import find_target_branches
from dayhand.checkout.task_branch import TargetBranches
from dayhand.checkout.trust import People
from dayhand.errors import HubError, HubUnavailable
from dayhand.hub.client import Hub
from dayhand.hub.permissions import PERMISSIONS, READ_PERMISSIONS
from dayhand.hub.repository import RepositoryHub
from dayhand.intake.permission import may_ask
from dayhand.journey_tools import Tools
from dayhand.ledger import facts
from dayhand.ledger.github_share import GitHubShare
from dayhand.ledger.ledger import Claim, Ledger
from dayhand.ledger.repository_notes import head_is_accepted, who_pushed, who_pushed_head
from dayhand.ledger.telemetry.audit import Action, audit
from dayhand.ledger.telemetry.notifications import Notification, Notifications
from dayhand.publish.base import Publication
from dayhand.publish.github import GitHubPublication
from dayhand.settings.required import app_key
from dayhand.settings.table import Settings
from dayhand.task import Answered, Ending, HeldBack, Proposed, State, Task, TaskKind
from dayhand.verification import Status
from dayhand.wiring.sandboxes import open_snapshot_cache
from dayhand.wiring.snapshot import read_snapshot
from dayhand.wiring.tools import open_tools


class GitHubServices:
    """What tasks from GitHub work with."""

    def __init__(self, settings: Settings, ledger: Ledger, *, git_pauses: Sequence[float] = PAUSES) -> None:
        """``git_pauses``: the seconds before each new attempt at a fetch or push that failed."""
        self.git_pauses = git_pauses
        self.settings = settings
        self.ledger = ledger
        self.app = Hub(settings.api_url, settings.app_id, app_key(settings), share=GitHubShare(ledger.redis))

    @contextmanager
    def publication(self, task: Task, claim: Claim) -> Iterator[Publication]:
        """Publish on GitHub, with a token for this one repository."""
        hub = self._repository(task, claim)
        try:
            yield GitHubPublication(
                hub,
                self.ledger,
                claim,
                task=task,
                task_url=f"{self.settings.url}/tasks/{task.id}",
                repository_url=task.clone_url.removesuffix(".git"),
                every=self.settings.progress_seconds,
            )
        finally:
            hub.close()

    @contextmanager
    def tools(self, task: Task, claim: Claim, publication: Publication) -> Iterator[Tools]:
        """Everything else that the journey needs."""
        hub = self._repository(task, claim)
        recovery = Recovery(
            renew=hub.renew,
            locate=lambda: hub.location()[0],
            pauses=self.git_pauses,
            note_push=partial(self._note_push, task),
        )
        try:
            if task.ask.kind is TaskKind.ENVIRONMENT and not task.number:
                claim.free_thread()  # a push from now on needs an examination of its own
            clone_url, branch = task.clone_url, task.default_branch
            if not clone_url:
                clone_url, branch = hub.location()
            branches = _target_branches(hub, task, claim)
            checkout = Checkout(
                mirror=open_mirror(self.settings.data, task.repository, clone_url, recovery=recovery),
                default_branch=branch,
                neighbours=partial(self._neighbour, task, clone_url),
                facts=claim.facts,
                token=hub.token,
                author=self._author,
                co_author=lambda login: _co_author(hub, login),
                branches=branches,
                held_back=_accepted_files(self.ledger, task),
                people=_people(self.ledger, hub, task.repository),
            )
            with open_tools(
                self.settings,
                self.ledger,
                task,
                claim=claim,
                checkout=checkout,
                sandbox=open_snapshot_cache(self.settings),
                publication=publication,
            ) as tools:
                said = read_snapshot(hub, task, claim.facts, own_branch=branches.own, journal=tools.journal)
                yield replace(tools, snapshot=said)
        finally:
            hub.close()

    def notify(self, task: Task, state: State, outcome: Ending | None) -> None:
        """Put a notification for the operator's chat, if there is one, and a person waits for this task."""
        what = _outcome_in_chat(task, state, outcome)
        if what and task.number and self.settings.notify_url:
            issue = f"{task.clone_url.removesuffix('.git')}/issues/{task.number}"
            link = outcome.url if isinstance(outcome, Proposed) else issue
            Notifications(self.ledger.redis).put(
                Notification(task.id, what, task.repository, task.number, task.title, link)
            )

    def _note_push(self, task: Task, sha: str, branch: str) -> None:
        rights = ", ".join(f"{name}: {level}" for name, level in PERMISSIONS.items())
        where = {"task": task.id, "repository": task.repository, "installation": task.installation}
        audit(self.ledger.redis, Action.PUSH, **where, branch=branch, commit=sha, permissions=rights)

    @contextmanager
    def _neighbour(self, task: Task, clone_url: str, full_name: str) -> Iterator[tuple[Mirror, str]]:
        """A repository beside the task's: read with a token if the person who asked may read it, else as everybody can."""
        hub = self.app.repository(task.installation, full_name, READ_PERMISSIONS)
        try:
            try:
                allowed = bool(task.ask.asker) and hub.permission(task.ask.asker) != "none"
                token = hub.token() if allowed else ""
            except HubUnavailable:
                raise
            except HubError:  # not part of the installation: it may be public
                token = ""
            server = urlsplit(clone_url)
            url = f"{server.scheme}://{server.netloc}/{full_name}.git"
            recovery = Recovery(renew=hub.renew) if token else None
            yield open_mirror(self.settings.data, full_name, url, recovery=recovery), token
        finally:
            hub.close()

    def _repository(self, task: Task, claim: Claim) -> RepositoryHub:
        """The task's repository, which may have been renamed since the task was opened."""
        number = claim.facts.get(facts.REPOSITORY_ID) or 0
        return self.app.repository(task.installation, task.repository, repository_id=number)

    def _author(self) -> Author:
        bot = self.app.bot()
        return Author(bot.name, bot.email)


def _outcome_in_chat(task: Task, state: State, outcome: Ending | None) -> str:
    """What an operator's chat is told; "" for nothing: a reply to a question needs nobody else, and nor does a stop."""
    if state is State.FAILED:
        return "failed"
    if isinstance(outcome, Proposed):
        conclusion = outcome.verification.conclusion
        held = conclusion.stays_draft or conclusion.status in (Status.FAILURE, Status.ACTION_REQUIRED)
        return "needs you" if held else "ready"
    wants_change = task.ask.kind in (TaskKind.FIX, TaskKind.PLAN)  # and got a plan, or a reason why not
    return "needs you" if wants_change and isinstance(outcome, Answered) else ""


def _target_branches(hub: RepositoryHub, task: Task, claim: Claim) -> TargetBranches:
    """Look once and keep the result: the pull request that this task opens must not count as an earlier one."""
    task_facts, threads = claim.facts, claim.ledger.threads
    own = task_facts.get(facts.OWN_BRANCH)
    if own is not None:
        ended = task_facts.get(facts.ENDED_PULL) or ""
        return TargetBranches(onto=task_facts.get(facts.TARGET_BRANCH) or "", own=own, ended=ended)
    found = find_target_branches(hub, task, threads.find(threads.of_task(task.id)).pull)
    task_facts.put(facts.TARGET_BRANCH, found.onto)
    task_facts.put(facts.ENDED_PULL, found.ended)
    task_facts.put(facts.OWN_BRANCH, found.own)
    return found


def _accepted_files(ledger: Ledger, task: Task) -> HeldBack | None:
    """The files that another task held back, if this one is to push them."""
    accepts = task.ask.kind is TaskKind.ACCEPT
    return ledger.facts(task.ask.accepts).get(facts.HELD_BACK) if accepts else None


def _co_author(hub: RepositoryHub, login: str) -> Author | None:
    """The address under which GitHub credits a person: ``ID+login@users.noreply.github.com``."""
    try:
        number = hub.user_id(login)
    except HubError:
        return None  # a commit without its co-author is better than no commit
    return Author(login, f"{number}+{login}@users.noreply.github.com")


def _people(ledger: Ledger, hub: RepositoryHub, repository: str) -> People:
    """What people did with commits. Whether those who pushed have write access is asked now, and once for each."""

    @cache
    def may_write(login: str) -> bool:
        return bool(login) and may_ask(hub, login)

    return People(
        accepted=lambda commit: head_is_accepted(ledger, repository, commit),
        pushed_head=lambda commit: may_write(who_pushed_head(ledger, repository, commit)),
        pushed_first=lambda commit: may_write(who_pushed(ledger, repository, commit)),
    )
