"""What is registered follows from a few choices, and a wrong choice is named before anything is sent."""

from __future__ import annotations

import json

import pytest

from dayhand.commands.setup.plan import AppPlan, enterprise_api, make_plan
from dayhand.errors import SettingsError
from dayhand.hub.permissions import EVENTS, PERMISSIONS
from dayhand.settings.table import PUBLIC_API

ENTERPRISE = "https://github.example.org/api/v3"
LOCAL = "http://127.0.0.1:8000/api/v3"


def plan(
    api_url: str = PUBLIC_API,
    organization: str = "acme",
    name: str = "",
    *,
    url: str = "https://dayhand.example.org",
    poll: bool = False,
) -> AppPlan:
    return make_plan(api_url, organization=organization, name=name, url=url, poll=poll)


def manifest(of: AppPlan) -> dict[str, object]:
    whole: dict[str, object] = json.loads(of.manifest("http://127.0.0.1:1/done"))
    return whole


def test_the_manifest_is_app_yml_with_the_choices() -> None:
    made = manifest(plan())
    assert made["default_permissions"] == PERMISSIONS
    assert tuple(made["default_events"]) == EVENTS  # type: ignore[arg-type]
    assert made["public"] is False
    assert (made["name"], made["url"]) == ("dayhand-acme", "https://dayhand.example.org")
    assert made["hook_attributes"] == {"url": "https://dayhand.example.org/webhook", "active": True}
    assert made["redirect_url"] == "http://127.0.0.1:1/done"
    assert "example.org/webhook" not in json.dumps(manifest(plan(url="", poll=True)))


def test_without_a_public_address_the_webhook_stays_active_and_the_list_is_read() -> None:
    """GitHub lists only what it tries to send: without a webhook there would be nothing to read."""
    made = plan(url="", poll=True)
    assert manifest(made)["hook_attributes"] == {"url": "https://dayhand.invalid/webhook", "active": True}
    assert made.settings() == {"DAYHAND_POLL": "5"}
    assert plan(poll=True).url == "https://dayhand.example.org", "or any other address that GitHub accepts"


FORMS = {  # the API, the organization, and where the manifest is posted
    "organization": (PUBLIC_API, "acme", "https://github.com/organizations/acme/settings/apps/new?state=s"),
    "user": (PUBLIC_API, "", "https://github.com/settings/apps/new?state=s"),
    "enterprise": (ENTERPRISE, "", "https://github.example.org/settings/apps/new?state=s"),
    "data residency": (
        "https://api.acme.ghe.com",
        "acme",
        "https://acme.ghe.com/organizations/acme/settings/apps/new?state=s",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_manifest_goes_to_the_owners_page(form: str) -> None:
    api_url, organization, address = FORMS[form]
    assert plan(api_url, organization).form_address("s") == address


def test_another_github_is_remembered() -> None:
    assert plan().settings() == {"DAYHAND_URL": "https://dayhand.example.org"}
    assert plan(ENTERPRISE).settings()["GITHUB_API_URL"] == ENTERPRISE


APIS = {
    "https://github.example.org": ENTERPRISE,
    "https://github.example.org/": ENTERPRISE,
    ENTERPRISE: ENTERPRISE,
    "https://acme.ghe.com": "https://api.acme.ghe.com",
    "https://github.com": PUBLIC_API,
    "http://127.0.0.1:8000": LOCAL,
}


@pytest.mark.parametrize("url", APIS)
def test_an_enterprises_api_follows_from_its_address(url: str) -> None:
    assert enterprise_api(url) == APIS[url]


WRONG = {  # the choices, and a part of the sentence
    "a long name": ({"name": "a" * 35}, "at most 34 characters"),
    "a name without letters": ({"name": "---"}, "cannot be the name of an App"),
    "a name with a line end": ({"name": "a\nb"}, "cannot be the name of an App"),
    "an organization's address": (
        {"organization": "https://github.com/acme"},
        "not the name of an organization",
    ),
    "an organization with a path": ({"organization": "acme/../x"}, "not the name of an organization"),
    "no address": ({"url": "dayhand.example.org"}, "is not an address"),
    "an address with a password": ({"url": "https://a:b@example.org"}, "is not an address"),
    "localhost": ({"url": "http://localhost:8080"}, "only known to this machine"),
    "loopback": ({"url": "http://127.0.0.1:8080"}, "only known to this machine"),
    "loopback, version 6": ({"url": "http://[::1]:8080"}, "only known to this machine"),
    "a private address": ({"url": "http://10.0.0.5"}, "only known to this machine"),
    "any address": ({"url": "http://0.0.0.0:8080"}, "only known to this machine"),
    "another API": ({"api_url": "https://github.example.org/api"}, "not the API of GitHub"),
    "GitLab": ({"api_url": "https://gitlab.com/api/v4"}, "not the API of GitHub"),
}


@pytest.mark.parametrize("form", WRONG)
def test_a_wrong_choice_is_named(form: str) -> None:
    choices, sentence = WRONG[form]
    with pytest.raises(SettingsError, match=sentence) as caught:
        plan(**choices)  # type: ignore[arg-type]
    assert caught.value.advice


def test_a_github_of_ones_own_reaches_private_addresses() -> None:
    assert plan(ENTERPRISE, url="http://10.0.0.5").url == "http://10.0.0.5"
    assert plan(LOCAL, url="http://127.0.0.1:8080").url == "http://127.0.0.1:8080"


def test_a_proposed_name_is_free_and_short_enough() -> None:
    assert plan(organization="").name != plan(organization="").name
    assert len(plan(organization="a" * 39).name) == 34
