"""A task's one comment on its issue or pull request, from “On it” to the result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from dayhand.errors import HubError
from dayhand.hub.comments import hidden_marker
from dayhand.hub.mutations import Mutation
from dayhand.hub.repository import RepositoryHub
from dayhand.ledger import facts
from dayhand.ledger.facts import Facts
from dayhand.publish.wording import comment
from dayhand.startup.records import dataclass
from dayhand.task import Task, TaskKind
from dayhand.untrusted_text import redact

# Once one of them is known, the comment may exist; an older version noted only the last two.
BEGUN = (facts.COMMENTING, facts.WAITING_NOTICE, facts.OPENING)


@dataclass(frozen=True, slots=True)
class TaskComment:
    """Writes the comment, and edits it from then on."""

    hub: Callable[[], RepositoryHub]
    facts: Facts
    task: Task
    task_url: str
    log: Callable[[str], object]  # what GitHub refused

    def write_started(self) -> None:
        """Say that work has begun."""
        self.write(self._started())

    def edit_started(self) -> list[Mutation]:
        """The change that says the same again, now that more is known."""
        return self.edit(self._started())

    def _started(self) -> str:
        """That work has begun, after what cannot run in the task's environment."""
        pull_url, unavailable = self.facts.get(facts.PULL_URL), self.facts.get(facts.ENVIRONMENT_WARNING)
        if pull_url and self.facts.get(facts.OWN_BRANCH):
            started = comment.continued(pull_url, self.task_url)
        elif pull_url and self.task.ask.kind in (TaskKind.FIX, TaskKind.UNCLEAR):
            started = comment.started(pull_url, self.task_url)
        else:
            started = comment.started_without_draft(self.task_url)
        return f"{unavailable}\n\n{started}" if unavailable else started

    def edit(self, body: str) -> list[Mutation]:
        """The change that gives the comment this text, if there is a comment."""
        node = self.facts.get(facts.COMMENT_NODE)
        if not node:
            return []
        marked = f"{self._whole(body)}\n\n{hidden_marker(f'task:{self.task.id}')}"
        return [Mutation("updateIssueComment", {"id": node, "body": marked}, courtesy=True)]

    def write(self, body: str, *, hub: RepositoryHub | None = None) -> str:
        """Give the comment this text; return its address, "" if the issue is locked, which decides nothing."""
        if not self.task.number:
            return ""  # no person asked, so there is no issue to comment on
        known, marker = self.facts.get(facts.COMMENT), f"task:{self.task.id}"
        look = any(self.facts.get(fact) is not None for fact in BEGUN)
        if not look:
            self.facts.put(facts.COMMENTING, marker)
        try:
            written = (hub or self.hub()).comment(
                self.task.number,
                self._whole(body),
                marker=marker,
                known=known,
                look=look,
            )
        except HubError as error:
            if "is locked" not in str(error):
                raise
            self.log(str(error))
            return ""
        self.facts.put(facts.COMMENT, written.id)
        self.facts.put(facts.COMMENT_NODE, written.node)
        return written.url

    def write_with_least_permissions(self, body: str) -> None:
        """The same with a token that can do nothing else. Raises ``HubError`` if even that is not granted."""
        with closing(self.hub().for_comments()) as hub:
            self.write(body, hub=hub)

    def _whole(self, body: str) -> str:
        """The text of the comment, after what became of the thread's earlier pull request."""
        if ended := self.facts.get(facts.ENDED_PULL):
            base = self.facts.get(facts.BASE_BRANCH) or self.task.default_branch
            body = f"{comment.started_anew(ended, base)}\n\n{body}"
        return redact(body)
