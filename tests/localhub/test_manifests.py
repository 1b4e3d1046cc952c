"""An App is registered from a manifest as strictly as on GitHub, and its credentials are given once."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.localhub.conftest import LocalHubFixture
from tests.localhub.payload_schema import validate_webhook

MANIFEST: dict[str, Any] = {
    "name": "My Bot",
    "url": "https://example.org",
    "hook_attributes": {"url": "http://127.0.0.1:9/webhook"},
    "redirect_url": "http://127.0.0.1:9/done",
    "default_permissions": {"metadata": "read", "issues": "write"},
    "default_events": ["issues"],
}
REFUSED = {  # what is changed in the manifest (None: left out), and a part of GitHub's sentence
    "no url": ({"url": None}, '"url" wasn\'t supplied'),
    "a hook without a url": ({"hook_attributes": {"active": False}}, '"url" wasn\'t supplied'),
    "an event that comes by itself": (
        {"default_events": ["installation"]},
        "events unsupported: installation",
    ),
    "an event without its permission": ({"default_events": ["push"]}, "not supported by permissions: push"),
    "an unknown permission": ({"default_permissions": {"everything": "write"}}, "not included in the list"),
    "an unknown level": ({"default_permissions": {"issues": "all"}}, "not included in the list"),
    "an unknown key": ({"webhook": "https://example.org"}, "not a permitted key"),
    "no way back": ({"redirect_url": None}, "redirect_url"),
}
NAMES = {
    "taken by an App": ("Dayhand", "Name is already taken"),
    "taken by a user": ("bob", "Name is already taken"),
    "35 characters": ("a" * 35, "maximum is 34 characters"),
    "only spaces": ("  ", "Name can't be blank"),
}


def submit(github: LocalHubFixture, *, owner: str = "settings", **changes: Any) -> requests.Response:
    """The manifest as another site's form sends it."""
    text = json.dumps({key: value for key, value in (MANIFEST | changes).items() if value is not None})
    address = f"{github.hub.url}/{owner}/apps/new?state=s1"
    origin = {"Origin": "http://127.0.0.1:1"}
    return requests.post(address, data={"manifest": text}, headers=origin, timeout=60)


def confirm(page: requests.Response, name: str = "My Bot") -> requests.Response:
    return requests.post(page.url, data={"name": name}, allow_redirects=False, timeout=60)


@pytest.mark.parametrize("form", REFUSED)
def test_a_manifest_that_github_refuses_is_refused(github: LocalHubFixture, form: str) -> None:
    changes, sentence = REFUSED[form]
    page = submit(github, **changes)
    assert page.status_code == 422
    assert sentence in page.text.replace("&#34;", '"').replace("&#39;", "'")


@pytest.mark.parametrize("form", NAMES)
def test_a_name_that_github_refuses_is_refused_and_another_can_be_chosen(
    github: LocalHubFixture, form: str
) -> None:
    name, sentence = NAMES[form]
    page = submit(github)
    refused = confirm(page, name)
    assert (refused.status_code, sentence in refused.text.replace("&#39;", "'")) == (422, True)
    assert confirm(page).status_code == 302


def test_the_code_gives_the_credentials_once_and_the_app_is_pinged(github: LocalHubFixture) -> None:
    back = confirm(submit(github, hook_attributes={"url": github.app.webhook_url})).headers["Location"]
    query = parse_qs(urlsplit(back).query)
    assert (back.partition("?")[0], query["state"]) == ("http://127.0.0.1:9/done", ["s1"])
    path = f"/app-manifests/{query['code'][0]}/conversions"

    credentials = github.call("POST", path).json()

    assert (credentials["slug"], credentials["permissions"]) == ("my-bot", MANIFEST["default_permissions"])
    assert credentials["pem"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert github.call("POST", path).status_code == 404
    github.hub.wait_idle()
    (ping,) = [body for headers, body in github.receiver.received if headers["X-GitHub-Event"] == "ping"]
    assert validate_webhook("ping", ping) == "ping"
    assert json.loads(ping)["hook"]["app_id"] == credentials["id"]


def test_a_code_is_good_for_an_hour(github: LocalHubFixture) -> None:
    back = confirm(submit(github)).headers["Location"]
    code = parse_qs(urlsplit(back).query)["code"][0]
    later = github.hub.manifests.clock() + 3601
    github.hub.manifests.clock = lambda: later
    assert github.call("POST", f"/app-manifests/{code}/conversions").status_code == 404


def test_an_organizations_app_is_its_owners_to_register_and_to_install(github: LocalHubFixture) -> None:
    actions = github.hub.actions
    acme = actions.add_organization("acme", github.ada)
    actions.add_organization("others", github.bob)
    actions.add_repository("acme/shop", {"README.md": "# Shop\n"})
    assert submit(github, owner="organizations/others/settings").status_code == 404
    assert submit(github, owner="organizations/nobody/settings").status_code == 404
    assert confirm(submit(github, owner="organizations/acme/settings")).status_code == 302
    page = f"{github.hub.url}/apps/my-bot/installations"

    assert "ada/shop" not in requests.get(f"{page}/new", timeout=60).text, "a private App is its owner's"
    assert requests.post(page, data={"repository": "ada/shop"}, timeout=60).status_code == 403
    foreign = requests.post(page, data={"repository": "acme/shop"}, cookies={"me": "bob"}, timeout=60)
    assert (foreign.status_code, len(actions.installations)) == (403, 1)
    done = requests.post(page, data={"repository": "acme/shop"}, timeout=60)
    assert "Installed on acme: acme/shop" in done.text
    assert [one.account for one in actions.installations.values() if one.app.slug == "my-bot"] == [acme]


def test_an_app_without_a_webhook_is_sent_nothing_and_has_no_list(github: LocalHubFixture) -> None:
    github.hub.wait_idle()
    before = len(github.hub.webhooks.deliveries)
    github.app.webhook_url = ""
    github.issue()
    assert len(github.hub.webhooks.deliveries) == before
