"""Comments and reactions on the issues and pull requests of one repository."""

from __future__ import annotations

from contextlib import closing

from github import GithubException
from github.NamedUser import NamedUser
from github.Organization import Organization

from dayhand.hub.connection import RepositoryConnection
from dayhand.hub.errors import hub_errors
from dayhand.hub.models import Comment
from dayhand.hub.mutations import Mutation
from dayhand.hub.requester import AWAITED, Urgency

GONE = 404
REACTIONS = {"eyes": "EYES", "heart": "HEART", "+1": "THUMBS_UP"}


class Comments(RepositoryConnection):
    """Reads and writes comments. Raises ``HubError``."""

    def reply_in_thread(self, number: int, comment: int, body: str, *, marker: str) -> None:
        """Reply to the first comment of a thread of a review. GitHub takes no reply to a thread that is gone."""
        path = f"{self._address}/pulls/{number}/comments/{comment}/replies"
        with hub_errors(f"replying to a comment on #{number}"):
            text = f"{body}\n\n{hidden_marker(marker)}"
            self._requester().requestJsonAndCheck("POST", path, input={"body": text})

    def react(self, node: str, content: str, *, on_pull: bool = False) -> None:
        """React to an issue, a pull request, a comment or a review, named by its node id. A repeated reaction changes nothing.

        By GraphQL: GitHub counts that apart from REST, so comments and results leave room for each reaction.
        https://docs.github.com/graphql/reference/mutations#addreaction
        """
        if on_pull:
            with closing(self.for_reviews()) as hub:
                hub.react(node, content)
            return
        mutation = Mutation("addReaction", {"subjectId": node, "content": REACTIONS[content]})
        self._change([mutation], what="reacting")

    def find_comment(self, number: int, marker: str) -> Comment | None:
        """Our own comment with this hidden marker; comments of others are ignored, since anyone can write a marker."""
        ours = f"{self.auth.slug()}[bot]"
        with hub_errors(f"reading the comments of #{number}"):
            for comment in self._repo().get_issue(number).get_comments():
                if login_of(comment.user) == ours and (comment.body or "").rstrip().endswith(
                    hidden_marker(marker)
                ):
                    return Comment(comment.id, comment.html_url, comment.body, comment.node_id)
        return None

    def expect_comment(self, number: int, marker: str) -> None:
        """Leave room for the first comment with this ``marker``: drafts and review requests come after it."""
        self._expect(_creation(number, marker))

    def comment(
        self,
        number: int,
        body: str,
        marker: str,
        *,
        known: int | None = None,
        look: bool = True,
        urgency: Urgency = AWAITED,
    ) -> Comment:
        """Create the one comment with this ``marker``, or edit it if it exists.

        ``known`` is its id, if it was created before. Without ``look`` it was never created.
        """
        marked = f"{body}\n\n{hidden_marker(marker)}"
        if known and (edited := self._edit_comment(number, known, marked, urgency=urgency)):
            return edited
        if look and (existing := self.find_comment(number, marker)):
            if existing.body == marked:
                return existing
            if edited := self._edit_comment(number, existing.id, marked, urgency=urgency):
                return edited

        def make() -> Comment:
            with hub_errors(f"commenting on #{number}"):
                made = self._repo(urgency).get_issue(number).create_comment(marked)
                return Comment(made.id, made.html_url, marked, made.node_id)

        return self._made(_creation(number, marker), make, lambda: self.find_comment(number, marker))

    def _edit_comment(self, number: int, comment: int, body: str, *, urgency: Urgency) -> Comment | None:
        """Edit a comment; None if somebody deleted it."""
        with hub_errors(f"editing a comment on #{number}"):
            edited = self._repo(urgency).get_issue(number).get_comment(comment)
            try:
                edited.edit(body)
            except GithubException as error:
                if error.status == GONE:
                    return None
                raise
            return Comment(edited.id, edited.html_url, body, edited.node_id)


def hidden_marker(name: str) -> str:
    """A comment in Markdown that GitHub does not show."""
    return f"<!-- dayhand:{name} -->"


def login_of(user: NamedUser | Organization | None) -> str:
    """A login; GitHub shows deleted accounts as "ghost"."""
    return user.login if user else "ghost"


def _creation(number: int, marker: str) -> str:
    """The name of a comment's creation."""
    return f"comment {number} {marker}"
