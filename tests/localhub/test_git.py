"""Git over HTTP, with GitHub's permissions."""

from __future__ import annotations

import base64
import gzip
import subprocess
import urllib.request
from pathlib import Path

from tests.localhub.conftest import LocalHubFixture


def git(
    github: LocalHubFixture, folder: Path, *args: str, token: str = ""
) -> subprocess.CompletedProcess[str]:
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    if token:
        header = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        }
        env |= header
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    return subprocess.run(
        ["git", *who, *args], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_git_clones_and_pushes_with_a_token_and_not_without(github: LocalHubFixture, tmp_path: Path) -> None:
    url, work = f"{github.hub.url}/ada/shop.git", tmp_path / "shop"
    assert git(github, tmp_path, "clone", "-q", url, "shop").returncode == 0
    (work / "large.bin").write_bytes(bytes(range(256)) * 20_000)  # over a megabyte: git sends it in chunks
    git(github, work, "add", "-A")
    git(github, work, "commit", "-q", "-m", "Large")
    push = ("push", "-q", url, "HEAD:refs/heads/x")
    assert git(github, work, *push).returncode != 0
    assert (
        "Bad credentials" in git(github, work, *push, token="ghs_no").stderr
        or git(github, work, *push, token="x").returncode
    )
    assert git(github, work, *push, token=github.token(permissions={"contents": "read"})).returncode != 0
    done = git(github, work, *push, token=github.token())
    assert done.returncode == 0, done.stderr
    assert github.repo.store.branches()["x"] == git(github, work, "rev-parse", "HEAD").stdout.strip()


def test_a_push_that_changes_workflows_is_refused(github: LocalHubFixture, tmp_path: Path) -> None:
    url, work = f"{github.hub.url}/ada/shop.git", tmp_path / "shop"
    git(github, tmp_path, "clone", "-q", url, "shop")
    (work / ".github/workflows").mkdir(parents=True)
    (work / ".github/workflows/ci.yml").write_text("on: push\n")
    git(github, work, "add", "-A")
    git(github, work, "commit", "-q", "-m", "CI")
    done = git(github, work, "push", "-q", url, "HEAD:refs/heads/x", token=github.token())
    assert done.returncode != 0
    assert (
        "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml`"
        in done.stderr
    )
    assert "x" not in github.repo.store.branches()


def test_a_private_repository_is_hidden(github: LocalHubFixture, tmp_path: Path) -> None:
    github.hub.actions.add_repository("ada/secret", {"a": "b"}, private=True)
    url = f"{github.hub.url}/ada/secret.git"
    assert git(github, tmp_path, "clone", "-q", url).returncode != 0
    assert git(github, tmp_path, "clone", "-q", url, token=github.token()).returncode != 0


def test_a_long_request_comes_compressed_as_git_sends_it(github: LocalHubFixture) -> None:
    headers = {"Content-Encoding": "gzip", "Git-Protocol": "version=2"}
    body = gzip.compress(b"0014command=ls-refs\n0000")
    asked = urllib.request.Request(f"{github.hub.url}/ada/shop.git/git-upload-pack", body, headers)
    with urllib.request.urlopen(asked, timeout=20) as answer:
        assert b" refs/heads/main\n" in answer.read()
