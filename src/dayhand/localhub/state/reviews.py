"""Reviews, their comments on lines, and their threads.

https://docs.github.com/rest/pulls/reviews
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dayhand.localhub.errors import ApiError, invalid, invalid_because
from dayhand.localhub.state.diff_lines import hunk_before, is_changed, moved_line
from dayhand.localhub.state.directory import now
from dayhand.localhub.state.events import Events
from dayhand.localhub.state.models import (
    App,
    Issue,
    Pull,
    Repository,
    Review,
    ReviewComment,
    ReviewThread,
    User,
)

STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
OWN_PULL = {
    "APPROVE": "Can not approve your own pull request",
    "REQUEST_CHANGES": "Can not request changes on your own pull request",
}


@dataclass(frozen=True, slots=True)
class LineNote:
    """What a reviewer writes about a line (LEFT: of the base), the lines from ``start`` to it, or the whole file."""

    path: str
    line: int | None
    body: str
    side: str = "RIGHT"
    start: int | None = None


class Reviews(Events):
    """Reviews a pull request, and sends the events.

    The events of one review come in no order that may be relied on: here the first of its comments comes before it.
    """

    def review(
        self,
        repo: Repository,
        issue: Issue,
        user: User,
        *,
        event: str,
        body: str = "",
        notes: Sequence[LineNote] = (),
    ) -> Review:
        """Submit a review with all of its comments, or with none of them if one is refused. Raises ``ApiError``."""
        if event not in STATES:
            raise invalid("PullRequestReview", "event")
        if user is issue.user and event in OWN_PULL:
            raise ApiError(422, "Unprocessable Entity", [OWN_PULL[event]])
        if event != "APPROVE" and not body.strip() and not notes:
            raise invalid("PullRequestReview", "body", "missing_field")
        with self.lock:
            pull = _pull(issue)
            review = Review(self.next_id(), user, STATES[event], body, pull.head_sha, now())
            comments = [self._line_comment(repo, pull, review, note=note) for note in notes]
            pull.reviews.append(review)
            issue.updated = review.submitted
            pull.threads += [ReviewThread(self.next_id(), [comment]) for comment in comments]
            for comment in comments[:1]:
                self.send_review_comment_event(repo, issue, comment, action="created", by=user)
            self.send_review_event(repo, issue, review, action="submitted", by=user)
            for comment in comments[1:]:
                self.send_review_comment_event(repo, issue, comment, action="created", by=user)
            return review

    def _line_comment(self, repo: Repository, pull: Pull, review: Review, *, note: LineNote) -> ReviewComment:
        if not note.body.strip():
            raise invalid("PullRequestReviewComment", "body", "missing_field")
        hunk: str | None = ""
        if note.line is None:
            if not is_changed(repo.store, pull.base_sha, pull.head_sha, path=note.path):
                raise invalid_because("PullRequestReviewComment", "Path could not be resolved")
        else:
            for line in filter(None, (note.start, note.line)):
                hunk = hunk_before(
                    repo.store, pull.base_sha, pull.head_sha, path=note.path, side=note.side, line=line
                )
                if hunk is None:
                    message = "pull_request_review_thread.line must be part of the diff"
                    raise invalid_because("PullRequestReviewComment", message)
        head = pull.head_sha
        return ReviewComment(
            self.next_id(), review.user, note.body, now(), now(), review=review, path=note.path, side=note.side, line=note.line,
            original_line=note.line, start_line=note.start, hunk=hunk or "", commit=head, original_commit=head,
        )  # fmt: skip

    def reply_in_thread(
        self,
        repo: Repository,
        issue: Issue,
        *,
        thread: ReviewThread,
        user: User,
        body: str,
        app: App | None = None,
    ) -> ReviewComment:
        """Reply to a comment on a line. GitHub wraps the reply in a review of its own, without a text."""
        if not body.strip():
            raise invalid("PullRequestReviewComment", "body", "missing_field")
        with self.lock:
            first, pull = thread.comments[0], _pull(issue)
            review = Review(self.next_id(), user, "COMMENTED", "", pull.head_sha, now())
            comment = ReviewComment(
                self.next_id(), user, body, now(), now(), app, review=review, path=first.path, side=first.side, line=first.line,
                original_line=first.original_line, start_line=first.start_line, hunk=first.hunk, commit=first.commit,
                original_commit=first.original_commit,
            )  # fmt: skip
            pull.reviews.append(review)
            thread.comments.append(comment)
            self.send_review_event(repo, issue, review, action="submitted", by=user)
            self.send_review_comment_event(repo, issue, comment, action="created", by=user)
            return comment

    def edit_review(self, repo: Repository, issue: Issue, review: Review, *, body: str, by: User) -> None:
        with self.lock:
            before, review.body, review.edited = review.body, body, now()
            changes = {"body": {"from": before}}
            self.send_review_event(repo, issue, review, action="edited", by=by, changes=changes)

    def dismiss_review(self, repo: Repository, issue: Issue, review: Review, *, by: User) -> None:
        with self.lock:
            if review.state not in ("APPROVED", "CHANGES_REQUESTED"):
                raise ApiError(
                    422, "Unprocessable Entity", ["Can not dismiss a commented pull request review"]
                )
            review.state = "DISMISSED"
            self.send_review_event(repo, issue, review, action="dismissed", by=by)

    def edit_review_comment(
        self, repo: Repository, issue: Issue, comment: ReviewComment, *, body: str, by: User
    ) -> None:
        with self.lock:
            before, comment.body = comment.body, body
            comment.edited = comment.updated = now()
            changes = {"body": {"from": before}}
            self.send_review_comment_event(repo, issue, comment, action="edited", by=by, changes=changes)

    def delete_review_comment(
        self, repo: Repository, issue: Issue, comment: ReviewComment, *, by: User
    ) -> None:
        """Delete a comment on a line; a thread ends with its last comment."""
        with self.lock:
            pull = _pull(issue)
            self.send_review_comment_event(repo, issue, comment, action="deleted", by=by)
            for thread in pull.threads:
                thread.comments = [one for one in thread.comments if one is not comment]
            pull.threads = [thread for thread in pull.threads if thread.comments]

    def resolve_thread(
        self, repo: Repository, issue: Issue, thread: ReviewThread, *, by: User, resolved: bool = True
    ) -> None:
        with self.lock:
            if bool(thread.resolved_by) != resolved:
                thread.resolved_by = by if resolved else None
                self.send_thread_event(
                    repo, issue, thread, action="resolved" if resolved else "unresolved", by=by
                )


def move_threads(repo: Repository, pull: Pull, head: str) -> None:
    """After a push: each comment follows its line, and is outdated once that line was changed."""
    for comment in (comment for thread in pull.threads for comment in thread.comments):
        if comment.line is not None and comment.side == "RIGHT":
            comment.line = moved_line(repo.store, comment.commit, head, path=comment.path, line=comment.line)
        comment.commit = head


def _pull(issue: Issue) -> Pull:
    if issue.pull is None:
        raise ApiError(404, "Not Found")
    return issue.pull
