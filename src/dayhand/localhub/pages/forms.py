"""The forms of the pages: what a person does in the browser."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from dayhand.localhub.errors import ApiError
from dayhand.localhub.pages.context import USER_COOKIE, PageContext
from dayhand.localhub.state.models import Comment, Issue, Repository, User
from dayhand.localhub.state.reviews import LineNote


def add_forms(blueprint: Blueprint, context: PageContext) -> None:
    actions = context.actions

    @blueprint.post("/me")
    def switch_user() -> ResponseReturnValue:
        # The referrer comes from the browser: go back to pages of this server only.
        referrer = request.referrer or ""
        response = redirect(referrer if referrer.startswith(request.host_url) else "/")
        login = request.form.get("login", "")
        response.set_cookie(USER_COOKIE, login, samesite="Lax", httponly=True)
        return response

    @blueprint.post("/<owner>/<name>/issues")
    def open_issue(owner: str, name: str) -> ResponseReturnValue:
        repo = actions.repo(owner, name)
        title = request.form.get("title", "").strip()
        if not title:
            raise ApiError(422, "Title can't be blank.")
        issue = actions.open_issue(repo, context.current_user(), title, body=request.form.get("body", ""))
        return redirect(f"/{repo.full_name}/issues/{issue.number}")

    @blueprint.post("/<owner>/<name>/issues/<int:number>/<action>")
    def act(owner: str, name: str, number: int, *, action: str) -> ResponseReturnValue:
        repo, issue = context.find(owner, name, number)
        user = context.current_user()
        if action in ROLES:
            context.require_role(repo, ROLES[action])
            _moderate(context, repo, issue, user=user, action=action)
        else:
            _write(context, repo, issue, user=user, action=action)
        kind = "pull" if issue.pull else "issues"
        return redirect(f"/{repo.full_name}/{kind}/{number}")

    @blueprint.post("/<owner>/<name>/runs/<int:number>")
    def click(owner: str, name: str, number: int) -> ResponseReturnValue:
        """A button of a check run, or its re-run."""
        repo, user = actions.repo(owner, name), context.current_user()
        if number not in repo.checks:
            raise ApiError(404, "There is no such check run.")
        run, button = repo.checks[number], request.form.get("button", "")
        if button:
            actions.click(repo, run, button, by=user)
        else:
            actions.rerun(repo, run, by=user)
        return redirect(f"/{repo.full_name}/runs/{number}")


# What needs a role on the repository.
ROLES = {
    "label": "triage",
    "unlabel": "triage",
    "close": "triage",
    "reopen": "triage",
    "merge": "write",
    "lock": "write",
    "unlock": "write",
}


def _moderate(context: PageContext, repo: Repository, issue: Issue, *, user: User, action: str) -> None:
    actions = context.actions
    match action:
        case "label":
            label = request.form.get("label", "").strip()
            if not label:
                raise ApiError(422, "Label name can't be blank.")
            actions.label(repo, issue, label, by=user)
        case "unlabel":
            actions.unlabel(repo, issue, request.form.get("label", ""), by=user)
        case "merge":
            actions.merge(repo, issue, user)
        case "close" | "reopen":
            actions.set_state(repo, issue, "closed" if action == "close" else "open", by=user)
        case "lock" | "unlock":
            actions.lock_issue(repo, issue, by=user, locked=action == "lock")


def _write(context: PageContext, repo: Repository, issue: Issue, *, user: User, action: str) -> None:
    actions, form = context.actions, request.form
    body = form.get("body", "")
    if action in ("comment", "edit", "reply") and not body.strip():
        raise ApiError(422, "Comment can't be blank.")
    match action:
        case "comment":
            actions.comment(repo, issue, user, body=body)
        case "edit":
            actions.edit_comment(repo, issue, _own_comment(context, repo, issue), body=body, by=user)
        case "delete":
            actions.delete_comment(repo, issue, _own_comment(context, repo, issue), by=user)
        case "review":
            path = form.get("path", "").strip()
            note = LineNote(path, form.get("line", None, int), form.get("note", ""))
            event = form.get("event", "COMMENT")
            actions.review(repo, issue, user, event=event, body=body, notes=[note] if path else [])
        case "reply":
            threads = issue.pull.threads if issue.pull else []
            wanted = form.get("thread", 0, int)
            thread = next((one for one in threads if one.id == wanted), None)
            if thread is None:
                raise ApiError(404, "There is no such conversation.")
            actions.reply_in_thread(repo, issue, thread=thread, user=user, body=body)
        case _:
            raise ApiError(404, f"There is no action “{action}”.")


def _own_comment(context: PageContext, repo: Repository, issue: Issue) -> Comment:
    """The comment of the form, if the current user wrote it or may write to the repository."""
    wanted = request.form.get("comment", 0, int)
    comment = next((one for one in issue.comments if one.id == wanted), None)
    if comment is None:
        raise ApiError(404, "There is no such comment.")
    if comment.user is not context.current_user():
        context.require_role(repo, "write")
    return comment
