"""Reviews, comments on lines and their threads as GitHub's JSON."""

from __future__ import annotations

from dayhand.localhub.payloads.issues import IssuePayloads, Json, node_id, timestamp
from dayhand.localhub.state.models import Issue, Repository, Review, ReviewComment, ReviewThread


class ReviewPayloads(IssuePayloads):
    """The payloads of reviews."""

    def review(self, repo: Repository, issue: Issue, review: Review) -> Json:
        api, html = self._pull_urls(repo, issue)
        html = f"{html}#pullrequestreview-{review.id}"
        return {
            "id": review.id, "node_id": node_id("PullRequestReview", review.id), "user": self.user(review.user),
            "body": review.body, "state": review.state, "html_url": html, "pull_request_url": api,
            "submitted_at": timestamp(review.submitted), "commit_id": review.commit,
            "author_association": self._association(repo, review.user),
            "_links": {"html": {"href": html}, "pull_request": {"href": api}},
        }  # fmt: skip

    def review_in_event(self, repo: Repository, issue: Issue, review: Review) -> Json:
        """The same in a webhook, where the state is written in small letters and an empty text is null."""
        shape = self.review(repo, issue, review)
        updated = timestamp(review.edited or review.submitted)
        return {**shape, "state": review.state.lower(), "body": review.body or None, "updated_at": updated}

    def review_comment(self, repo: Repository, issue: Issue, comment: ReviewComment) -> Json:
        pull, page = self._pull_urls(repo, issue)
        api = f"{self.api}/repos/{repo.full_name}/pulls/comments/{comment.id}"
        html = f"{page}#discussion_r{comment.id}"
        shape = {
            "id": comment.id, "node_id": node_id("PullRequestReviewComment", comment.id), "url": api, "html_url": html,
            "pull_request_review_id": comment.review.id, "pull_request_url": pull, "user": self.user(comment.user),
            "body": comment.body, "created_at": timestamp(comment.created), "updated_at": timestamp(comment.updated),
            "path": comment.path, "commit_id": comment.commit, "original_commit_id": comment.original_commit,
            "diff_hunk": comment.hunk, "line": comment.line, "original_line": comment.original_line, "side": comment.side,
            "start_line": comment.start_line, "original_start_line": comment.start_line,
            "start_side": comment.side if comment.start_line else None,
            "subject_type": "line" if comment.original_line else "file", "position": _position(comment, comment.line),
            "original_position": _position(comment, comment.original_line),
            "author_association": self._association(repo, comment.user),
            "reactions": self.reactions(api, comment.reactions),
            "_links": {"self": {"href": api}, "html": {"href": html}, "pull_request": {"href": pull}},
        }  # fmt: skip
        first = next(thread.comments[0] for thread in _threads(issue) if comment in thread.comments)
        if first is not comment:
            shape["in_reply_to_id"] = first.id
        return shape

    def review_thread(self, repo: Repository, issue: Issue, thread: ReviewThread) -> Json:
        return {
            "node_id": node_id("PullRequestReviewThread", thread.id),
            "comments": [self.review_comment(repo, issue, comment) for comment in thread.comments],
        }

    def _pull_urls(self, repo: Repository, issue: Issue) -> tuple[str, str]:
        """The addresses of a pull request: in the API, and its page."""
        api = f"{self.api}/repos/{repo.full_name}/pulls/{issue.number}"
        return api, f"{self.web}/{repo.full_name}/pull/{issue.number}"


def _threads(issue: Issue) -> list[ReviewThread]:
    return issue.pull.threads if issue.pull else []


def _position(comment: ReviewComment, line: int | None) -> int | None:
    """The line's number in the diff, counted from its hunk; None if it is outdated, 1 for a whole file."""
    if comment.original_line is None:
        return 1
    return None if line is None else comment.hunk.count("\n")
