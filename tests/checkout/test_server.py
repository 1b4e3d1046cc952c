"""Git over HTTP against a server that fails: each step of the table of failures, with real git on both sides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from dayhand.checkout.mirror import Author, Mirror
from dayhand.checkout.server import Recovery
from dayhand.errors import BranchMoved, CheckoutError, HubUnavailable, InstallationSuspended
from dayhand.hub.failures import TABLE, CallKind, Failure, Next
from dayhand.hub.permissions import PERMISSIONS
from dayhand.localhub.faults import RESET, ServerFault
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

    def call(self, head: str) -> None:
        """Push a commit, or read the refs without one."""
        if head:
            self.mirror.push(head, BRANCH, self.token, instead_of="")
        else:
            assert self.mirror.server.refs(("refs/heads/main",), self.token)

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
        if installation.suspended:
            raise InstallationSuspended("The App's installation has been suspended.")
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


SAMPLES: dict[Failure, ServerFault] = {
    Failure.LOST_ANSWER: ServerFault("", RESET),
    Failure.SERVER_FAULT: ServerFault("", 503),
    Failure.LIMIT: ServerFault("", 429),
    Failure.BAD_TOKEN: ServerFault("", 401),
    Failure.SUSPENDED: ServerFault("", 403, body="This installation has been suspended"),
    Failure.FORBIDDEN: ServerFault("", 403),
    Failure.MOVED: ServerFault("", 301, headers={"Location": "/x"}),
    Failure.OTHER: ServerFault("", 400),
}


@pytest.mark.parametrize("call", [CallKind.FETCH, CallKind.PUSH])
@pytest.mark.parametrize("failure", SAMPLES)
def test_each_cell_of_the_table_is_what_git_does(remote: Remote, failure: Failure, call: CallKind) -> None:
    """The first request of a fetch or push fails."""
    head = remote.commit() if call is CallKind.PUSH else ""
    where = f"info/refs.*git-{'receive' if head else 'upload'}-pack$"
    fault = replace(
        SAMPLES[failure], where=where, headers={**SAMPLES[failure].headers, "Content-Type": "text/plain"}
    )
    remote.hub.faults.waiting.append(fault)
    before = len(remote.hub.faults.requests)
    step = TABLE[failure][call]
    if step is Next.WAIT:
        with pytest.raises(HubUnavailable):
            remote.call(head)
    elif step is Next.GIVE_UP or failure is Failure.MOVED:  # it is at no other address
        with pytest.raises(CheckoutError):
            remote.call(head)
    else:
        remote.call(head)
    asked = [one for one in remote.hub.faults.requests[before:] if re.search(where, one)]
    again = step in (Next.RETRY, Next.NEW_TOKEN) or (step is Next.LOOK_UP and failure is not Failure.MOVED)
    assert len(asked) == 1 + again
    assert bool(remote.renewed) == (step is Next.NEW_TOKEN)
    assert remote.pauses == ([1.0] if again and step is not Next.NEW_TOKEN else [])


def test_the_cells_of_git_are_complete() -> None:
    possible = {failure for failure, cells in TABLE.items() if cells[CallKind.PUSH]}
    # each of these has a test below, and the full disk one in test_full_disk.py
    assert possible == {
        *SAMPLES,
        Failure.NO_CONNECTION,
        Failure.BRANCH_MOVED,
        Failure.RULE,
        Failure.FULL_DISK,
    }


@pytest.mark.parametrize("call", [CallKind.FETCH, CallKind.PUSH])
def test_a_server_that_takes_no_connection_is_asked_again(remote: Remote, call: CallKind) -> None:
    head = remote.commit()
    remote.mirror.server.url = "http://127.0.0.1:9/ada/shop.git"
    with pytest.raises(HubUnavailable, match="Failed to connect"):
        remote.call(head if call is CallKind.PUSH else "")
    assert remote.pauses == [1.0, 2.0]


@pytest.mark.parametrize("status", [502, RESET])
def test_a_fetch_is_retried_after_a_fault(remote: Remote, status: int) -> None:
    remote.hub.faults.add(FETCH, status)
    assert remote.mirror.fetch(("main",), remote.token)
    assert remote.pauses == [1.0]


def test_a_suspended_installation_is_waited_for(remote: Remote) -> None:
    remote.installation.suspended = True
    with pytest.raises(InstallationSuspended):
        remote.mirror.fetch(("main",), remote.token)


def test_a_fetch_that_keeps_failing_is_put_off(remote: Remote) -> None:
    remote.hub.faults.add(REFS, 502, times=3)
    with pytest.raises(HubUnavailable, match="502"):
        remote.mirror.fetch(("main",), remote.token)
    assert remote.pauses == [1.0, 2.0]


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


def test_a_push_that_a_request_of_ours_carried_out_meanwhile_is_a_success(remote: Remote) -> None:
    """Such as one of a killed worker. GitHub says “cannot lock ref … is at” our own commit."""
    head = remote.commit()
    hook = remote.repo.store.path / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\ngit update-ref "$1" "$3"\n')
    hook.chmod(0o755)
    remote.mirror.push(head, BRANCH, remote.token, instead_of="")
    assert remote.repo.store.branches()[BRANCH] == head
    assert (remote.pushes, remote.pauses) == (1, [])


def test_the_last_answer_that_was_lost_is_looked_up_too(remote: Remote) -> None:
    head = remote.commit()
    remote.hub.faults.add(PUSH, 502, times=2)
    remote.hub.faults.add(PUSH, 502, after=True)
    remote.mirror.push(head, BRANCH, remote.token, instead_of="")
    assert (remote.pushes, remote.pauses) == (3, [1.0, 2.0])


def test_a_branch_that_somebody_pushed_to_is_named_as_that(remote: Remote) -> None:
    theirs, ours = remote.commit("Theirs"), remote.commit("Ours")
    remote.mirror.push(theirs, BRANCH, remote.token, instead_of="")
    for instead_of in ("", None):
        with pytest.raises(BranchMoved, match="somebody else pushed first"):
            remote.mirror.push(ours, BRANCH, remote.token, instead_of=instead_of)
    assert remote.repo.store.branches()[BRANCH] == theirs


@pytest.mark.parametrize("where", [FETCH, PUSH])
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
