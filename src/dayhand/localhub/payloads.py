"""GitHub's JSON, whole: every field that its own description of an answer requires, so that clients parse it strictly."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from dayhand.localhub.git_store import Commit
from dayhand.localhub.state import App, CheckRun, Comment, Installation, Issue, Pull, Repository, Suite, User

Json = dict[str, Any]
REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def stamp(when: datetime | None) -> str | None:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else None


def node_id(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


class Payloads:
    """The shapes as one server answers them: every address in them lies on its own host and port."""

    def __init__(self, url: str) -> None:
        self.web = url
        self.api = f"{url}/api/v3"

    def user(self, user: User) -> Json:
        api = f"{self.api}/users/{user.login}"
        return {
            "login": user.login,
            "id": user.id,
            "node_id": node_id("User", user.id),
            "avatar_url": f"{self.web}/avatars/{user.id}",
            "gravatar_id": "",
            "url": api,
            "html_url": f"{self.web}/{user.login}",
            "followers_url": f"{api}/followers",
            "following_url": f"{api}/following{{/other_user}}",
            "gists_url": f"{api}/gists{{/gist_id}}",
            "starred_url": f"{api}/starred{{/owner}}{{/repo}}",
            "subscriptions_url": f"{api}/subscriptions",
            "organizations_url": f"{api}/orgs",
            "repos_url": f"{api}/repos",
            "events_url": f"{api}/events{{/privacy}}",
            "received_events_url": f"{api}/received_events",
            "type": user.type,
            "site_admin": False,
            "user_view_type": "public",
        }

    def public_user(self, user: User) -> Json:
        made = "2026-01-01T00:00:00Z"
        nothing = dict.fromkeys(
            ("company", "blog", "location", "email", "hireable", "bio", "twitter_username")
        )
        counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
        more = {"name": user.name, "created_at": made, "updated_at": made, "notification_email": None}
        return {**self.user(user), **nothing, "blog": "", **counts, **more}

    def repository(self, repo: Repository) -> Json:
        """A repository as it stands inside events and other answers."""
        api = f"{self.api}/repos/{repo.full_name}"
        html = f"{self.web}/{repo.full_name}"
        templates = {
            "archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
            "branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}",
            "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}",
            "compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}",
            "contributors_url": "/contributors", "deployments_url": "/deployments", "downloads_url": "/downloads",
            "events_url": "/events", "forks_url": "/forks", "git_commits_url": "/git/commits{/sha}",
            "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}", "hooks_url": "/hooks",
            "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
            "issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}",
            "languages_url": "/languages", "merges_url": "/merges", "milestones_url": "/milestones{/number}",
            "notifications_url": "/notifications{?since,all,participating}", "pulls_url": "/pulls{/number}",
            "releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
            "subscribers_url": "/subscribers", "subscription_url": "/subscription", "tags_url": "/tags",
            "teams_url": "/teams", "trees_url": "/git/trees{/sha}",
        }  # fmt: skip
        flags = {
            "has_issues": True, "has_projects": False, "has_downloads": False, "has_wiki": False, "has_pages": False,
            "has_discussions": False, "archived": False, "disabled": False, "is_template": False, "allow_forking": True,
            "web_commit_signoff_required": False, "has_pull_requests": True,
        }  # fmt: skip
        counts = dict.fromkeys(
            ("forks_count", "stargazers_count", "watchers_count", "size", "forks", "watchers"), 0
        )
        opened = sum(issue.state == "open" for issue in repo.issues.values())
        return {
            "id": repo.id, "node_id": node_id("Repository", repo.id), "name": repo.name, "full_name": repo.full_name,
            "owner": self.user(repo.owner), "private": repo.private, "html_url": html, "description": None,
            "fork": False, "url": api, **{name: api + tail for name, tail in templates.items()},
            "git_url": f"git:{html.partition(':')[2]}.git", "ssh_url": f"git@localhost:{repo.full_name}.git",
            "clone_url": f"{html}.git", "svn_url": html, "mirror_url": None, "homepage": None, "language": None,
            "license": None, "topics": [], "visibility": "private" if repo.private else "public",
            "default_branch": repo.default_branch, "open_issues": opened, "open_issues_count": opened,
            "created_at": stamp(repo.created), "updated_at": stamp(repo.created), "pushed_at": stamp(repo.created),
            **flags, **counts,
        }  # fmt: skip

    def full_repository(self, repo: Repository) -> Json:
        return {**self.repository(repo), "network_count": 0, "subscribers_count": 0, "temp_clone_token": None}

    def label(self, repo: Repository, name: str) -> Json:
        known = repo.labels.get(name) or {"id": 0, "color": "ededed", "description": None}
        return {
            "id": known["id"], "node_id": node_id("Label", known["id"]), "name": name, "color": known["color"],
            "description": known["description"], "default": False, "archived_at": None, "archived_by": None,
            "url": f"{self.api}/repos/{repo.full_name}/labels/{name}",
        }  # fmt: skip

    def reactions(self, url: str, there: list[Any]) -> Json:
        counts = {content: sum(one.content == content for one in there) for content in REACTIONS}
        return {"url": f"{url}/reactions", "total_count": len(there), **counts}

    def reaction(self, one: Any) -> Json:
        return {
            "id": one.id, "node_id": node_id("Reaction", one.id), "user": self.user(one.user),
            "content": one.content, "created_at": stamp(one.created),
        }  # fmt: skip

    def issue(self, repo: Repository, issue: Issue) -> Json:
        api = f"{self.api}/repos/{repo.full_name}/issues/{issue.number}"
        kind = "pull" if issue.pull else "issues"
        shape = {
            "id": issue.id, "node_id": node_id("Issue", issue.id), "url": api,
            "repository_url": f"{self.api}/repos/{repo.full_name}", "labels_url": f"{api}/labels{{/name}}",
            "comments_url": f"{api}/comments", "events_url": f"{api}/events",
            "html_url": f"{self.web}/{repo.full_name}/{kind}/{issue.number}", "number": issue.number,
            "state": issue.state, "state_reason": "completed" if issue.state == "closed" else None,
            "title": issue.title, "body": issue.body, "user": self.user(issue.user),
            "labels": [self.label(repo, name) for name in issue.labels], "assignee": None, "assignees": [],
            "milestone": None, "locked": False, "active_lock_reason": None, "comments": len(issue.comments),
            "closed_at": stamp(issue.closed), "created_at": stamp(issue.created), "updated_at": stamp(issue.updated),
            "closed_by": None, "author_association": self._association(repo, issue.user),
            "reactions": self.reactions(api, issue.reactions), "timeline_url": f"{api}/timeline",
            "performed_via_github_app": None, "type": None,
            "sub_issues_summary": {"total": 0, "completed": 0, "percent_completed": 0},
            "issue_dependencies_summary": {"blocked_by": 0, "blocking": 0, "total_blocked_by": 0, "total_blocking": 0},
        }  # fmt: skip
        if issue.pull:
            html, pull = shape["html_url"], f"{self.api}/repos/{repo.full_name}/pulls/{issue.number}"
            shape["pull_request"] = {
                "url": pull, "html_url": html, "diff_url": f"{html}.diff", "patch_url": f"{html}.patch",
                "merged_at": stamp(issue.pull.merged),
            }  # fmt: skip
            shape["draft"] = issue.pull.draft
        return shape

    def comment(self, repo: Repository, issue: Issue, comment: Comment) -> Json:
        api = f"{self.api}/repos/{repo.full_name}/issues/comments/{comment.id}"
        kind = "pull" if issue.pull else "issues"
        html = f"{self.web}/{repo.full_name}/{kind}/{issue.number}#issuecomment-{comment.id}"
        return {
            "id": comment.id, "node_id": node_id("IssueComment", comment.id), "url": api, "html_url": html,
            "issue_url": f"{self.api}/repos/{repo.full_name}/issues/{issue.number}", "user": self.user(comment.user),
            "created_at": stamp(comment.created), "updated_at": stamp(comment.updated), "body": comment.body,
            "author_association": self._association(repo, comment.user),
            "reactions": self.reactions(api, comment.reactions), "performed_via_github_app": None,
        }  # fmt: skip

    def _association(self, repo: Repository, user: User) -> str:
        if user.login == repo.owner.login:
            return "OWNER"
        return "COLLABORATOR" if user.login in repo.collaborators else "NONE"


class PullPayloads(Payloads):
    """Pull requests, commits, check runs and Apps."""

    def pull(self, repo: Repository, issue: Issue) -> Json:
        pull = issue.pull
        assert pull  # noqa: S101 - asked only for pull requests
        api = f"{self.api}/repos/{repo.full_name}/pulls/{issue.number}"
        issue_api = f"{self.api}/repos/{repo.full_name}/issues/{issue.number}"
        html = f"{self.web}/{repo.full_name}/pull/{issue.number}"
        rows = repo.store.numbers(pull.base_sha, pull.head_sha)
        commits = repo.store.between(pull.base_sha, pull.head_sha)
        hrefs = {
            "self": api, "html": html, "issue": issue_api, "comments": f"{issue_api}/comments",
            "review_comments": f"{api}/comments", "review_comment": f"{api}/comments{{/number}}",
            "commits": f"{api}/commits", "statuses": f"{self.api}/repos/{repo.full_name}/statuses/{pull.head_sha}",
        }  # fmt: skip
        return {
            "url": api, "id": pull.id, "node_id": node_id("PullRequest", pull.id), "html_url": html,
            "diff_url": f"{html}.diff", "patch_url": f"{html}.patch", "issue_url": issue_api,
            "number": issue.number, "state": issue.state, "locked": False, "title": issue.title,
            "user": self.user(issue.user), "body": issue.body, "created_at": stamp(issue.created),
            "updated_at": stamp(issue.updated), "closed_at": stamp(issue.closed), "merged_at": stamp(pull.merged),
            "merge_commit_sha": pull.merge_sha or None, "assignee": None, "assignees": [],
            "requested_reviewers": [self.user(one) for one in pull.reviewers], "requested_teams": [],
            "labels": [self.label(repo, name) for name in issue.labels], "milestone": None, "draft": pull.draft,
            "commits_url": f"{api}/commits", "review_comments_url": f"{api}/comments",
            "review_comment_url": f"{self.api}/repos/{repo.full_name}/pulls/comments{{/number}}",
            "comments_url": f"{issue_api}/comments", "statuses_url": hrefs["statuses"],
            "head": self._head(repo, pull), "base": self._side(repo, pull.base, pull.base_sha),
            "_links": {name: {"href": href} for name, href in hrefs.items()},
            "author_association": self._association(repo, issue.user), "auto_merge": None, "active_lock_reason": None,
            "merged": pull.merged is not None, "mergeable": issue.state == "open" or None, "rebaseable": None,
            "mergeable_state": "draft" if pull.draft else "clean",
            "merged_by": self.user(pull.merged_by) if pull.merged_by else None, "comments": len(issue.comments),
            "review_comments": 0, "maintainer_can_modify": False, "commits": len(commits),
            "additions": sum(row[2] for row in rows), "deletions": sum(row[3] for row in rows),
            "changed_files": len(rows),
        }  # fmt: skip

    def _head(self, repo: Repository, pull: Pull) -> Json:
        """The side that is to be merged; where it is in a fork, under that one's name."""
        side = self._side(repo, pull.head, pull.head_sha)
        if pull.home:
            owner = pull.home.partition("/")[0]
            fork = {**side["repo"], "full_name": pull.home, "fork": True}
            side = {**side, "label": f"{owner}:{pull.head}", "repo": fork}
        return side

    def _side(self, repo: Repository, branch: str, sha: str) -> Json:
        label = f"{repo.owner.login}:{branch}"
        return {
            "label": label,
            "ref": branch,
            "sha": sha,
            "user": self.user(repo.owner),
            "repo": self.repository(repo),
        }

    def changed_file(self, repo: Repository, issue: Issue, row: tuple[str, str, int, int]) -> Json:
        state, path, plus, minus = row
        assert issue.pull  # noqa: S101 - asked only for pull requests
        sha, html = issue.pull.head_sha, f"{self.web}/{repo.full_name}"
        words = {"A": "added", "D": "removed"}
        return {
            "sha": sha, "filename": path, "status": words.get(state, "modified"), "additions": plus,
            "deletions": minus, "changes": plus + minus, "blob_url": f"{html}/blob/{sha}/{path}",
            "raw_url": f"{html}/raw/{sha}/{path}",
            "contents_url": f"{self.api}/repos/{repo.full_name}/contents/{path}?ref={sha}",
        }  # fmt: skip

    def commit(self, repo: Repository, commit: Commit) -> Json:
        api = f"{self.api}/repos/{repo.full_name}"
        html = f"{self.web}/{repo.full_name}/commit/{commit.sha}"
        person = {"name": commit.author, "email": commit.email, "date": commit.date}
        verification = {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        }
        return {
            "url": f"{api}/commits/{commit.sha}", "sha": commit.sha, "node_id": node_id("Commit", int(commit.sha[:8], 16)),
            "html_url": html, "comments_url": f"{api}/commits/{commit.sha}/comments", "author": None, "committer": None,
            "commit": {
                "url": f"{api}/git/commits/{commit.sha}", "author": person, "committer": person,
                "message": commit.message, "comment_count": 0, "verification": verification,
                "tree": {"sha": commit.tree, "url": f"{api}/git/trees/{commit.tree}"},
            },
            "parents": [
                {"sha": sha, "url": f"{api}/commits/{sha}", "html_url": f"{self.web}/{repo.full_name}/commit/{sha}"}
                for sha in commit.parents
            ],
        }  # fmt: skip

    def ref(self, repo: Repository, branch: str, sha: str) -> Json:
        api = f"{self.api}/repos/{repo.full_name}/git"
        return {
            "ref": f"refs/heads/{branch}", "node_id": node_id("Ref", repo.id), "url": f"{api}/refs/heads/{branch}",
            "object": {"type": "commit", "sha": sha, "url": f"{api}/commits/{sha}"},
        }  # fmt: skip

    def app(self, app: App) -> Json:
        made = "2026-01-01T00:00:00Z"
        return {
            "id": app.id, "slug": app.slug, "node_id": node_id("App", app.id), "client_id": f"Iv{app.id}",
            "owner": self.user(app.owner), "name": app.slug, "description": None, "external_url": self.web,
            "html_url": f"{self.web}/apps/{app.slug}", "created_at": made, "updated_at": made,
            "permissions": app.permissions, "events": list(app.events), "installations_count": 1,
        }  # fmt: skip

    def installation(self, there: Installation) -> Json:
        made = "2026-01-01T00:00:00Z"
        api = f"{self.api}/app/installations/{there.id}"
        return {
            "id": there.id, "account": self.user(there.account), "repository_selection": "selected",
            "access_tokens_url": f"{api}/access_tokens", "repositories_url": f"{self.api}/installation/repositories",
            "html_url": f"{self.web}/settings/installations/{there.id}", "app_id": there.app.id,
            "target_id": there.account.id, "target_type": "User", "permissions": there.app.permissions,
            "events": list(there.app.events), "created_at": made, "updated_at": made, "single_file_name": None,
            "app_slug": there.app.slug, "suspended_by": None, "client_id": f"Iv{there.app.id}",
            "suspended_at": made if there.suspended else None,
        }  # fmt: skip

    def suite(self, repo: Repository, suite: Suite) -> Json:
        api = f"{self.api}/repos/{repo.full_name}/check-suites/{suite.id}"
        commit = repo.store.commit(suite.sha)
        return {
            "id": suite.id, "node_id": node_id("CheckSuite", suite.id), "head_branch": suite.branch,
            "head_sha": suite.sha, "status": "queued", "conclusion": None, "url": api, "before": None,
            "after": suite.sha, "pull_requests": self._pulls_of(repo, suite.sha), "app": self.app(suite.app),
            "repository": self.repository(repo), "created_at": stamp(suite.created), "updated_at": stamp(suite.created),
            "latest_check_runs_count": 0, "check_runs_url": f"{api}/check-runs",
            "head_commit": {
                "id": suite.sha, "tree_id": commit.tree, "message": commit.message, "timestamp": commit.date,
                "author": {"name": commit.author, "email": commit.email},
                "committer": {"name": commit.author, "email": commit.email},
            },
        }  # fmt: skip

    def check_run(self, repo: Repository, run: CheckRun) -> Json:
        api = f"{self.api}/repos/{repo.full_name}/check-runs/{run.id}"
        return {
            "id": run.id, "name": run.name, "node_id": node_id("CheckRun", run.id), "head_sha": run.suite.sha,
            "external_id": run.external_id, "url": api,
            "html_url": f"{self.web}/{repo.full_name}/runs/{run.id}", "details_url": run.details_url,
            "status": run.status, "conclusion": run.conclusion, "started_at": stamp(run.started),
            "completed_at": stamp(run.completed),
            "output": {
                "title": run.title, "summary": run.summary, "text": run.text,
                "annotations_count": len(run.annotations), "annotations_url": f"{api}/annotations",
            },
            "check_suite": {"id": run.suite.id}, "app": self.app(run.suite.app),
            "pull_requests": self._pulls_of(repo, run.suite.sha),
        }  # fmt: skip

    def _pulls_of(self, repo: Repository, sha: str) -> list[Json]:
        api = f"{self.api}/repos/{repo.full_name}"
        side = {"id": repo.id, "url": api, "name": repo.name}
        return [
            {
                "id": issue.pull.id, "number": issue.number, "url": f"{api}/pulls/{issue.number}",
                "head": {"ref": issue.pull.head, "sha": issue.pull.head_sha, "repo": side},
                "base": {"ref": issue.pull.base, "sha": issue.pull.base_sha, "repo": side},
            }
            for issue in repo.pulls()
            if issue.pull and issue.pull.head_sha == sha and issue.state == "open"
        ]  # fmt: skip
