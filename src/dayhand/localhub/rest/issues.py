"""REST: repositories, collaborators, issues, labels, comments, reactions.

https://docs.github.com/rest/issues
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from dayhand.localhub.errors import ApiError, invalid
from dayhand.localhub.payloads.issues import REACTIONS
from dayhand.localhub.rest.api import Api, paginate, request_body
from dayhand.localhub.state.actions import MAX_BODY_CHARS, check_lengths
from dayhand.localhub.state.models import Comment, Issue, Repository, User

# GitHub reports these two roles under the names that it had before.
LEGACY_PERMISSIONS = {"maintain": "write", "triage": "read"}


def issues(blueprint: Blueprint, api: Api) -> None:
    """Add the endpoints for repositories, issues, labels, comments and reactions."""
    _add_repository(blueprint, api)
    _add_issue(blueprint, api)
    _add_labels(blueprint, api)
    _add_comments(blueprint, api)
    _add_reactions(blueprint, api)


def _add_repository(blueprint: Blueprint, api: Api) -> None:
    payloads = api.payloads

    @blueprint.get("/repos/<owner>/<name>")
    def repository(owner: str, name: str) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "metadata", level="read")
        return jsonify(payloads.full_repository(repo))

    @blueprint.get("/repos/<owner>/<name>/collaborators/<login>/permission")
    def permission(owner: str, name: str, login: str) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "metadata", level="read")
        user = api.actions.users.get(login)
        if user is None:
            raise ApiError(404, f"{login} is not a user")
        role = repo.role(login)
        level = LEGACY_PERMISSIONS.get(role, role)
        permissions = {
            name: level == "admin"
            or (name in ("push", "triage", "pull") and level == "write")
            or (name == "pull" and level == "read")
            for name in ("admin", "maintain", "push", "triage", "pull")
        }
        person = {**payloads.user(user), "permissions": permissions, "role_name": role}
        return jsonify(permission=level, role_name=role, user=person)


def _add_issue(blueprint: Blueprint, api: Api) -> None:
    actions, payloads = api.actions, api.payloads

    @blueprint.get("/repos/<owner>/<name>/issues")
    def list_issues(owner: str, name: str) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "issues", level="read")
        state = request.args.get("state", "open")
        found = [
            issue
            for issue in repo.issues.values()
            if state in (issue.state, "all") and not (issue.deleted or issue.moved_to)
        ]
        return _updated([payloads.issue(repo, issue) for issue in reversed(found)])

    @blueprint.get("/repos/<owner>/<name>/issues/events")
    def list_events(owner: str, name: str) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "issues", level="read")
        found = [(event, issue) for issue in repo.issues.values() for event in issue.label_events]
        found.sort(key=lambda pair: -pair[0].id)
        return paginate([payloads.label_event(repo, issue, event) for event, issue in found])

    @blueprint.post("/repos/<owner>/<name>/issues")
    def open_issue(owner: str, name: str) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "issues", level="write")
        body = request_body()
        if not body.get("title"):
            raise invalid("Issue", "title", "missing_field")
        issue = actions.open_issue(
            repo, grant.user, body["title"], body=body.get("body") or "", app=grant.installation.app
        )
        return jsonify(payloads.issue(repo, issue)), 201

    @blueprint.get("/repos/<owner>/<name>/issues/<int:number>")
    def get_issue(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "issues", level="read")
        return jsonify(api.with_html(payloads.issue(repo, api.issue(repo, number))))

    @blueprint.patch("/repos/<owner>/<name>/issues/<int:number>")
    def edit_issue(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "issues", level="write")
        issue, body = api.issue(repo, number), request_body()
        check_lengths("Issue", body.get("title") or "", body.get("body") or "")
        text = (body["body"] or "") if "body" in body else None
        actions.edit_issue(repo, issue, by=grant.user, title=body.get("title"), body=text)
        if state := body.get("state"):
            if state not in ("open", "closed"):
                raise invalid("Issue", "state")
            actions.set_state(repo, issue, state, by=grant.user)
        return jsonify(payloads.issue(repo, issue))


def _add_labels(blueprint: Blueprint, api: Api) -> None:
    actions, payloads = api.actions, api.payloads
    path = "/repos/<owner>/<name>/issues/<int:number>/labels"

    @blueprint.get(path)
    def list_labels(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "issues", level="read")
        return paginate([payloads.label(repo, label) for label in api.issue(repo, number).labels])

    @blueprint.post(path)
    def add_labels(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "issues", level="write")
        issue, body = api.issue(repo, number), request.get_json(silent=True)
        names = body.get("labels") if isinstance(body, dict) else body
        if not isinstance(names, list):
            raise invalid("Label", "labels")
        for label in names:
            actions.label(repo, issue, str(label), by=grant.user)
        return jsonify([payloads.label(repo, label) for label in issue.labels])

    @blueprint.delete(f"{path}/<label>")
    def remove_label(owner: str, name: str, number: int, *, label: str) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "issues", level="write")
        issue = api.issue(repo, number)
        actions.unlabel(repo, issue, label, by=grant.user)
        return jsonify([payloads.label(repo, label) for label in issue.labels])


def _add_comments(blueprint: Blueprint, api: Api) -> None:
    actions, payloads = api.actions, api.payloads

    @blueprint.get("/repos/<owner>/<name>/issues/<int:number>/comments")
    def list_comments(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "issues", level="read")
        issue = api.issue(repo, number)
        return paginate([payloads.comment(repo, issue, comment) for comment in issue.comments])

    @blueprint.post("/repos/<owner>/<name>/issues/<int:number>/comments")
    def create_comment(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "issues", level="write")
        issue, text = api.issue(repo, number), request_body().get("body")
        if not isinstance(text, str) or len(text) > MAX_BODY_CHARS:
            raise invalid("IssueComment", "body")
        comment = actions.comment(repo, issue, grant.user, body=text, app=grant.installation.app)
        return jsonify(payloads.comment(repo, issue, comment)), 201

    @blueprint.get("/repos/<owner>/<name>/issues/comments")
    def list_all_comments(owner: str, name: str) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "issues", level="read")
        found = [(issue, comment) for issue in repo.issues.values() for comment in issue.comments]
        found.sort(key=lambda pair: pair[1].id)
        return _updated([payloads.comment(repo, issue, comment) for issue, comment in found])

    @blueprint.get("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
    def get_comment(owner: str, name: str, comment_id: int) -> ResponseReturnValue:
        repo, _ = api.open(owner, name, "issues", level="read")
        issue, comment = api.comment(repo, comment_id)
        return jsonify(api.with_html(payloads.comment(repo, issue, comment)))

    @blueprint.patch("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
    def change_comment(owner: str, name: str, comment_id: int) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "issues", level="write")
        issue, comment = api.comment(repo, comment_id)
        edit_comment(api, repo, issue, comment=comment, text=request_body().get("body"), by=grant.user)
        return jsonify(payloads.comment(repo, issue, comment))


def _updated(rows: list[dict[str, Any]]) -> ResponseReturnValue:
    """A page of those that were updated since a time, with an ETag: 304 if the client has this page."""
    since = request.args.get("since", "")
    rows = [row for row in rows if row["updated_at"] >= since]
    if request.args.get("sort") == "updated":
        rows.sort(key=lambda row: row["updated_at"], reverse=request.args.get("direction", "desc") == "desc")
    response = paginate(rows)
    response.add_etag(weak=True)
    return response.make_conditional(request)


def edit_comment(
    api: Api, repo: Repository, issue: Issue, *, comment: Comment, text: object, by: User
) -> None:
    """Replace a comment's text. Raises ``ApiError``."""
    if comment.user is not by:
        raise ApiError(403, "Resource not accessible by integration")
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_BODY_CHARS:
        raise invalid("IssueComment", "body")
    api.actions.edit_comment(repo, issue, comment, body=text, by=by)


def _add_reactions(blueprint: Blueprint, api: Api) -> None:
    actions, payloads = api.actions, api.payloads

    def requested_content() -> str:
        content = request_body().get("content")
        if content not in REACTIONS:
            raise invalid("Reaction", "content")
        return str(content)

    @blueprint.post("/repos/<owner>/<name>/issues/<int:number>/reactions")
    def react_to_issue(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "issues", level="write")
        issue = api.issue(repo, number)
        actions.require_unlocked(repo, issue, grant.user, what="reaction")
        reaction, is_new = actions.react(issue.reactions, grant.user, requested_content())
        return jsonify(payloads.reaction(reaction)), 201 if is_new else 200

    @blueprint.post("/repos/<owner>/<name>/issues/comments/<int:comment_id>/reactions")
    def react_to_comment(owner: str, name: str, comment_id: int) -> ResponseReturnValue:
        repo, grant = api.open(owner, name, "issues", level="write")
        issue, comment = api.comment(repo, comment_id)
        actions.require_unlocked(repo, issue, grant.user, what="reaction")
        reaction, is_new = actions.react(comment.reactions, grant.user, requested_content())
        return jsonify(payloads.reaction(reaction)), 201 if is_new else 200
