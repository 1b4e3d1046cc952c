"""The web pages, used as in a browser."""

from __future__ import annotations

import re

import pytest
import requests

from tests.localhub.conftest import LocalHubFixture


def browse(github: LocalHubFixture, who: str = "ada") -> requests.Session:
    """A browser session of a user."""
    session = requests.Session()
    session.cookies.set("me", who)
    return session


def test_an_issue_is_opened_labelled_and_commented_on(github: LocalHubFixture) -> None:
    with browse(github) as session:
        url = f"{github.hub.url}/ada/shop/issues"
        page = session.post(url, data={"title": "Wrong order", "body": "It is **upside down**."}, timeout=60)
        assert page.url == f"{url}/1"
        assert "<strong>upside down</strong>" in page.text
        assert "codex ×" in session.post(f"{url}/1/label", data={"label": "codex"}, timeout=60).text
        assert (
            "@bot</b> fix this"
            in session.post(f"{url}/1/comment", data={"body": "@bot fix this"}, timeout=60).text
        )
    github.hub.wait_idle()
    assert [one["action"] for one in github.receiver.of("issues")] == ["opened", "labeled"]
    (received,) = github.receiver.of("issue_comment")
    assert (received["comment"]["body"], received["sender"]["login"]) == ("@bot fix this", "ada")


def test_an_issue_is_closed_and_opened_again_by_the_button_beside_the_comment(
    github: LocalHubFixture,
) -> None:
    issue = github.issue()
    with browse(github) as session:
        url = f"{github.hub.url}/ada/shop/issues/{issue.number}"
        for act, word, state in (
            ("close", "Close", "closed"),
            ("reopen", "Reopen", "open"),
        ):
            page = session.get(url, timeout=60).text
            assert f'formaction="/ada/shop/issues/{issue.number}/{act}" formnovalidate>{word} issue<' in page
            session.post(f"{url}/{act}", data={"body": ""}, timeout=60)
            assert issue.state == state


def test_who_may_not_is_told_so(github: LocalHubFixture) -> None:
    issue = github.issue()
    with browse(github, "bob") as session:
        url = f"{github.hub.url}/ada/shop/issues/{issue.number}"
        answer = session.post(f"{url}/label", data={"label": "codex"}, timeout=60)
        assert answer.status_code == 403
        assert "bob needs the triage role on ada/shop to do this" in answer.text
        assert (
            session.post(f"{url}/comment", data={"body": "but I may say so"}, timeout=60).status_code == 200
        )
    assert issue.labels == []


def test_a_pull_request_shows_its_diff_and_checks_and_is_merged(github: LocalHubFixture) -> None:
    issue = github.issue()
    sha = github.branch("x")
    wanted = {"title": "More", "head": "x", "base": "main", "body": f"Fixes #{issue.number}", "draft": True}
    number = github.call("POST", "/repos/ada/shop/pulls", json=wanted).json()["number"]
    output = {"title": "All is well", "summary": "s", "text": "| a |\n|---|\n| `b` |"}
    check = {"name": "dayhand", "head_sha": sha, "conclusion": "success", "output": output}
    run = github.call("POST", "/repos/ada/shop/check-runs", json=check).json()
    url = f"{github.hub.url}/ada/shop/pull/{number}"
    with browse(github) as session:
        page = session.get(url, timeout=60).text
        assert "All is well" in page
        assert '<span class="add" data-n="1">+new' in page
        assert f'<a href="/ada/shop/issues/{issue.number}">#{issue.number}</a>' in page
        assert re.search(r"<button class=\"primary\" disabled>Merge", page)
        assert "<td><code>b</code></td>" in session.get(run["html_url"], timeout=60).text
        github.hub.actions.set_draft(github.repo, github.repo.issues[number], github.ada, draft=False)
        merged = session.post(f"{github.hub.url}/ada/shop/issues/{number}/merge", timeout=60).text
    assert "merged commit" in merged
    assert issue.state == "closed"


def test_hostile_text_is_only_text(github: LocalHubFixture) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    github.hub.actions.open_issue(github.repo, github.bob, evil, body=f"{evil} [x](javascript:alert(1))")
    for path in ("/ada/shop/issues", "/ada/shop/issues/1"):
        answer = requests.get(github.hub.url + path, timeout=60)
        page = answer.text
        assert "'unsafe" not in answer.headers["Content-Security-Policy"]
        assert "<script>" not in page
        assert "<img" not in page
        assert "javascript:alert" not in page.replace("[x](javascript:alert(1))", "")


def test_lists_and_files_are_there(github: LocalHubFixture) -> None:
    assert "ada/shop" in requests.get(github.hub.url, timeout=60).text
    head = github.repo.store.branches()["main"]
    page = requests.get(f"{github.hub.url}/ada/shop/blob/{head}/README.md", timeout=60).text
    assert '<span id="L1">' in page
    tree = requests.get(f"{github.hub.url}/ada/shop/tree/main", timeout=60).text
    assert f"/ada/shop/blob/{head}/README.md" in tree
    commit = requests.get(f"{github.hub.url}/ada/shop/commit/{head}", timeout=60).text
    assert "First version" in commit
    assert '<span class="add" data-n="1">+# Shop' in commit
    assert requests.get(f"{github.hub.url}/ada/shop/commit/{'1' * 40}", timeout=60).status_code == 404
    github.hub.actions.add_repository("ada/bare", {})
    assert "is empty" in requests.get(f"{github.hub.url}/ada/bare/tree/main", timeout=60).text
    assert requests.get(f"{github.hub.url}/ada/shop/issues/99", timeout=60).status_code == 404
    assert requests.get(f"{github.hub.url}/nobody/here", timeout=60).status_code == 404


def test_an_issue_names_the_pull_request_that_closes_it(github: LocalHubFixture) -> None:
    issue = github.issue()
    github.branch("x")
    actions, repo = github.hub.actions, github.repo
    pull = actions.open_pull(
        repo, github.ada, "Mend it", body=f"Fixes #{issue.number}", head="x", base="main", draft=False
    )
    page = requests.get(f"{github.hub.url}/ada/shop/issues/{issue.number}", timeout=60).text
    assert f'<a href="/ada/shop/pull/{pull.number}"><bdi>Mend it</bdi> #{pull.number}</a>' in page


def test_a_newline_in_a_comment_is_a_new_line(github: LocalHubFixture) -> None:
    github.hub.actions.open_issue(github.repo, github.bob, "Title", body="Thanks\nBob")
    assert "Thanks<br" in requests.get(f"{github.hub.url}/ada/shop/issues/1", timeout=60).text


@pytest.mark.parametrize("act", ["label", "unlabel", "merge", "close", "reopen"])
def test_nothing_is_changed_by_looking(github: LocalHubFixture, act: str) -> None:
    github.issue()
    answer = requests.get(f"{github.hub.url}/ada/shop/issues/1/{act}?label=codex", timeout=60)
    assert answer.status_code in (404, 405)
    assert github.repo.issues[1].labels == []
    assert github.repo.issues[1].state == "open"


def test_a_page_of_another_site_cannot_act_here(github: LocalHubFixture) -> None:
    github.issue()
    url = f"{github.hub.url}/ada/shop/issues/1/comment"
    evil = requests.post(url, data={"body": "@bot"}, headers={"Origin": "https://evil.example"}, timeout=60)
    assert evil.status_code == 403
    assert github.repo.issues[1].comments == []
    own = requests.post(url, data={"body": "hello"}, headers={"Origin": github.hub.url}, timeout=60)
    assert own.status_code == 200
    assert [one.body for one in github.repo.issues[1].comments] == ["hello"]


def test_it_answers_to_its_own_name_only(github: LocalHubFixture) -> None:
    for path in ("/", "/api/v3/app", "/ada/shop.git/info/refs"):
        answer = requests.get(github.hub.url + path, headers={"Host": "evil.example"}, timeout=60)
        assert answer.status_code == 421


def test_whoever_says_who_they_are_comes_back_to_a_page_of_ours(github: LocalHubFixture) -> None:
    for referrer, back in (
        (f"{github.hub.url}/ada/shop", f"{github.hub.url}/ada/shop"),
        ("https://evil.example/", "/"),
    ):
        answer = requests.post(
            f"{github.hub.url}/me",
            data={"login": "bob"},
            headers={"Referer": referrer},
            allow_redirects=False,
            timeout=60,
        )
        assert answer.headers["Location"] == back


@pytest.mark.parametrize(
    ("act", "fields", "says"),
    [
        ("label", {"label": "  "}, "Label name can&#39;t be blank."),
        ("label", {}, "Label name can&#39;t be blank."),
        ("comment", {"body": " "}, "Comment can&#39;t be blank."),
        ("unlabel", {"label": "none"}, "Label does not exist"),
        ("dance", {}, "There is no action “dance”."),
        ("merge", {}, "Pull Request is not mergeable"),
    ],
    ids=["blank", "missing", "empty", "not-there", "unknown", "no-pull"],
)
def test_what_does_not_go_is_said_in_a_sentence(
    github: LocalHubFixture, act: str, fields: dict[str, str], says: str
) -> None:
    github.issue()
    with browse(github) as session:
        answer = session.post(f"{github.hub.url}/ada/shop/issues/1/{act}", data=fields, timeout=60)
    assert 400 <= answer.status_code < 500
    assert says in answer.text
