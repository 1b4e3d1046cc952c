"""The payload of a push event: https://docs.github.com/webhooks/webhook-events-and-payloads#push."""

from __future__ import annotations

from typing import Any

from dayhand.localhub.state.git_store import ZERO, Commit, GitStore
from dayhand.localhub.state.models import Repository, User

MAX_COMMITS = 2048


def push_payload(
    repo: Repository, branch: str, by: User, *, before: str, after: str, html: str
) -> dict[str, Any]:
    """The payload for one branch; ``before`` is all zeros if it was created, ``after`` if it was deleted."""
    created, deleted = before == ZERO, after == ZERO
    commits = [] if deleted else _new_commits(repo, branch, before, after=after)
    commit_payloads = [_commit(repo.store, commit, by, html=html) for commit in commits[-MAX_COMMITS:]]
    return {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "base_ref": None,
        "created": created,
        "deleted": deleted,
        "forced": not (created or deleted) and repo.store.merge_base(before, after) != before,
        "compare": f"{html}/compare/{before[:12]}...{after[:12]}",
        "commits": commit_payloads,
        "head_commit": commit_payloads[-1] if commit_payloads else None,
        "pusher": {"name": by.login, "email": f"{by.id}+{by.login}@users.noreply.localhost"},
    }


def _new_commits(repo: Repository, branch: str, before: str, *, after: str) -> list[Commit]:
    if before != ZERO:
        return repo.store.between(before, after)
    tip = repo.store.branches().get(repo.default_branch)
    if tip and branch != repo.default_branch:
        return repo.store.between(tip, after)
    return repo.store.history(after)


def _commit(store: GitStore, commit: Commit, by: User, *, html: str) -> dict[str, Any]:
    person = {"name": commit.author, "email": commit.email, "username": by.login}
    changed = _changed(store, commit)
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": commit.date,
        "url": f"{html}/commit/{commit.sha}",
        "author": person,
        "committer": person,
        "added": changed["A"],
        "removed": changed["D"],
        "modified": changed["M"],
    }


def _changed(store: GitStore, commit: Commit) -> dict[str, list[str]]:
    """The paths that a commit adds, deletes and modifies compared with its first parent."""
    found: dict[str, list[str]] = {"A": [], "D": [], "M": []}
    if not commit.parents:
        found["A"] = store.paths(commit.sha)
        return found
    for status, path in store.name_status(commit.parents[0], commit.sha):
        found[status if status in found else "M"].append(path)
    return found
