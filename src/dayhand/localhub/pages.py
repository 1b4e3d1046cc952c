"""The pages for people: read an issue, label it, comment, watch the checks, merge. Who you are is a choice on top."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as Answer

from dayhand.localhub.errors import Refused
from dayhand.localhub.state import CheckRun, Issue, Repository, User
from dayhand.localhub.world import World

EMOJI = {
    "+1": "👍",
    "-1": "👎",
    "laugh": "😄",
    "hooray": "🎉",
    "confused": "😕",
    "heart": "❤️",
    "rocket": "🚀",
    "eyes": "👀",
}
MARKS = {"success": "✓", "failure": "✗", "neutral": "◼", "cancelled": "⊘", "action_required": "!", None: "●"}
COOKIE = "me"


def pages(world: World) -> Blueprint:
    """All pages."""
    blueprint = Blueprint("pages", __name__, template_folder="templates")
    desk = _Desk(world)
    _reading(blueprint, desk)
    _acting(blueprint, desk)

    @blueprint.app_errorhandler(Refused)
    def refuse(refused: Refused) -> tuple[str, int]:
        return render_template("refused.html", **desk.common(None), message=str(refused)), refused.status

    @blueprint.app_context_processor
    def tools() -> dict[str, Any]:
        return {
            "markdown": markdown,
            "ago": ago,
            "emoji": EMOJI,
            "marks": MARKS,
            "grouped": _grouped,
            "last_check": desk.last_check,
        }

    return blueprint


class _Desk:
    """What the pages share."""

    def __init__(self, world: World) -> None:
        self.world = world

    def people(self) -> list[User]:
        return [
            user for user in self.world.users.values() if user.type == "User" and user.login != "anonymous"
        ]

    def me(self) -> User:
        there = self.people()
        return next((user for user in there if user.login == request.cookies.get(COOKIE)), there[0])

    def common(self, repo: Repository | None, **more: Any) -> dict[str, Any]:
        return {"repo": repo, "me": self.me(), "people": self.people(), "world": self.world, **more}

    def find(self, owner: str, name: str, number: int) -> tuple[Repository, Issue]:
        repo = self.world.repo(owner, name)
        if number not in repo.issues:
            raise Refused(404, "There is nothing of that number here.")
        return repo, repo.issues[number]

    def may(self, repo: Repository, level: str) -> None:
        if not self.world.allowed(repo, self.me().login, level):
            raise Refused(403, f"{self.me().login} may not do that here: it needs the role “{level}”.")

    def last_check(self, repo: Repository, issue: Issue) -> CheckRun | None:
        if issue.pull is None:
            return None
        runs = [run for run in repo.checks.values() if run.suite.sha == issue.pull.head_sha]
        return runs[-1] if runs else None


def _reading(blueprint: Blueprint, desk: _Desk) -> None:
    @blueprint.get("/")
    def home() -> str:
        return render_template("home.html", **desk.common(None))

    @blueprint.get("/<owner>/<name>")
    @blueprint.get("/<owner>/<name>/issues", endpoint="issues")
    @blueprint.get("/<owner>/<name>/pulls", endpoint="pulls")
    def listing(owner: str, name: str) -> str:
        repo = desk.world.repo(owner, name)
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
            more["diff"] = diff_rows(repo.store.diff(found.pull.base_sha, found.pull.head_sha))
            more["checks"] = [run for run in repo.checks.values() if run.suite.sha == found.pull.head_sha]
        return render_template(
            "issue.html", **desk.common(repo, issue=found, tab="pulls" if found.pull else "issues", **more)
        )

    @blueprint.get("/<owner>/<name>/runs/<int:number>")
    def run(owner: str, name: str, number: int) -> str:
        repo = desk.world.repo(owner, name)
        if number not in repo.checks:
            raise Refused(404, "There is no such check run.")
        return render_template("run.html", **desk.common(repo, run=repo.checks[number], tab="pulls"))

    @blueprint.get("/<owner>/<name>/blob/<sha>/<path:path>")
    def blob(owner: str, name: str, sha: str, path: str) -> str:
        repo = desk.world.repo(owner, name)
        text = repo.store.text(sha, path)
        if text is None:
            raise Refused(404, "There is no such file.")
        return render_template(
            "blob.html", **desk.common(repo, sha=sha, path=path, lines=text.splitlines(), tab="")
        )

    @blueprint.get("/style.css")
    def style() -> Response:
        return Response(render_template("style.css"), mimetype="text/css")


def _acting(blueprint: Blueprint, desk: _Desk) -> None:
    world = desk.world

    @blueprint.post("/me")
    def become() -> Answer:
        answer = redirect(request.referrer or "/")
        answer.set_cookie(COOKIE, request.form["login"], samesite="Strict")
        return answer

    @blueprint.post("/<owner>/<name>/issues")
    def open_issue(owner: str, name: str) -> Answer:
        repo = world.repo(owner, name)
        title = request.form.get("title", "").strip()
        if not title:
            raise Refused(422, "An issue needs a title.")
        made = world.open_issue(repo, desk.me(), title, request.form.get("body", ""))
        return redirect(f"/{repo.full_name}/issues/{made.number}")

    @blueprint.post("/<owner>/<name>/issues/<int:number>/<act>")
    def act(owner: str, name: str, number: int, act: str) -> Answer:
        repo, issue = desk.find(owner, name, number)
        match act:
            case "comment":
                world.comment(repo, issue, desk.me(), request.form.get("body", ""))
            case "label":
                desk.may(repo, "triage")
                world.label(repo, issue, request.form["label"].strip(), desk.me())
            case "unlabel":
                desk.may(repo, "triage")
                world.unlabel(repo, issue, request.form["label"], desk.me())
            case "merge":
                desk.may(repo, "write")
                world.merge(repo, issue, desk.me())
            case "close" | "reopen":
                desk.may(repo, "triage")
                world.set_state(repo, issue, "closed" if act == "close" else "open", desk.me())
            case _:
                raise Refused(404, "There is no such act.")
        kind = "pull" if issue.pull else "issues"
        return redirect(f"/{repo.full_name}/{kind}/{number}")


def markdown(text: str, repo: Repository | None = None) -> Markup:
    """Render as GitHub does: #1 and @login come alive; of raw HTML only what folds text away."""
    reader = MarkdownIt("gfm-like", {"html": False, "linkify": False})

    def alive(_renderer: object, tokens: Sequence[Token], index: int, *_: object) -> str:
        said = str(escape(tokens[index].content))
        if repo:
            said = re.sub(r"(?<![\w#&])#(\d+)\b", rf'<a href="/{repo.full_name}/issues/\1">#\1</a>', said)
        return re.sub(r"(?<![\w@/])@(\w[\w-]*)", r"<b>@\1</b>", said)

    reader.add_render_rule("text", alive)
    html = reader.render(_strip(text))
    for tag in ("details", "summary", "sub", "/details", "/summary", "/sub"):
        html = html.replace(f"&lt;{tag}&gt;", f"<{tag}>")
    return Markup(html)  # noqa: S704 - markdown-it escapes all HTML; the tags above carry no attribute


def _strip(text: str) -> str:
    start = text.find("<!--")
    while start != -1 and (end := text.find("-->", start)) != -1:
        text = text[:start] + text[end + 3 :]
        start = text.find("<!--")
    return text


def ago(when: datetime) -> str:
    """How long ago, in one unit."""
    seconds = int((datetime.now(UTC) - when).total_seconds())
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def diff_rows(diff: str) -> list[tuple[str, str]]:
    """(kind, line) of a unified diff, for colours."""
    kinds = {"+": "add", "-": "del", "@": "hunk"}
    rows = []
    heading = False
    for line in diff.splitlines():
        heading = line.startswith("diff ") or (heading and not line.startswith("@@"))
        kind = "file" if line.startswith("diff ") else "meta" if heading else kinds.get(line[:1], "")
        rows.append((kind, line))
    return rows


def _grouped(issue: Issue) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for one in issue.reactions:
        counts[one.content] = counts.get(one.content, 0) + 1
    return list(counts.items())
