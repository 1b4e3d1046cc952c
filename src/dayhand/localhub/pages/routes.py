"""The web pages: read and write issues, watch check runs, merge. A menu at the top chooses the current user."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from dayhand.localhub.errors import ApiError
from dayhand.localhub.pages.app_pages import FOREIGN_FORMS, add_app_pages
from dayhand.localhub.pages.context import PageContext
from dayhand.localhub.pages.diff import parse_diff
from dayhand.localhub.pages.forms import add_forms
from dayhand.localhub.pages.markdown import markdown
from dayhand.localhub.state.actions import Actions
from dayhand.localhub.state.manifests import AppManifests

# Only the pages' own script and style: text that users wrote cannot load or run anything. The browser also checks
# where a form is redirected to.
CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self' {}; frame-ancestors 'none'"
REACTION_EMOJI = {
    "+1": "👍",
    "-1": "👎",
    "laugh": "😄",
    "hooray": "🎉",
    "confused": "😕",
    "heart": "❤️",
    "rocket": "🚀",
    "eyes": "👀",
}
CONCLUSION_ICONS = {
    "success": "✓",
    "failure": "✗",
    "neutral": "◼",
    "cancelled": "⊘",
    "action_required": "!",
    None: "●",
}


def pages(actions: Actions, manifests: AppManifests) -> Blueprint:
    """All pages."""
    blueprint = Blueprint("pages", __name__, template_folder="templates")
    context = PageContext(actions)
    _add_issue_pages(blueprint, context)
    _add_code_pages(blueprint, context)
    add_forms(blueprint, context)
    add_app_pages(blueprint, context, manifests)

    @blueprint.app_errorhandler(ApiError)
    def show_error(error: ApiError) -> tuple[str, int]:
        return render_template("error.html", **context.common(None), message=str(error)), error.status

    @blueprint.before_request
    def reject_other_origins() -> None:
        """A page of another site must not submit a form in the user's name."""
        origin = request.headers.get("Origin")
        ours = (None, request.host_url.rstrip("/"))
        if request.method == "POST" and origin not in ours and request.endpoint not in FOREIGN_FORMS:
            raise ApiError(403, "The form was submitted from another site.")

    @blueprint.after_request
    def add_security_headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.format(g.get("form_target", ""))
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    @blueprint.app_context_processor
    def template_functions() -> dict[str, Any]:
        return {
            "markdown": markdown,
            "ago": ago,
            "emoji": REACTION_EMOJI,
            "icons": CONCLUSION_ICONS,
            "last_check": context.last_check,
            "linked_pulls": context.linked_pulls,
            "may_write": context.may_write,
        }

    return blueprint


def ago(when: datetime) -> Markup:
    """How long ago, in one unit; the exact time is shown on hover."""
    seconds = int((datetime.now(UTC) - when).total_seconds())
    text = "just now"
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            text = f"{count} {unit}{'s' if count > 1 else ''} ago"
            break
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        when.isoformat(timespec="seconds"), when.strftime("%Y-%m-%d %H:%M:%S UTC"), text
    )


def _add_issue_pages(blueprint: Blueprint, context: PageContext) -> None:
    @blueprint.get("/")
    def home() -> str:
        return render_template("home.html", **context.common(None))

    @blueprint.get("/<owner>/<name>")
    @blueprint.get("/<owner>/<name>/issues", endpoint="issues")
    @blueprint.get("/<owner>/<name>/pulls", endpoint="pulls")
    def list_issues(owner: str, name: str) -> str:
        repo = context.actions.repo(owner, name)
        is_pulls = request.path.endswith("/pulls")
        issues = [
            issue
            for issue in reversed(repo.issues.values())
            if bool(issue.pull) == is_pulls and not (issue.deleted or issue.moved_to)
        ]
        tab = "pulls" if is_pulls else "issues"
        return render_template("list.html", **context.common(repo, issues=issues, tab=tab))

    @blueprint.get("/<owner>/<name>/issues/<int:number>")
    @blueprint.get("/<owner>/<name>/pull/<int:number>", endpoint="pull")
    def show_issue(owner: str, name: str, number: int) -> ResponseReturnValue:
        repo, issue = context.find(owner, name, number)
        kind = "pull" if issue.pull else "issues"
        if f"/{kind}/" not in request.path:
            return redirect(f"/{repo.full_name}/{kind}/{number}")
        values: dict[str, Any] = {"issue": issue, "tab": "pulls" if issue.pull else "issues"}
        if issue.pull:
            base, head = issue.pull.base_sha, issue.pull.head_sha
            values["commits"] = repo.store.between(base, head)
            values["files"] = parse_diff(repo.store.diff(base, head))
            values["checks"] = [run for run in repo.checks.values() if run.suite.sha == head]
        return render_template("issue.html", **context.common(repo, **values))

    @blueprint.get("/<owner>/<name>/runs/<int:number>")
    def show_run(owner: str, name: str, number: int) -> str:
        repo = context.actions.repo(owner, name)
        if number not in repo.checks:
            raise ApiError(404, "There is no such check run.")
        return render_template("run.html", **context.common(repo, run=repo.checks[number], tab="pulls"))


def _add_code_pages(blueprint: Blueprint, context: PageContext) -> None:
    @blueprint.get("/<owner>/<name>/tree/<path:branch>")
    def show_tree(owner: str, name: str, branch: str) -> str:
        repo = context.actions.repo(owner, name)
        sha = repo.store.branches().get(branch, "")
        paths = repo.store.paths(sha) if sha else []
        values = context.common(repo, branch=branch, sha=sha, paths=paths, tab="code")
        return render_template("tree.html", **values)

    @blueprint.get("/<owner>/<name>/commit/<sha>")
    def show_commit(owner: str, name: str, sha: str) -> str:
        repo = context.actions.repo(owner, name)
        if not repo.store.has(sha):
            raise ApiError(404, "There is no such commit.")
        commit = repo.store.commit(sha)
        files = parse_diff(repo.store.commit_diff(commit))
        return render_template("commit.html", **context.common(repo, commit=commit, files=files, tab="code"))

    @blueprint.get("/<owner>/<name>/blob/<sha>/<path:path>")
    def show_file(owner: str, name: str, sha: str, *, path: str) -> str:
        repo = context.actions.repo(owner, name)
        text = repo.store.text(sha, path)
        if text is None:
            raise ApiError(404, "There is no such file.")
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        values = context.common(repo, sha=sha, path=path, lines=lines, tab="code")
        return render_template("blob.html", **values)

    @blueprint.get("/<any('style.css', 'live.js'):name>")
    def asset(name: str) -> Response:
        mimetype = "text/css" if name.endswith("css") else "text/javascript"
        return Response(render_template(name), mimetype=mimetype)
