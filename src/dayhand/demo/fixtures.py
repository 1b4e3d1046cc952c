"""Sets the scene on the local GitHub: people, repositories, issues, the App; and acts there as its people do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dayhand.demo.story import Story
from dayhand.hub.permissions import EVENTS, PERMISSIONS
from dayhand.localhub.server import LocalHub
from dayhand.localhub.state.models import Issue, Repository

MAINTAINER, OUTSIDER = "ada", "bob"
SLUG = "dayhand-demo"
LABEL = "codex"


@dataclass(frozen=True, slots=True)
class Fixtures:
    """The scene, set."""

    hub: LocalHub
    app_id: int
    private_key: str
    issues: Mapping[str, int]  # the number of each story's issue

    def begin(self, story: Story) -> None:
        """Do what starts the work on a story: the maintainer sets the label, or writes a comment."""
        if story.comment:
            self._comment(story, self.issues[story.name], story.comment)
        else:
            repo, issue = self._find(story, self.issues[story.name])
            self.hub.actions.label(repo, issue, LABEL, by=self.hub.actions.users[MAINTAINER])

    def ask(self, story: Story, number: int) -> None:
        """Ask the story's follow-up question on an issue or a pull request."""
        self._comment(story, number, f"@bot {story.follow_up}")

    def issue_url(self, story: Story) -> str:
        return f"{self.hub.url}/{story.repository}/issues/{self.issues[story.name]}"

    def check(self, story: Story, number: int) -> tuple[str, str]:
        """The address and the conclusion of the check run on a pull request's head, as GitHub has them."""
        repo, issue = self._find(story, number)
        head = issue.pull.head_sha if issue.pull else ""
        runs = [run for run in repo.checks.values() if run.suite.sha == head]
        if not runs:
            return "", ""
        return f"{self.hub.url}/{repo.full_name}/runs/{runs[-1].id}", runs[-1].conclusion or ""

    def _comment(self, story: Story, number: int, words: str) -> None:
        repo, issue = self._find(story, number)
        self.hub.actions.comment(repo, issue, self.hub.actions.users[MAINTAINER], body=words)

    def _find(self, story: Story, number: int) -> tuple[Repository, Issue]:
        repo = self.hub.actions.repositories[story.repository]
        return repo, repo.issues[number]


def set_scene(hub: LocalHub, stories: Sequence[Story], *, webhook: str, secret: str) -> Fixtures:
    """Make everything that must be there before the first webhook is sent to ``webhook``."""
    actions = hub.actions
    actions.add_user(MAINTAINER, "Ada")
    outsider = actions.add_user(OUTSIDER, "Bob")
    app = actions.add_app(
        SLUG, permissions=PERMISSIONS, events=EVENTS, webhook_url=webhook, secret=secret, owner=MAINTAINER
    )
    issues = {}
    for story in stories:
        repo = actions.add_repository(story.repository, story.files())
        actions.ensure_label(repo, LABEL)
        issues[story.name] = actions.open_issue(repo, outsider, story.title, body=story.body).number
    actions.install(app, MAINTAINER, [story.repository for story in stories], silent=True)
    return Fixtures(hub, app.id, app.private_key, issues)
