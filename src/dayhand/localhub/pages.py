"""The pages for people: read an issue, label it, comment, watch the checks, merge. Who you are is a choice on top."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from dayhand.localhub.actions import CLOSING, Actions
from dayhand.localhub.diff_view import (
    EMOJI,
    MARKS,
    ago,
    files_of,
    markdown,
)
from dayhand.localhub.errors import Refused
from dayhand.localhub.state import CheckRun, Issue, Repository, User

# A page's own script and style only: whatever text somebody wrote cannot load or run anything.
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
COOKIE = "me"


def pages(actions: Actions) -> Blueprint:
    """All pages."""
    blueprint = Blueprint("pages", __name__, template_folder="templates")
    desk = _Desk(actions)
    _reading(blueprint, desk)
    _acting(blueprint, desk)

    @blueprint.app_errorhandler(Refused)
    def refuse(refused: Refused) -> tuple[str, int]:
        return render_template("refused.html", **desk.common(None), message=str(refused)), refused.status

    @blueprint.before_request
    def stay_home() -> None:
        """A page elsewhere must not act here in a person's name."""
        origin = request.headers.get("Origin")
        if request.method == "POST" and origin not in (None, request.host_url.rstrip("/")):
            raise Refused(403, "That was sent from a page of another site.")

    @blueprint.after_request
    def harden(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = POLICY
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "same-origin"
        return answer

    @blueprint.app_context_processor
    def tools() -> dict[str, Any]:
        return {
            "markdown": markdown,
            "ago": ago,
            "emoji": EMOJI,
            "marks": MARKS,
            "last_check": desk.last_check,
            "linked": desk.linked,
        }

    return blueprint


class _Desk:
    """What the pages share."""

    def __init__(self, actions: Actions) -> None:
        self.actions = actions

    def people(self) -> list[User]:
        return [
            user for user in self.actions.users.values() if user.type == "User" and user.login != "anonymous"
        ]

    def me(self) -> User:
        there = self.people()
        return next((user for user in there if user.login == request.cookies.get(COOKIE)), there[0])

    def common(self, repo: Repository | None, **more: Any) -> dict[str, Any]:
        return {"repo": repo, "me": self.me(), "people": self.people(), "actions": self.actions, **more}

    def find(self, owner: str, name: str, number: int) -> tuple[Repository, Issue]:
        repo = self.actions.repo(owner, name)
        if number not in repo.issues:
            raise Refused(404, "There is nothing of that number here.")
        return repo, repo.issues[number]

    def may(self, repo: Repository, level: str) -> None:
        if not self.actions.allowed(repo, self.me().login, level):
            raise Refused(403, f"{self.me().login} may not do that here: it needs the role “{level}”.")

    def last_check(self, repo: Repository, issue: Issue) -> CheckRun | None:
        if issue.pull is None:
            return None
        runs = [run for run in repo.checks.values() if run.suite.sha == issue.pull.head_sha]
        return runs[-1] if runs else None

    def linked(self, repo: Repository, issue: Issue) -> list[Issue]:
        """The pull requests that will close an issue, or have."""
        return [
            one
            for one in repo.pulls()
            if one.pull
            and one.pull.base == repo.default_branch
            and str(issue.number) in CLOSING.findall(one.body)
        ]


def _reading(blueprint: Blueprint, desk: _Desk) -> None:
    @blueprint.get("/")
    def home() -> str:
        return render_template("home.html", **desk.common(None))

    @blueprint.get("/<owner>/<name>")
    @blueprint.get("/<owner>/<name>/issues", endpoint="issues")
    @blueprint.get("/<owner>/<name>/pulls", endpoint="pulls")
    def listing(owner: str, name: str) -> str:
        repo = desk.actions.repo(owner, name)
        is_pulls = request.path.endswith("/pulls")
        found = [one for one in reversed(repo.issues.values()) if bool(one.pull) == is_pulls]
        return render_template(
            "list.html", **desk.common(repo, issues=found, tab="pulls" if is_pulls else "issues")
        )

    @blueprint.get("/<owner>/<name>/issues/<int:number>")
    @blueprint.get("/<owner>/<name>/pull/<int:number>", endpoint="pull")
    def issue(owner: str, name: str, number: int) -> str | Answer:
        repo, found = desk.find(owner, name, number)
        kind = "pull" if found.pull else "issues"
        if f"/{kind}/" not in request.path:
            return redirect(f"/{repo.full_name}/{kind}/{number}")
        more: dict[str, Any] = {}
        if found.pull:
            more["commits"] = repo.store.between(found.pull.base_sha, found.pull.head_sha)
            more["files"] = files_of(repo.store.diff(found.pull.base_sha, found.pull.head_sha))
            more["checks"] = [run for run in repo.checks.values() if run.suite.sha == found.pull.head_sha]
        return render_template(
            "issue.html", **desk.common(repo, issue=found, tab="pulls" if found.pull else "issues", **more)
        )

    @blueprint.get("/<owner>/<name>/runs/<int:number>")
    def run(owner: str, name: str, number: int) -> str:
        repo = desk.actions.repo(owner, name)
        if number not in repo.checks:
            raise Refused(404, "There is no such check run.")
        return render_template("run.html", **desk.common(repo, run=repo.checks[number], tab="pulls"))

    _files(blueprint, desk)


def _files(blueprint: Blueprint, desk: _Desk) -> None:
    @blueprint.get("/<owner>/<name>/tree/<path:branch>")
    def tree(owner: str, name: str, branch: str) -> str:
        repo = desk.actions.repo(owner, name)
        sha = repo.store.branches().get(branch, "")
        paths = repo.store.paths(sha) if sha else []
        return render_template(
            "tree.html", **desk.common(repo, branch=branch, sha=sha, paths=paths, tab="code")
        )

    @blueprint.get("/<owner>/<name>/commit/<sha>")
    def commit(owner: str, name: str, sha: str) -> str:
        repo = desk.actions.repo(owner, name)
        if not repo.store.has(sha):
            raise Refused(404, "There is no such commit.")
        made = repo.store.commit(sha)
        files = files_of(repo.store.changes(made))
        return render_template("commit.html", **desk.common(repo, commit=made, files=files, tab="code"))

    @blueprint.get("/<owner>/<name>/blob/<sha>/<path:path>")
    def blob(owner: str, name: str, sha: str, *, path: str) -> str:
        repo = desk.actions.repo(owner, name)
        text = repo.store.text(sha, path)
        if text is None:
            raise Refused(404, "There is no such file.")
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        return render_template("blob.html", **desk.common(repo, sha=sha, path=path, lines=lines, tab="code"))

    @blueprint.get("/<any('style.css', 'live.js'):name>")
    def own(name: str) -> Response:
        kind = "text/css" if name.endswith("css") else "text/javascript"
        return Response(render_template(name), mimetype=kind)


def _acting(blueprint: Blueprint, desk: _Desk) -> None:
    actions = desk.actions

    @blueprint.post("/me")
    def become() -> Answer:
        # Only a page of ours: the address comes from the browser.
        back = request.referrer or ""
        answer = redirect(back if back.startswith(request.host_url) else "/")
        answer.set_cookie(COOKIE, request.form.get("login", ""), samesite="Strict", httponly=True)
        return answer

    @blueprint.post("/<owner>/<name>/issues")
    def open_issue(owner: str, name: str) -> Answer:
        repo = actions.repo(owner, name)
        title = request.form.get("title", "").strip()
        if not title:
            raise Refused(422, "An issue needs a title.")
        made = actions.open_issue(repo, desk.me(), title, body=request.form.get("body", ""))
        return redirect(f"/{repo.full_name}/issues/{made.number}")

    @blueprint.post("/<owner>/<name>/issues/<int:number>/<act>")
    def act(owner: str, name: str, number: int, *, act: str) -> Answer:
        repo, issue = desk.find(owner, name, number)
        match act:
            case "comment":
                if not request.form.get("body", "").strip():
                    raise Refused(422, "The comment is empty: write something first.")
                actions.comment(repo, issue, desk.me(), body=request.form["body"])
            case "label":
                desk.may(repo, "triage")
                label = request.form.get("label", "").strip()
                if not label:
                    raise Refused(422, "The label has no name.")
                actions.label(repo, issue, label, by=desk.me())
            case "unlabel":
                desk.may(repo, "triage")
                actions.unlabel(repo, issue, request.form.get("label", ""), by=desk.me())
            case "merge":
                desk.may(repo, "write")
                actions.merge(repo, issue, desk.me())
            case "close" | "reopen":
                desk.may(repo, "triage")
                actions.set_state(repo, issue, "closed" if act == "close" else "open", by=desk.me())
            case _:
                raise Refused(404, "There is no such act.")
        kind = "pull" if issue.pull else "issues"
        return redirect(f"/{repo.full_name}/{kind}/{number}")
