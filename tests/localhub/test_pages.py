"""The pages: one does in the browser what one does on GitHub."""

from __future__ import annotations

import re

import pytest
import requests

from tests.localhub.conftest import Place


def browse(place: Place, who: str = "ada") -> requests.Session:
    """A browser in which one has said who one is."""
    session = requests.Session()
    session.cookies.set("me", who)
    return session


def test_an_issue_is_opened_labelled_and_commented_on(place: Place) -> None:
    with browse(place) as session:
        url = f"{place.hub.url}/ada/shop/issues"
        page = session.post(url, data={"title": "Wrong order", "body": "It is **upside down**."}, timeout=5)
        assert page.url == f"{url}/1"
        assert "<strong>upside down</strong>" in page.text
        assert "codex ×" in session.post(f"{url}/1/label", data={"label": "codex"}, timeout=5).text
        assert (
            "@bot</b> fix this"
            in session.post(f"{url}/1/comment", data={"body": "@bot fix this"}, timeout=5).text
        )
    place.hub.wait_idle()
    assert [one["action"] for one in place.ear.of("issues")] == ["opened", "labeled"]
    (heard,) = place.ear.of("issue_comment")
    assert (heard["comment"]["body"], heard["sender"]["login"]) == ("@bot fix this", "ada")


def test_an_issue_is_closed_and_opened_again_by_the_button_beside_the_comment(place: Place) -> None:
    issue = place.issue()
    with browse(place) as session:
        url = f"{place.hub.url}/ada/shop/issues/{issue.number}"
        for act, word, state in (
            ("close", "Close", "closed"),
            ("reopen", "Reopen", "open"),
        ):
            page = session.get(url, timeout=5).text
            assert f'formaction="/ada/shop/issues/{issue.number}/{act}" formnovalidate>{word}<' in page
            session.post(f"{url}/{act}", data={"body": ""}, timeout=5)
            assert issue.state == state


def test_who_may_not_is_told_so(place: Place) -> None:
    issue = place.issue()
    with browse(place, "bob") as session:
        url = f"{place.hub.url}/ada/shop/issues/{issue.number}"
        answer = session.post(f"{url}/label", data={"label": "codex"}, timeout=5)
        assert answer.status_code == 403
        assert "bob may not do that here" in answer.text
        assert session.post(f"{url}/comment", data={"body": "but I may say so"}, timeout=5).status_code == 200
    assert issue.labels == []


def test_a_pull_request_shows_its_diff_and_checks_and_is_merged(place: Place) -> None:
    issue = place.issue()
    sha = place.branch("x")
    wanted = {"title": "More", "head": "x", "base": "main", "body": f"Fixes #{issue.number}", "draft": True}
    number = place.ask("POST", "/repos/ada/shop/pulls", json=wanted).json()["number"]
    output = {"title": "All is well", "summary": "s", "text": "| a |\n|---|\n| `b` |"}
    check = {"name": "dayhand", "head_sha": sha, "conclusion": "success", "output": output}
    run = place.ask("POST", "/repos/ada/shop/check-runs", json=check).json()
    url = f"{place.hub.url}/ada/shop/pull/{number}"
    with browse(place) as session:
        page = session.get(url, timeout=5).text
        assert "All is well" in page
        assert '<span class="add" data-n="1">+new' in page
        assert f'<a href="/ada/shop/issues/{issue.number}">#{issue.number}</a>' in page
        assert re.search(r"<button class=\"primary\" disabled>Merge", page)
        assert "<td><code>b</code></td>" in session.get(run["html_url"], timeout=5).text
        place.hub.actions.make_ready(place.repo, place.repo.issues[number], place.ada)
        merged = session.post(f"{place.hub.url}/ada/shop/issues/{number}/merge", timeout=5).text
    assert "merged this as" in merged
    assert issue.state == "closed"


def test_hostile_text_is_only_text(place: Place) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    place.hub.actions.open_issue(place.repo, place.bob, evil, body=f"{evil} [x](javascript:alert(1))")
    for path in ("/ada/shop/issues", "/ada/shop/issues/1"):
        answer = requests.get(place.hub.url + path, timeout=5)
        page = answer.text
        assert "'unsafe" not in answer.headers["Content-Security-Policy"]
        assert "<script>" not in page
        assert "<img" not in page
        assert "javascript:alert" not in page.replace("[x](javascript:alert(1))", "")


def test_lists_and_files_are_there(place: Place) -> None:
    assert "ada/shop" in requests.get(place.hub.url, timeout=5).text
    head = place.repo.store.branches()["main"]
    page = requests.get(f"{place.hub.url}/ada/shop/blob/{head}/README.md", timeout=5).text
    assert '<span id="L1">' in page
    tree = requests.get(f"{place.hub.url}/ada/shop/tree/main", timeout=5).text
    assert f"/ada/shop/blob/{head}/README.md" in tree
    commit = requests.get(f"{place.hub.url}/ada/shop/commit/{head}", timeout=5).text
    assert "First version" in commit
    assert '<span class="add" data-n="1">+# Shop' in commit
    assert requests.get(f"{place.hub.url}/ada/shop/commit/{'1' * 40}", timeout=5).status_code == 404
    place.hub.actions.add_repository("ada/bare", {})
    assert "is empty" in requests.get(f"{place.hub.url}/ada/bare/tree/main", timeout=5).text
    assert requests.get(f"{place.hub.url}/ada/shop/issues/99", timeout=5).status_code == 404
    assert requests.get(f"{place.hub.url}/nobody/here", timeout=5).status_code == 404


def test_an_issue_names_the_pull_request_that_closes_it(place: Place) -> None:
    issue = place.issue()
    place.branch("x")
    actions, repo = place.hub.actions, place.repo
    pull = actions.open_pull(
        repo, place.ada, "Mend it", body=f"Fixes #{issue.number}", head="x", base="main", draft=False
    )
    page = requests.get(f"{place.hub.url}/ada/shop/issues/{issue.number}", timeout=5).text
    assert f'<a href="/ada/shop/pull/{pull.number}"><bdi>Mend it</bdi> #{pull.number}</a>' in page


def test_a_newline_in_a_comment_is_a_new_line(place: Place) -> None:
    place.hub.actions.open_issue(place.repo, place.bob, "Title", body="Thanks\nBob")
    assert "Thanks<br" in requests.get(f"{place.hub.url}/ada/shop/issues/1", timeout=5).text


@pytest.mark.parametrize("act", ["label", "unlabel", "merge", "close", "reopen"])
def test_nothing_is_changed_by_looking(place: Place, act: str) -> None:
    place.issue()
    answer = requests.get(f"{place.hub.url}/ada/shop/issues/1/{act}?label=codex", timeout=5)
    assert answer.status_code in (404, 405)
    assert place.repo.issues[1].labels == []
    assert place.repo.issues[1].state == "open"


def test_a_page_of_another_site_cannot_act_here(place: Place) -> None:
    place.issue()
    url = f"{place.hub.url}/ada/shop/issues/1/comment"
    evil = requests.post(url, data={"body": "@bot"}, headers={"Origin": "https://evil.example"}, timeout=5)
    assert evil.status_code == 403
    assert place.repo.issues[1].comments == []
    own = requests.post(url, data={"body": "hello"}, headers={"Origin": place.hub.url}, timeout=5)
    assert own.status_code == 200
    assert [one.body for one in place.repo.issues[1].comments] == ["hello"]


def test_it_answers_to_its_own_name_only(place: Place) -> None:
    for path in ("/", "/api/v3/app", "/ada/shop.git/info/refs"):
        answer = requests.get(place.hub.url + path, headers={"Host": "evil.example"}, timeout=5)
        assert answer.status_code == 421


def test_whoever_says_who_they_are_comes_back_to_a_page_of_ours(place: Place) -> None:
    for referrer, back in (
        (f"{place.hub.url}/ada/shop", f"{place.hub.url}/ada/shop"),
        ("https://evil.example/", "/"),
    ):
        answer = requests.post(
            f"{place.hub.url}/me",
            data={"login": "bob"},
            headers={"Referer": referrer},
            allow_redirects=False,
            timeout=5,
        )
        assert answer.headers["Location"] == back


@pytest.mark.parametrize(
    ("act", "fields", "says"),
    [
        ("label", {"label": "  "}, "The label has no name."),
        ("label", {}, "The label has no name."),
        ("comment", {"body": " "}, "The comment is empty: write something first."),
        ("unlabel", {"label": "none"}, "Label does not exist"),
        ("dance", {}, "There is no such act."),
        ("merge", {}, "Pull Request is not mergeable"),
    ],
    ids=["blank", "missing", "empty", "not-there", "unknown", "no-pull"],
)
def test_what_does_not_go_is_said_in_a_sentence(
    place: Place, act: str, fields: dict[str, str], says: str
) -> None:
    place.issue()
    with browse(place) as session:
        answer = session.post(f"{place.hub.url}/ada/shop/issues/1/{act}", data=fields, timeout=5)
    assert 400 <= answer.status_code < 500
    assert says in answer.text
