"""Users, repositories, labels, reactions, issues and comments as GitHub's JSON.

Every field that GitHub's own schema requires is there, so that strict clients can parse it.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from dayhand.localhub.state.models import Comment, Issue, LabelEvent, Reaction, Repository, User

Json = dict[str, Any]
REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def timestamp(when: datetime | None) -> str | None:
    """ISO 8601 in UTC, as GitHub writes it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else None


def node_id(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


class IssuePayloads:
    """Builds JSON objects whose addresses point to the server at ``url``."""

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
        created = "2026-01-01T00:00:00Z"
        empty = dict.fromkeys(("company", "blog", "location", "email", "hireable", "bio", "twitter_username"))
        counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
        profile = {
            "name": user.name,
            "created_at": created,
            "updated_at": created,
            "notification_email": None,
        }
        return {**self.user(user), **empty, "blog": "", **counts, **profile}

    def repository(self, repo: Repository) -> Json:
        """A repository as a part of events and of other responses."""
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
            "created_at": timestamp(repo.created), "updated_at": timestamp(repo.created), "pushed_at": timestamp(repo.created),
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

    def reactions(self, url: str, reactions: list[Reaction]) -> Json:
        """The number of reactions of each kind."""
        counts = {content: sum(one.content == content for one in reactions) for content in REACTIONS}
        return {"url": f"{url}/reactions", "total_count": len(reactions), **counts}

    def reaction(self, reaction: Reaction) -> Json:
        return {
            "id": reaction.id, "node_id": node_id("Reaction", reaction.id), "user": self.user(reaction.user),
            "content": reaction.content, "created_at": timestamp(reaction.created),
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
            "milestone": None, "locked": issue.locked, "active_lock_reason": None, "comments": len(issue.comments),
            "closed_at": timestamp(issue.closed), "created_at": timestamp(issue.created), "updated_at": timestamp(issue.updated),
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
                "merged_at": timestamp(issue.pull.merged),
            }  # fmt: skip
            shape["draft"] = issue.pull.draft
        return shape

    def label_event(self, repo: Repository, issue: Issue, event: LabelEvent) -> Json:
        label = self.label(repo, event.label)
        return {
            "id": event.id, "node_id": node_id("LabeledEvent", event.id), "actor": self.user(event.user),
            "url": f"{self.api}/repos/{repo.full_name}/issues/events/{event.id}", "event": event.action,
            "commit_id": None, "commit_url": None, "created_at": timestamp(event.created), "issue": self.issue(repo, issue),
            "label": {"name": label["name"], "color": label["color"]}, "performed_via_github_app": None,
        }  # fmt: skip

    def comment(self, repo: Repository, issue: Issue, comment: Comment) -> Json:
        api = f"{self.api}/repos/{repo.full_name}/issues/comments/{comment.id}"
        kind = "pull" if issue.pull else "issues"
        html = f"{self.web}/{repo.full_name}/{kind}/{issue.number}#issuecomment-{comment.id}"
        return {
            "id": comment.id, "node_id": node_id("IssueComment", comment.id), "url": api, "html_url": html,
            "issue_url": f"{self.api}/repos/{repo.full_name}/issues/{issue.number}", "user": self.user(comment.user),
            "created_at": timestamp(comment.created), "updated_at": timestamp(comment.updated), "body": comment.body,
            "author_association": self._association(repo, comment.user),
            "reactions": self.reactions(api, comment.reactions), "performed_via_github_app": None,
        }  # fmt: skip

    def _association(self, repo: Repository, user: User) -> str:
        if user.login == repo.owner.login:
            return "OWNER"
        return "COLLABORATOR" if user.login in repo.collaborators else "NONE"
