"""The pages: one does in the browser what one does on GitHub."""

from __future__ import annotations

import re

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
            ("close", "Close this issue", "closed"),
            ("reopen", "Reopen this issue", "open"),
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
        assert '<span class="add">+new' in page
        assert f'<a href="/ada/shop/issues/{issue.number}">#{issue.number}</a>' in page
        assert re.search(r"<button class=\"primary\" disabled>Merge", page)
        assert "<td><code>b</code></td>" in session.get(run["html_url"], timeout=5).text
        place.hub.world.make_ready(place.repo, place.repo.issues[number], place.ada)
        merged = session.post(f"{place.hub.url}/ada/shop/issues/{number}/merge", timeout=5).text
    assert "merged this as" in merged
    assert issue.state == "closed"


def test_hostile_text_is_only_text(place: Place) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    place.hub.world.open_issue(place.repo, place.bob, evil, f"{evil} [x](javascript:alert(1))")
    for path in ("/ada/shop/issues", "/ada/shop/issues/1"):
        page = requests.get(place.hub.url + path, timeout=5).text
        assert "<script>" not in page
        assert "<img" not in page
        assert "javascript:alert" not in page.replace("history.back", "").replace(
            "[x](javascript:alert(1))", ""
        )


def test_lists_and_files_are_there(place: Place) -> None:
    assert "ada/shop" in requests.get(place.hub.url, timeout=5).text
    head = place.repo.store.branches()["main"]
    page = requests.get(f"{place.hub.url}/ada/shop/blob/{head}/README.md", timeout=5).text
    assert '<span id="L1">' in page
    assert requests.get(f"{place.hub.url}/ada/shop/issues/99", timeout=5).status_code == 404
    assert requests.get(f"{place.hub.url}/nobody/here", timeout=5).status_code == 404
