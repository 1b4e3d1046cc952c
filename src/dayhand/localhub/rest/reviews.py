"""REST: reviews, comments on lines and replies to them.

https://docs.github.com/rest/pulls/comments
"""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from dayhand.localhub.errors import ApiError, invalid
from dayhand.localhub.rest.api import Api, request_body
from dayhand.localhub.state.actions import MAX_BODY_CHARS


def reviews(blueprint: Blueprint, api: Api) -> None:
    """Add the endpoints for reviews and their comments."""
    actions, payloads = api.actions, api.payloads

    @blueprint.post("/repos/<owner>/<name>/pulls/<int:number>/comments/<int:comment_id>/replies")
    def reply(owner: str, name: str, number: int, *, comment_id: int) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "pull_requests", level="write")
        issue, text = api.pull(repo, number), request_body().get("body")
        if not isinstance(text, str) or len(text) > MAX_BODY_CHARS:
            raise invalid("PullRequestReviewComment", "body")
        assert issue.pull  # noqa: S101 - Api.pull returns pull requests only
        for thread in issue.pull.threads:
            if thread.comments[0].id == comment_id:  # GitHub takes no reply to a reply
                actions.require_unlocked(repo, issue, grant.user, what="comment")
                app = grant.installation.app
                comment = actions.reply_in_thread(
                    repo, issue, thread=thread, user=grant.user, body=text, app=app
                )
                return jsonify(payloads.review_comment(repo, issue, comment)), 201
        raise ApiError(404, "Not Found")

    @blueprint.get("/repos/<owner>/<name>/pulls/<int:number>/reviews")
    def list_reviews(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "pull_requests", level="read")
        issue = api.pull(repo, number)
        found = issue.pull.reviews if issue.pull else []
        return jsonify([payloads.review(repo, issue, one) for one in found])

    @blueprint.get("/repos/<owner>/<name>/pulls/<int:number>/reviews/<int:review_id>")
    def get_review(owner: str, name: str, number: int, *, review_id: int) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "pull_requests", level="read")
        issue = api.pull(repo, number)
        for review in issue.pull.reviews if issue.pull else ():
            if review.id == review_id:
                return jsonify(api.with_html(payloads.review(repo, issue, review)))
        raise ApiError(404, "Not Found")

    @blueprint.get("/repos/<owner>/<name>/pulls/comments/<int:comment_id>")
    def get_line_comment(owner: str, name: str, comment_id: int) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "pull_requests", level="read")
        for issue in repo.pulls():
            for thread in issue.pull.threads if issue.pull else ():
                for comment in thread.comments:
                    if comment.id == comment_id:
                        return jsonify(api.with_html(payloads.review_comment(repo, issue, comment)))
        raise ApiError(404, "Not Found")
