"""Git over HTTP against a server that fails: each step of the table of failures, with real git on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dayhand.checkout.mirror import Author, Mirror
from dayhand.checkout.server import Recovery
from dayhand.errors import BranchMoved, CheckoutError, HubUnavailable
from dayhand.hub.permissions import PERMISSIONS
from dayhand.localhub.faults import RESET
from dayhand.localhub.server import LocalHub
from dayhand.localhub.state.models import Installation, Repository

BOT = Author("dayhand[bot]", "7+dayhand[bot]@users.noreply.github.com")
REFS, FETCH, PUSH = "git-upload-pack$", "POST .*git-upload-pack", "POST .*git-receive-pack"
BRANCH = "dayhand/1-x"


@dataclass
class Remote:
    hub: LocalHub
    repo: Repository
    installation: Installation
    mirror: Mirror
    token: str
    pauses: list[float] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)

    def commit(self, message: str = "Ours") -> str:
        head = self.mirror.fetch(("main",), self.token)["main"]
        return self.mirror.commit(self.mirror.tree(head), head, f"{message}\n", author=BOT, when=1.0)

    @property
    def pushes(self) -> int:
        return sum("POST" in request and "receive-pack" in request for request in self.hub.faults.requests)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    with LocalHub(tmp_path_factory.mktemp("github")) as hub:
        hub.actions.add_app(
            "dayhand", permissions=PERMISSIONS, events=(), webhook_url="", secret="s", owner="ada"
        )
        yield hub


@pytest.fixture
def remote(hub: LocalHub, tmp_path: Path) -> Remote:
    """A repository of its own for each test."""
    hub.faults.waiting.clear()
    hub.faults.requests.clear()
    name = f"ada/shop-{tmp_path.name}"
    repo = hub.actions.add_repository(name, {"a.txt": "a\n"}, private=True)
    (app,) = hub.actions.apps.values()
    installation = hub.actions.install(app, "ada", [name], silent=True)

    pauses: list[float] = []

    def mint(rejected: str = "") -> str:
        remote.renewed += [rejected] if rejected else []
        return hub.tokens.create(installation, PERMISSIONS, (repo.full_name,))[0]

    recovery = Recovery(
        renew=mint,
        locate=lambda: f"{hub.url}/{repo.full_name}.git",
        pauses=(1.0, 2.0),
        sleep=pauses.append,
    )
    mirror = Mirror(tmp_path / "mirrors" / "x.git", f"{hub.url}/{name}.git", recovery=recovery)
    remote = Remote(hub, repo, installation, mirror, "", pauses)
    remote.token = mint()
    return remote


@pytest.mark.parametrize("status", [502, 503, 504, RESET])
@pytest.mark.parametrize("where", [REFS, FETCH])
def test_a_fetch_is_retried_after_a_fault(remote: Remote, where: str, status: int) -> None:
    remote.hub.faults.add(where, status)
    assert remote.mirror.fetch(("main",), remote.token)
    assert remote.pauses == [1.0]


def test_a_fetch_that_keeps_failing_is_put_off(remote: Remote) -> None:
    remote.hub.faults.add(REFS, 502, times=3)
    with pytest.raises(HubUnavailable, match="502"):
        remote.mirror.fetch(("main",), remote.token)
    assert remote.pauses == [1.0, 2.0]


def test_a_rate_limit_is_waited_for_elsewhere(remote: Remote) -> None:
    remote.hub.faults.add(REFS, 429)
    with pytest.raises(HubUnavailable, match="429"):
        remote.mirror.fetch(("main",), remote.token)
    assert remote.pauses == []


@pytest.mark.parametrize("status", [502, RESET])
def test_a_push_that_did_not_arrive_is_repeated(remote: Remote, status: int) -> None:
    head = remote.commit()
    remote.hub.faults.add(PUSH, status)
    remote.mirror.push(head, BRANCH, remote.token, instead_of="")
    assert remote.repo.store.branches()[BRANCH] == head
    assert remote.pushes == 2


@pytest.mark.parametrize("status", [502, RESET])
def test_a_push_whose_answer_was_lost_is_looked_up_and_not_repeated(remote: Remote, status: int) -> None:
    head = remote.commit()
    remote.hub.faults.add(PUSH, status, after=True)
    remote.mirror.push(head, BRANCH, remote.token, instead_of="")
    assert remote.repo.store.branches()[BRANCH] == head
    assert remote.pushes == 1


def test_a_branch_that_is_at_our_own_commit_is_a_success(remote: Remote) -> None:
    head = remote.commit()
    remote.mirror.push(head, BRANCH, remote.token, instead_of="")
    remote.mirror.push(head, BRANCH, remote.token, instead_of="")  # “stale info”: it is not new any more


def test_a_branch_that_somebody_pushed_to_is_named_as_that(remote: Remote) -> None:
    theirs, ours = remote.commit("Theirs"), remote.commit("Ours")
    remote.mirror.push(theirs, BRANCH, remote.token, instead_of="")
    for instead_of in ("", None):
        with pytest.raises(BranchMoved, match="somebody else pushed first"):
            remote.mirror.push(ours, BRANCH, remote.token, instead_of=instead_of)
    assert remote.repo.store.branches()[BRANCH] == theirs


@pytest.mark.parametrize("where", [REFS, FETCH, PUSH])
def test_a_token_that_expires_is_replaced_in_the_middle(remote: Remote, where: str) -> None:
    head = remote.commit() if where is PUSH else ""
    remote.hub.faults.add(where, 401)
    if head:
        remote.mirror.push(head, BRANCH, remote.token, instead_of="")
    assert remote.mirror.fetch(("main",), remote.token)
    assert remote.renewed == [remote.token]
    assert remote.pauses == []


def test_an_installation_that_is_removed_ends_it_with_what_to_check(remote: Remote) -> None:
    remote.hub.actions.uninstall(remote.installation)
    with pytest.raises(CheckoutError, match="accepts no token of the App") as refused:
        remote.mirror.fetch(("main",), remote.token)
    assert refused.value.advice == "Check that the App is still installed on this repository."
    assert len(remote.renewed) == 2


def test_a_renamed_repository_is_found_again(remote: Remote) -> None:
    remote.hub.actions.rename(remote.repo, "store")
    assert remote.mirror.fetch(("main",), remote.token)
    assert remote.mirror.url.endswith("/ada/store.git")


def test_a_repository_that_is_gone_is_said_to_be_gone(remote: Remote) -> None:
    remote.hub.faults.add(REFS, 404, times=9)
    with pytest.raises(CheckoutError, match="not found") as refused:
        remote.mirror.fetch(("main",), remote.token)
    assert "App is installed on it" in refused.value.advice


def test_a_rule_that_declines_a_push_is_quoted(remote: Remote) -> None:
    head = remote.commit()
    hook = remote.repo.store.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\necho 'error: GH013: Repository rule violations found for refs/heads/x.' >&2\n"
        "echo '- Commits must have verified signatures.' >&2\nexit 1\n"
    )
    hook.chmod(0o755)
    with pytest.raises(CheckoutError, match=r"GH013.*Commits must have verified signatures") as refused:
        remote.mirror.push(head, BRANCH, remote.token, instead_of="")
    assert "exempt branches that begin with “dayhand/”" in refused.value.advice
    assert remote.pushes == 1
