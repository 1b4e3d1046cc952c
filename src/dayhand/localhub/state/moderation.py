"""What else happens to an issue and its comments: edited, deleted, locked, transferred."""

from __future__ import annotations

from typing import Any

from dayhand.localhub.errors import ApiError, invalid
from dayhand.localhub.state.directory import now
from dayhand.localhub.state.events import Events
from dayhand.localhub.state.models import Comment, Issue, Repository, User


class Moderation(Events):
    """Changes what was written, or where."""

    def edit_issue(
        self, repo: Repository, issue: Issue, *, by: User, title: str | None = None, body: str | None = None
    ) -> None:
        """Change the title or the text; the event carries what it said before."""
        with self.lock:
            changes: dict[str, Any] = {}
            if title and title != issue.title:
                changes["title"] = {"from": issue.title}
                issue.title = title
            if body is not None and body != issue.body:
                changes["body"] = {"from": issue.body}
                issue.body = body
            if not changes:
                return
            issue.edited = issue.updated = now()
            send = self.send_pull_event if issue.pull else self.send_issue_event
            send(repo, issue, "edited", by=by, changes=changes)

    def edit_comment(self, repo: Repository, issue: Issue, comment: Comment, *, body: str, by: User) -> None:
        with self.lock:
            before, comment.body = comment.body, body
            comment.edited = comment.updated = now()
            self.send_comment_event(
                repo, issue, comment, action="edited", by=by, changes={"body": {"from": before}}
            )

    def delete_comment(self, repo: Repository, issue: Issue, comment: Comment, *, by: User) -> None:
        with self.lock:
            issue.comments.remove(comment)
            self.send_comment_event(repo, issue, comment, action="deleted", by=by)

    def lock_issue(self, repo: Repository, issue: Issue, *, by: User, locked: bool = True) -> None:
        """Lock the conversation: then Apps, and people who may not write, get 403 for a comment."""
        with self.lock:
            issue.locked = locked
            send = self.send_pull_event if issue.pull else self.send_issue_event
            send(repo, issue, "locked" if locked else "unlocked", by=by)

    def transfer_issue(self, repo: Repository, issue: Issue, *, to: Repository, by: User) -> Issue:
        """Move an issue to another repository of the owner: it gets a number there, and its old address answers 301."""
        if issue.pull or to.owner is not repo.owner:
            raise invalid("Issue", "repository")
        with self.lock:
            number = max(to.issues, default=0) + 1
            moved = Issue(
                self.next_id(), number, issue.title, issue.body, issue.user, issue.created, now(),
                state=issue.state, closed=issue.closed, comments=issue.comments, edited=issue.edited,
            )  # fmt: skip
            to.issues[number] = moved
            changes = {
                "new_issue": self.payloads.issue(to, moved),
                "new_repository": self.payloads.repository(to),
            }
            self.send_issue_event(repo, issue, "transferred", by=by, changes=changes)
            issue.moved_to = f"/repos/{to.full_name}/issues/{number}"
            self.send_issue_event(to, moved, "opened", by=by)
            return moved

    def delete_issue(self, repo: Repository, issue: Issue, *, by: User) -> None:
        """Delete an issue, or convert it to a discussion: its address answers 410."""
        if issue.pull:
            raise ApiError(404, "Not Found")
        with self.lock:
            self.send_issue_event(repo, issue, "deleted", by=by)
            issue.deleted = True

    def require_unlocked(self, repo: Repository, issue: Issue, user: User, *, what: str) -> None:
        """Raises ``ApiError`` (403) if the conversation is locked for this user."""
        if issue.locked and not (user.type == "User" and self.has_role(repo, user.login, "write")):
            raise ApiError(403, f"Unable to create {what} because issue is locked.")
