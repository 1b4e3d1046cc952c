"""The web pages: read and write issues, watch check runs, merge. A menu at the top chooses the current user."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from dayhand.localhub.errors import ApiError
from dayhand.localhub.pages.diff import parse_diff
from dayhand.localhub.pages.markdown import markdown
from dayhand.localhub.state.actions import CLOSING_KEYWORD, Actions
from dayhand.localhub.state.models import CheckRun, Issue, Repository, User

# Only the pages' own script and style: text that users wrote cannot load or run anything.
CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
USER_COOKIE = "me"
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


def pages(actions: Actions) -> Blueprint:
    """All pages."""
    blueprint = Blueprint("pages", __name__, template_folder="templates")
    context = _PageContext(actions)
    _add_issue_pages(blueprint, context)
    _add_code_pages(blueprint, context)
    _add_forms(blueprint, context)

    @blueprint.app_errorhandler(ApiError)
    def show_error(error: ApiError) -> tuple[str, int]:
        return render_template("error.html", **context.common(None), message=str(error)), error.status

    @blueprint.before_request
    def reject_other_origins() -> None:
        """A page of another site must not submit a form in the user's name."""
        origin = request.headers.get("Origin")
        if request.method == "POST" and origin not in (None, request.host_url.rstrip("/")):
            raise ApiError(403, "The form was submitted from another site.")

    @blueprint.after_request
    def add_security_headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
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
        }

    return blueprint


class _PageContext:
    """What the pages share."""

    def __init__(self, actions: Actions) -> None:
        self.actions = actions

    def people(self) -> list[User]:
        users = self.actions.users.values()
        return [user for user in users if user.type == "User" and user.login != "anonymous"]

    def current_user(self) -> User:
        people = self.people()
        login = request.cookies.get(USER_COOKIE)
        return next((user for user in people if user.login == login), people[0])

    def common(self, repo: Repository | None, **values: Any) -> dict[str, Any]:
        """The variables of every template, and ``values``."""
        return {
            "repo": repo,
            "me": self.current_user(),
            "people": self.people(),
            "repositories": self.actions.repositories.values(),
            **values,
        }

    def find(self, owner: str, name: str, number: int) -> tuple[Repository, Issue]:
        """The repository and its issue. Raises ``ApiError`` (404)."""
        repo = self.actions.repo(owner, name)
        if number not in repo.issues:
            raise ApiError(404, f"There is no issue or pull request #{number}.")
        return repo, repo.issues[number]

    def require_role(self, repo: Repository, role: str) -> None:
        """Raises ``ApiError`` (403) if the current user's role is lower."""
        login = self.current_user().login
        if not self.actions.has_role(repo, login, role):
            raise ApiError(403, f"{login} needs the {role} role on {repo.full_name} to do this.")

    def last_check(self, repo: Repository, issue: Issue) -> CheckRun | None:
        """The newest check run of a pull request's head."""
        if issue.pull is None:
            return None
        runs = [run for run in repo.checks.values() if run.suite.sha == issue.pull.head_sha]
        return runs[-1] if runs else None

    def linked_pulls(self, repo: Repository, issue: Issue) -> list[Issue]:
        """The pull requests whose merge closes an issue."""
        return [
            other
            for other in repo.pulls()
            if other.pull
            and other.pull.base == repo.default_branch
            and str(issue.number) in CLOSING_KEYWORD.findall(other.body)
        ]


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


def _add_issue_pages(blueprint: Blueprint, context: _PageContext) -> None:
    @blueprint.get("/")
    def home() -> str:
        return render_template("home.html", **context.common(None))

    @blueprint.get("/<owner>/<name>")
    @blueprint.get("/<owner>/<name>/issues", endpoint="issues")
    @blueprint.get("/<owner>/<name>/pulls", endpoint="pulls")
    def list_issues(owner: str, name: str) -> str:
        repo = context.actions.repo(owner, name)
        is_pulls = request.path.endswith("/pulls")
        issues = [issue for issue in reversed(repo.issues.values()) if bool(issue.pull) == is_pulls]
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


def _add_code_pages(blueprint: Blueprint, context: _PageContext) -> None:
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


def _add_forms(blueprint: Blueprint, context: _PageContext) -> None:
    actions = context.actions

    @blueprint.post("/me")
    def switch_user() -> ResponseReturnValue:
        # The referrer comes from the browser: go back to pages of this server only.
        referrer = request.referrer or ""
        response = redirect(referrer if referrer.startswith(request.host_url) else "/")
        login = request.form.get("login", "")
        response.set_cookie(USER_COOKIE, login, samesite="Strict", httponly=True)
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
        match action:
            case "comment":
                body = request.form.get("body", "")
                if not body.strip():
                    raise ApiError(422, "Comment can't be blank.")
                actions.comment(repo, issue, user, body=body)
            case "label":
                context.require_role(repo, "triage")
                label = request.form.get("label", "").strip()
                if not label:
                    raise ApiError(422, "Label name can't be blank.")
                actions.label(repo, issue, label, by=user)
            case "unlabel":
                context.require_role(repo, "triage")
                actions.unlabel(repo, issue, request.form.get("label", ""), by=user)
            case "merge":
                context.require_role(repo, "write")
                actions.merge(repo, issue, user)
            case "close" | "reopen":
                context.require_role(repo, "triage")
                actions.set_state(repo, issue, "closed" if action == "close" else "open", by=user)
            case _:
                raise ApiError(404, f"There is no action “{action}”.")
        kind = "pull" if issue.pull else "issues"
        return redirect(f"/{repo.full_name}/{kind}/{number}")
