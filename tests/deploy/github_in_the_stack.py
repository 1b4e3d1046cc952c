"""A program for a container beside the stack: a local GitHub and a scripted model, and what the maintainer does there.

It labels the demo's issue, waits for the pull request that comes of it, and prints it as a JSON object. It shares the
loopback of the other containers, and is started as ``python github_in_the_stack.py FOLDER``.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from dayhand.demo.cases.reminders.story import REMINDERS
from dayhand.hub.permissions import EVENTS, PERMISSIONS
from dayhand.localhub.server import LocalHub
from dayhand.scripted_model.server import ScriptedServer

GITHUB_PORT, MODEL_PORT = 3000, 3001
APP_ID = 1003  # the first one after Ada, Bob and the bot, since the local GitHub counts
SECONDS = 400
WEB = "http://127.0.0.1:8080"


def create_app(hub: LocalHub) -> None:
    actions = hub.actions
    actions.add_user("ada", "Ada")
    actions.add_user("bob", "Bob")
    key = load_pem_private_key(os.environ["GITHUB_APP_PRIVATE_KEY"].replace("\\n", "\n").encode(), None)
    app = actions.add_app(
        "dayhand",
        permissions=PERMISSIONS,
        events=EVENTS,
        webhook_url=f"{WEB}/webhook",
        secret=os.environ["GITHUB_WEBHOOK_SECRET"],
        owner="ada",
        key=key,
    )
    assert app.id == APP_ID, app.id
    actions.add_repository(REMINDERS.repository, REMINDERS.files())
    actions.install(app, "ada", [REMINDERS.repository], silent=True)


def wait_for(what: str, condition) -> None:
    ends = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > ends:
            sys.exit(f"{what} did not happen within {SECONDS} s")
        time.sleep(0.1)


def web_is_ready() -> bool:
    try:
        urllib.request.urlopen(f"{WEB}/readyz", timeout=60).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def main(folder: Path) -> None:
    with (
        LocalHub(folder, port=GITHUB_PORT) as hub,
        ScriptedServer(REMINDERS.scripts, port=MODEL_PORT),
    ):
        create_app(hub)
        wait_for("the web process", web_is_ready)
        actions, repo = hub.actions, hub.actions.repositories[REMINDERS.repository]
        issue = actions.open_issue(repo, actions.users["bob"], REMINDERS.title, body=REMINDERS.body)
        actions.ensure_label(repo, "codex")
        actions.label(repo, issue, "codex", by=actions.users["ada"])
        wait_for(
            "a pull request that is ready",
            lambda: (
                any(one.pull and not one.pull.draft for one in repo.pulls())
                or any("failed" in comment.body for comment in issue.comments)
            ),
        )
        pulls = list(repo.pulls())
        checks = [run for run in repo.checks.values() if run.suite.sha == pulls[0].pull.head_sha]
        print(
            json.dumps(
                {
                    "drafts": [pull.pull.draft for pull in pulls],
                    "conclusions": [run.conclusion for run in checks],
                    "body": pulls[0].body,
                    "comments": [comment.body for comment in issue.comments],
                }
            )
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
