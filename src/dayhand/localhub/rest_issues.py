"""REST: repositories, collaborators, issues, labels, comments, reactions."""

from __future__ import annotations

from flask import Blueprint, jsonify, request

from dayhand.localhub.actions import check_words
from dayhand.localhub.errors import Refused
from dayhand.localhub.payloads import REACTIONS
from dayhand.localhub.rest import Answer, Api, body, invalid, page

LEGACY = {"maintain": "write", "triage": "read"}


def issues(blueprint: Blueprint, api: Api) -> None:
    """Add the endpoints on issues."""
    _repository(blueprint, api)
    _issue(blueprint, api)
    _labels(blueprint, api)
    _comments(blueprint, api)
    _reactions(blueprint, api)


def _repository(blueprint: Blueprint, api: Api) -> None:
    shapes = api.shapes

    @blueprint.get("/repos/<owner>/<name>")
    def repository(owner: str, name: str) -> Answer:
        repo, _ = api.open(owner, name, "metadata", level="read")
        return jsonify(shapes.full_repository(repo))

    @blueprint.get("/repos/<owner>/<name>/collaborators/<login>/permission")
    def permission(owner: str, name: str, login: str) -> Answer:
        repo, _ = api.open(owner, name, "metadata", level="read")
        user = api.actions.users.get(login)
        if user is None:
            raise Refused(404, f"{login} is not a user")
        role = repo.level(login)
        level = LEGACY.get(role, role)
        rights = {
            one: level == "admin"
            or (one in ("push", "triage", "pull") and level == "write")
            or (one == "pull" and level == "read")
            for one in ("admin", "maintain", "push", "triage", "pull")
        }
        person = {**shapes.user(user), "permissions": rights, "role_name": role}
        return jsonify(permission=level, role_name=role, user=person)


def _issue(blueprint: Blueprint, api: Api) -> None:
    actions, shapes = api.actions, api.shapes

    @blueprint.get("/repos/<owner>/<name>/issues")
    def list_issues(owner: str, name: str) -> Answer:
        repo, _ = api.open(owner, name, "issues", level="read")
        wanted = request.args.get("state", "open")
        found = [one for one in repo.issues.values() if wanted in (one.state, "all")]
        return page([shapes.issue(repo, one) for one in reversed(found)])

    @blueprint.post("/repos/<owner>/<name>/issues")
    def open_issue(owner: str, name: str) -> Answer:
        repo, grant = api.open(owner, name, "issues", level="write")
        given = body()
        if not given.get("title"):
            raise invalid("Issue", "title", "missing_field")
        made = actions.open_issue(
            repo, grant.user, given["title"], body=given.get("body") or "", app=grant.installation.app
        )
        return jsonify(shapes.issue(repo, made)), 201

    @blueprint.get("/repos/<owner>/<name>/issues/<int:number>")
    def get_issue(owner: str, name: str, number: int) -> Answer:
        repo, _ = api.open(owner, name, "issues", level="read")
        return jsonify(shapes.issue(repo, api.issue(repo, number)))

    @blueprint.patch("/repos/<owner>/<name>/issues/<int:number>")
    def edit_issue(owner: str, name: str, number: int) -> Answer:
        repo, grant = api.open(owner, name, "issues", level="write")
        issue, given = api.issue(repo, number), body()
        check_words("Issue", given.get("title") or "", given.get("body") or "")
        issue.title = given.get("title") or issue.title
        issue.body = given.get("body", issue.body) or ""
        if state := given.get("state"):
            if state not in ("open", "closed"):
                raise invalid("Issue", "state")
            actions.set_state(repo, issue, state, by=grant.user)
        return jsonify(shapes.issue(repo, issue))


def _labels(blueprint: Blueprint, api: Api) -> None:
    actions, shapes = api.actions, api.shapes
    path = "/repos/<owner>/<name>/issues/<int:number>/labels"

    @blueprint.get(path)
    def list_labels(owner: str, name: str, number: int) -> Answer:
        repo, _ = api.open(owner, name, "issues", level="read")
        return page([shapes.label(repo, one) for one in api.issue(repo, number).labels])

    @blueprint.post(path)
    def add_labels(owner: str, name: str, number: int) -> Answer:
        repo, grant = api.open(owner, name, "issues", level="write")
        issue, given = api.issue(repo, number), request.get_json(silent=True)
        names = given.get("labels") if isinstance(given, dict) else given
        if not isinstance(names, list):
            raise invalid("Label", "labels")
        for one in names:
            actions.label(repo, issue, str(one), by=grant.user)
        return jsonify([shapes.label(repo, one) for one in issue.labels])

    @blueprint.delete(f"{path}/<label>")
    def remove_label(owner: str, name: str, number: int, *, label: str) -> Answer:
        repo, grant = api.open(owner, name, "issues", level="write")
        issue = api.issue(repo, number)
        actions.unlabel(repo, issue, label, by=grant.user)
        return jsonify([shapes.label(repo, one) for one in issue.labels])


def _comments(blueprint: Blueprint, api: Api) -> None:
    actions, shapes = api.actions, api.shapes

    @blueprint.get("/repos/<owner>/<name>/issues/<int:number>/comments")
    def list_comments(owner: str, name: str, number: int) -> Answer:
        repo, _ = api.open(owner, name, "issues", level="read")
        issue = api.issue(repo, number)
        return page([shapes.comment(repo, issue, one) for one in issue.comments])

    @blueprint.post("/repos/<owner>/<name>/issues/<int:number>/comments")
    def make_comment(owner: str, name: str, number: int) -> Answer:
        repo, grant = api.open(owner, name, "issues", level="write")
        issue, text = api.issue(repo, number), body().get("body")
        if not isinstance(text, str) or len(text) > 65_536:
            raise invalid("IssueComment", "body")
        made = actions.comment(repo, issue, grant.user, body=text, app=grant.installation.app)
        return jsonify(shapes.comment(repo, issue, made)), 201

    @blueprint.get("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
    def get_comment(owner: str, name: str, comment_id: int) -> Answer:
        repo, _ = api.open(owner, name, "issues", level="read")
        issue, comment = api.comment(repo, comment_id)
        return jsonify(shapes.comment(repo, issue, comment))

    @blueprint.patch("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
    def edit_comment(owner: str, name: str, comment_id: int) -> Answer:
        repo, grant = api.open(owner, name, "issues", level="write")
        issue, comment = api.comment(repo, comment_id)
        if comment.user is not grant.user:
            raise Refused(403, "Resource not accessible by integration")
        text = body().get("body")
        if not isinstance(text, str) or not text.strip() or len(text) > 65_536:
            raise invalid("IssueComment", "body")
        actions.edit_comment(repo, issue, comment, body=text, by=grant.user)
        return jsonify(shapes.comment(repo, issue, comment))


def _reactions(blueprint: Blueprint, api: Api) -> None:
    actions, shapes = api.actions, api.shapes

    def content() -> str:
        given = body().get("content")
        if given not in REACTIONS:
            raise invalid("Reaction", "content")
        return str(given)

    @blueprint.post("/repos/<owner>/<name>/issues/<int:number>/reactions")
    def react_to_issue(owner: str, name: str, number: int) -> Answer:
        repo, grant = api.open(owner, name, "issues", level="write")
        made, new = actions.react(api.issue(repo, number).reactions, grant.user, content())
        return jsonify(shapes.reaction(made)), 201 if new else 200

    @blueprint.post("/repos/<owner>/<name>/issues/comments/<int:comment_id>/reactions")
    def react_to_comment(owner: str, name: str, comment_id: int) -> Answer:
        repo, grant = api.open(owner, name, "issues", level="write")
        made, new = actions.react(api.comment(repo, comment_id)[1].reactions, grant.user, content())
        return jsonify(shapes.reaction(made)), 201 if new else 200
