"""What the App asks GitHub for: its permissions and events. `app.yml` says the same, and a test compares them.

https://docs.github.com/apps/creating-github-apps/registering-a-github-app/choosing-permissions-for-a-github-app
"""

from __future__ import annotations

PERMISSIONS = {
    "metadata": "read",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "checks": "write",
}
READ_PERMISSIONS = {"metadata": "read", "contents": "read"}  # for submodules
# Enough to reply to a person: to read their permission, to react and to comment.
COMMENT_PERMISSIONS = {"metadata": "read", "issues": "write"}
LOOK_PERMISSIONS = {"metadata": "read", "issues": "read", "pull_requests": "read"}  # to see what changed
REVIEW_PERMISSIONS = {"metadata": "read", "pull_requests": "write"}
# GitHub sends `installation` and `installation_repositories` to every App.
EVENTS = (
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "check_run",
    "check_suite",
    "push",
)
