"""Pull requests, commits, check runs, Apps and installations as GitHub's JSON."""

from __future__ import annotations

from dayhand.localhub.payloads.issues import Json, node_id, timestamp
from dayhand.localhub.payloads.reviews import ReviewPayloads
from dayhand.localhub.state.git_store import Commit
from dayhand.localhub.state.models import App, CheckRun, CheckSuite, Installation, Issue, Pull, Repository


class Payloads(ReviewPayloads):
    """All payloads: those of issues and reviews, and those of pull requests, commits, check runs and Apps."""

    def pull(self, repo: Repository, issue: Issue) -> Json:
        pull = issue.pull
        assert pull  # noqa: S101 - called for pull requests only
        api = f"{self.api}/repos/{repo.full_name}/pulls/{issue.number}"
        issue_api = f"{self.api}/repos/{repo.full_name}/issues/{issue.number}"
        html = f"{self.web}/{repo.full_name}/pull/{issue.number}"
        rows = repo.store.diff_stat(pull.base_sha, pull.head_sha)
        commits = repo.store.between(pull.base_sha, pull.head_sha)
        hrefs = {
            "self": api, "html": html, "issue": issue_api, "comments": f"{issue_api}/comments",
            "review_comments": f"{api}/comments", "review_comment": f"{api}/comments{{/number}}",
            "commits": f"{api}/commits", "statuses": f"{self.api}/repos/{repo.full_name}/statuses/{pull.head_sha}",
        }  # fmt: skip
        return {
            "url": api, "id": pull.id, "node_id": node_id("PullRequest", pull.id), "html_url": html,
            "diff_url": f"{html}.diff", "patch_url": f"{html}.patch", "issue_url": issue_api,
            "number": issue.number, "state": issue.state, "locked": issue.locked, "title": issue.title,
            "user": self.user(issue.user), "body": issue.body, "created_at": timestamp(issue.created),
            "updated_at": timestamp(issue.updated), "closed_at": timestamp(issue.closed), "merged_at": timestamp(pull.merged),
            "merge_commit_sha": pull.merge_sha or None, "assignee": None, "assignees": [],
            "requested_reviewers": [self.user(reviewer) for reviewer in pull.reviewers], "requested_teams": [],
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
            "review_comments": sum(len(thread.comments) for thread in pull.threads), "maintainer_can_modify": False, "commits": len(commits),
            "additions": sum(row[2] for row in rows), "deletions": sum(row[3] for row in rows),
            "changed_files": len(rows),
        }  # fmt: skip

    def _head(self, repo: Repository, pull: Pull) -> Json:
        """The branch to merge; if it is in a fork, with the fork's name."""
        side = self._side(repo, pull.head, pull.head_sha)
        if pull.fork:
            owner = pull.fork.partition("/")[0]
            fork = {**side["repo"], "full_name": pull.fork, "fork": True}
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
        status, path, additions, deletions = row
        assert issue.pull  # noqa: S101 - called for pull requests only
        sha, html = issue.pull.head_sha, f"{self.web}/{repo.full_name}"
        statuses = {"A": "added", "D": "removed"}
        return {
            "sha": sha, "filename": path, "status": statuses.get(status, "modified"), "additions": additions,
            "deletions": deletions, "changes": additions + deletions, "blob_url": f"{html}/blob/{sha}/{path}",
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
        created = "2026-01-01T00:00:00Z"
        return {
            "id": app.id, "slug": app.slug, "node_id": node_id("App", app.id), "client_id": f"Iv{app.id}",
            "owner": self.user(app.owner), "name": app.slug, "description": None, "external_url": self.web,
            "html_url": f"{self.web}/apps/{app.slug}", "created_at": created, "updated_at": created,
            "permissions": app.permissions, "events": list(app.events), "installations_count": 1,
        }  # fmt: skip

    def installation(self, installation: Installation) -> Json:
        created = "2026-01-01T00:00:00Z"
        api = f"{self.api}/app/installations/{installation.id}"
        return {
            "id": installation.id, "account": self.user(installation.account), "repository_selection": "selected",
            "access_tokens_url": f"{api}/access_tokens", "repositories_url": f"{self.api}/installation/repositories",
            "html_url": f"{self.web}/settings/installations/{installation.id}", "app_id": installation.app.id,
            "target_id": installation.account.id, "target_type": installation.account.type, "permissions": installation.app.permissions,
            "events": list(installation.app.events), "created_at": created, "updated_at": created, "single_file_name": None,
            "app_slug": installation.app.slug, "suspended_by": None, "client_id": f"Iv{installation.app.id}",
            "suspended_at": created if installation.suspended else None,
        }  # fmt: skip

    def check_suite(self, repo: Repository, suite: CheckSuite) -> Json:
        api = f"{self.api}/repos/{repo.full_name}/check-suites/{suite.id}"
        commit = repo.store.commit(suite.sha)
        return {
            "id": suite.id, "node_id": node_id("CheckSuite", suite.id), "head_branch": suite.branch,
            "head_sha": suite.sha, "status": "queued", "conclusion": None, "url": api, "before": None,
            "after": suite.sha, "pull_requests": self._pulls_of(repo, suite.sha), "app": self.app(suite.app),
            "repository": self.repository(repo), "created_at": timestamp(suite.created), "updated_at": timestamp(suite.created),
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
            "status": run.status, "conclusion": run.conclusion, "started_at": timestamp(run.started),
            "completed_at": timestamp(run.completed),
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
