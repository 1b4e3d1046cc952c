"""Creates users, repositories, issues and the App on the local GitHub, and acts there as the maintainer."""

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
    """What the demo created on the local GitHub."""

    hub: LocalHub
    app_id: int
    private_key: str
    issues: Mapping[str, int]  # the issue's number, by the story's name

    def start(self, story: Story) -> None:
        """Ask for the work: the maintainer adds the label, or writes the story's comment."""
        if story.comment:
            self._comment(story, self.issues[story.name], story.comment)
        else:
            repo, issue = self._find(story, self.issues[story.name])
            self.hub.actions.label(repo, issue, LABEL, by=self.hub.actions.users[MAINTAINER])

    def ask_follow_up(self, story: Story, number: int) -> None:
        """Ask the story's follow-up question on an issue or a pull request."""
        self._comment(story, number, f"@bot {story.follow_up}")

    def issue_url(self, story: Story) -> str:
        return f"{self.hub.url}/{story.repository}/issues/{self.issues[story.name]}"

    def check_run(self, story: Story, number: int) -> tuple[str, str]:
        """The address and conclusion of the newest check run of a pull request's head; both "" if there is none."""
        repo, issue = self._find(story, number)
        head = issue.pull.head_sha if issue.pull else ""
        runs = [run for run in repo.checks.values() if run.suite.sha == head]
        if not runs:
            return "", ""
        return f"{self.hub.url}/{repo.full_name}/runs/{runs[-1].id}", runs[-1].conclusion or ""

    def _comment(self, story: Story, number: int, body: str) -> None:
        repo, issue = self._find(story, number)
        self.hub.actions.comment(repo, issue, self.hub.actions.users[MAINTAINER], body=body)

    def _find(self, story: Story, number: int) -> tuple[Repository, Issue]:
        repo = self.hub.actions.repositories[story.repository]
        return repo, repo.issues[number]


def create_fixtures(hub: LocalHub, stories: Sequence[Story], *, webhook: str, secret: str) -> Fixtures:
    """Create everything that the stories need; the App sends its events to ``webhook``."""
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
