"""Git LFS files from a server that may answer anything: only what a pointer names is kept."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from dayhand.checkout.external.lfs import MAX_BYTES, delete_oldest, fetch_lfs
from dayhand.checkout.mirror import Mirror
from tests.checkout.conftest import git

DATA = b"0123456789" * 100
OID = hashlib.sha256(DATA).hexdigest()
HERE, GONE = {"download": {"href": "HREF"}}, {"error": {"code": 404, "message": "Object does not exist"}}
OFFER = json.dumps({"objects": [{"oid": OID, "actions": HERE}]})

Serve = Callable[[str, bytes, int], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server with a batch answer, a content and a status; returns its address."""
    servers = []

    def start(answer: str, content: bytes, status: int) -> str:
        @Request.application
        def app(request: Request) -> Response:
            if request.path.endswith("/batch"):
                return Response(answer.replace("HREF", f"{request.host_url}content"), status)
            return Response(content)

        server = make_server("127.0.0.1", 0, app)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/ada/shop.git"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def fetch(mirror: Mirror, url: str, *, size: int = len(DATA)) -> tuple[list[bytes], tuple[str, ...]]:
    origin = Path(mirror.url)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize {size}\n"
    blob = git(origin, "hash-object", "-w", "--stdin", stdin=pointer.encode())
    git(origin, "update-index", "--add", "--cacheinfo", f"100755,{blob},data/a b.bin")
    commit = git(origin, "commit-tree", git(origin, "write-tree"), "-m", "LFS")
    git(origin, "update-ref", "refs/heads/main", commit)
    mirror.fetch(("main",), "")
    mirror.server.url = url
    files, absent = fetch_lfs(mirror, commit, "a token")
    assert {*absent} <= {"data/a b.bin"}
    problems = tuple(absent.values())
    assert {one.path for one in files} <= {"data/a b.bin"}
    assert {one.mode for one in files} <= {0o755}
    left = {one.name for one in (mirror.path.with_suffix(".lfs")).glob("*")}
    assert left == ({OID} if files else set()), "nothing else stays"
    return [one.content.read_bytes() for one in files], problems


def test_what_the_pointer_names_is_kept_and_not_asked_for_again(mirror: Mirror, serve: Serve) -> None:
    origin = mirror.url
    assert fetch(mirror, serve(OFFER, DATA, 200)) == ([DATA], ())
    mirror.server.url = origin
    assert fetch(mirror, "http://127.0.0.1:9/nobody/there.git") == ([DATA], ())


@pytest.mark.parametrize(
    ("answer", "content", "status", "says"),
    [
        (OFFER, DATA[:-1], 200, "is not what the pointer names"),
        (OFFER, DATA[:-1] + b"x", 200, "is not what the pointer names"),
        (OFFER, DATA * 2, 200, "is not what the pointer names"),
        (OFFER, DATA, 403, "403"),
        (OFFER, DATA, 302, "302"),
        ("<html>", DATA, 200, "does not offer it"),
        ("[]", DATA, 200, "no list of objects"),
        ('{"objects": {}}', DATA, 200, "no list of objects"),
        ('{"objects": []}', DATA, 200, "does not say where it is"),
        ('{"objects": [1]}', DATA, 200, "does not say where it is"),
        (json.dumps({"objects": [{"oid": OID, **GONE}]}), DATA, 200, "Object does not exist"),
        (json.dumps({"objects": [{"oid": OID, "actions": {"download": {"href": "file:///etc/passwd"}}}]}), DATA, 200, "cannot be downloaded"),
        (json.dumps({"objects": [{"oid": OID, "actions": {"download": {"href": 1}}}]}), DATA, 200, "does not say where it is"),
    ],
)  # fmt: skip
def test_anything_else_is_named(
    mirror: Mirror, serve: Serve, answer: str, content: bytes, status: int, says: str
) -> None:
    files, (problem,) = fetch(mirror, serve(answer, content, status))
    assert files == []
    assert problem.startswith("The Git LFS file data/a b.bin is only a pointer: ")
    assert says in problem


def test_what_is_too_large_is_not_asked_for(mirror: Mirror) -> None:
    files, (problem,) = fetch(mirror, "http://127.0.0.1:9/nobody/there.git", size=MAX_BYTES + 1)
    assert files == []
    assert "(limit: 50 MB)" in problem


def test_the_files_of_all_repositories_that_were_not_used_for_longest_are_deleted(tmp_path: Path) -> None:
    for number, name in enumerate(("a.lfs/1", "b.lfs/2", "a.lfs/3", "b.lfs/4")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 10)
        os.utime(path, (1000 + number, 1000 + number))
    os.utime(tmp_path / "b.lfs/4")
    delete_oldest(tmp_path, max_bytes=25)
    assert sorted(path.name for path in tmp_path.glob("*.lfs/*")) == ["3", "4"]
    delete_oldest(tmp_path, max_bytes=0)
    assert [path.name for path in tmp_path.glob("*.lfs/*")] == ["4"], "a task may be using it"
