"""Sets the scene on the local GitHub: people, repositories, issues, the App; and acts there as its people do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dayhand.demo.story import Story
from dayhand.localhub.server import LocalHub

MAINTAINER, OUTSIDER = "ada", "bob"
SLUG = "dayhand-demo"
LABEL = "codex"
# As app.yml asks for them.
PERMISSIONS = {
    "metadata": "read",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "checks": "write",
}
EVENTS = ("issues", "issue_comment", "pull_request", "check_run")


@dataclass(frozen=True, slots=True)
class Stage:
    """The scene, set."""

    hub: LocalHub
    app_id: int
    private_key: str
    issues: Mapping[str, int]  # the number of each story's issue

    def begin(self, story: Story) -> None:
        """Do what starts the work on a story: the maintainer sets the label, or writes a comment."""
        number = self.issues[story.name]
        if story.comment:
            self.hub.state.comment(story.repository, number, MAINTAINER, story.comment)
        else:
            self.hub.state.label(story.repository, number, LABEL, MAINTAINER)

    def ask(self, story: Story, number: int) -> None:
        """Ask the story's follow-up question on an issue or a pull request."""
        self.hub.state.comment(story.repository, number, MAINTAINER, f"@bot {story.follow_up}")

    def issue_url(self, story: Story) -> str:
        return f"{self.hub.url}/{story.repository}/issues/{self.issues[story.name]}"


def set_scene(hub: LocalHub, stories: Sequence[Story], *, webhook: str, secret: str) -> Stage:
    """Make everything that must be there before the first webhook is sent to ``webhook``."""
    state = hub.state
    state.add_user(MAINTAINER, "Ada")
    state.add_user(OUTSIDER, "Bob")
    app = state.add_app(SLUG, PERMISSIONS, EVENTS, webhook, secret)
    issues = {}
    for story in stories:
        state.add_repository(story.repository, story.files())
        issues[story.name] = state.open_issue(story.repository, OUTSIDER, story.title, story.body)
    state.install(app, [story.repository for story in stories])
    return Stage(hub, app.id, app.private_key_pem, issues)
