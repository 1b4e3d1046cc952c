"""Images are fetched from GitHub's own hosts only, without credentials and within limits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dayhand.hub.attachments import Attachments, is_attachment, may_fetch
from dayhand.localhub.state.reviews import LineNote
from dayhand.reading.conversation import Said
from dayhand.reading.images import MAX_IMAGE_BYTES, NO_IMAGE, NOT_FETCHED, OTHER_HOST, TOO_LARGE
from tests.hub.conftest import Place

PNG = b"\x89PNG\r\n\x1a\nIEND\xaeB`\x82"
ID = "8a1f5a0e-1d4c-4a5e-9a57-2f9d8f3c1b11"
GITHUB, GHES = "https://github.com", "https://git.example.org"

# The address of an image, the address of GitHub's pages, and whether it is fetched.
ADDRESSES: tuple[tuple[str, str, bool], ...] = (
    (f"https://github.com/user-attachments/assets/{ID}", GITHUB, True),
    (f"https://github.com/ada/shop/assets/17/{ID}", GITHUB, True),
    (f"https://user-images.githubusercontent.com/17/{ID}.png", GITHUB, True),
    (f"https://private-user-images.githubusercontent.com/17/1-{ID}.png?jwt=eyJh.eyJp-_.x", GITHUB, True),
    (f"https://git.example.org/storage/user/17/files/{ID}", GHES, True),
    (f"https://git.example.org/user-attachments/assets/{ID}", GITHUB, False),
    (f"https://github.com/user-attachments/assets/{ID}", GHES, False),
    (f"http://github.com/user-attachments/assets/{ID}", GITHUB, False),
    (f"https://github.com:8443/user-attachments/assets/{ID}", GITHUB, False),
    (f"https://github.com.evil.example/user-attachments/assets/{ID}", GITHUB, False),
    (f"https://github.com@evil.example/user-attachments/assets/{ID}", GITHUB, False),
    (f"https://evil.example\\@github.com/user-attachments/assets/{ID}", GITHUB, False),
    (f"https://evil.example#@github.com/user-attachments/assets/{ID}", GITHUB, False),
    (f"https://github.com/user-attachments/assets/../../logout?{ID}", GITHUB, False),
    (f"https://github.com/user-attachments/assets/%2e%2e/{ID}", GITHUB, False),
    (f"https://github.com/user-attachments/files/17/{ID}.png", GITHUB, False),
    ("https://github.com/ada/shop/raw/main/a.png", GITHUB, False),
    ("https://raw.githubusercontent.com/ada/shop/main/a.png", GITHUB, False),
    ("https://camo.githubusercontent.com/aaaa/bbbb", GITHUB, False),
    ("https://api.github.com/user", GITHUB, False),
    ("http://169.254.169.254/latest/meta-data", GITHUB, False),
    ("http://127.0.0.1:6379/user-attachments/assets/a", GITHUB, False),
    (f"//github.com/user-attachments/assets/{ID}", GITHUB, False),
    ("file:///etc/passwd", GITHUB, False),
    ("data:image/png;base64,iVBORw0KGgo=", GITHUB, False),
    ("", GITHUB, False),
    (f"https://github.com/user-attachments/assets/{ID}\nHost: x", GITHUB, False),
)


@pytest.mark.parametrize(("address", "web", "allowed"), ADDRESSES)
def test_only_attachments_on_githubs_own_hosts_are_fetched(address: str, web: str, *, allowed: bool) -> None:
    assert is_attachment(address, web) is allowed
    assert may_fetch(address, web) is allowed


def test_githubs_storage_is_fetched_after_a_redirect_only() -> None:
    storage = f"https://github-production-user-asset-6210df.s3.amazonaws.com/17/{ID}.png?X-Amz-Date=2%2F3"
    assert may_fetch(storage, GITHUB)
    assert not is_attachment(storage, GITHUB)


class _Handler(BaseHTTPRequestHandler):
    """Answers each path of ``ANSWERS`` with its status, headers and body; other attachments with what was asked."""

    seen: list[dict[str, str]] = []  # noqa: RUF012 - the headers of each request, for one test

    def do_GET(self) -> None:
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        status, headers, body = ANSWERS[self.path.rpartition("/")[2]]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value.replace("HERE", f"http://{self.headers['Host']}"))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


PNG_TYPE = {"Content-Type": "image/png"}
# What a server answers, and what becomes of the image.
ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "image": (200, PNG_TYPE, PNG),
    "moved": (302, {"Location": "image", "Set-Cookie": "a=b"}, b""),
    "elsewhere": (302, {"Location": "http://localhost/user-attachments/assets/image"}, b""),
    "inside": (302, {"Location": "HERE/admin"}, b""),
    "again": (302, {"Location": "again"}, b""),
    "absent": (404, PNG_TYPE, b""),
    "page": (200, {"Content-Type": "text/html"}, PNG),
    "svg": (200, {"Content-Type": "image/svg+xml"}, b"<svg/>"),
    "large": (200, PNG_TYPE, PNG + bytes(MAX_IMAGE_BYTES)),
    "short": (200, {**PNG_TYPE, "Content-Length": "9000"}, b"no"),
    "nonsense": (302, {"Location": "http://[::1"}, b""),
}
RESULTS: dict[str, bytes | str] = {
    "image": PNG,
    "moved": PNG,
    "elsewhere": OTHER_HOST,
    "inside": OTHER_HOST,
    "again": NOT_FETCHED,
    "absent": NOT_FETCHED,
    "page": NO_IMAGE,
    "svg": NO_IMAGE,
    "large": TOO_LARGE,
    "short": NOT_FETCHED,
    "nonsense": NOT_FETCHED,
}


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", RESULTS)
def test_what_is_fetched_and_what_is_not(web: str, name: str) -> None:
    fetched = Attachments(web, lambda _: "").fetch(SAID, f"{web}/user-attachments/assets/{name}")
    assert fetched == RESULTS[name]
    assert not any("cookie" in headers or "authorization" in headers for headers in _Handler.seen)


def test_a_password_for_the_host_in_netrc_is_not_sent(
    web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    _Handler.seen.clear()
    assert Attachments(web, lambda _: "").fetch(SAID, f"{web}/user-attachments/assets/image") == PNG
    (headers,) = _Handler.seen
    assert "authorization" not in headers


def test_after_the_time_for_all_images_no_more_are_fetched(web: str) -> None:
    times = iter([0.0, 0.0, 1.0, 99.0])
    attachments = Attachments(web, lambda _: "", clock=lambda: next(times))
    address = f"{web}/user-attachments/assets/image"
    assert [attachments.fetch(SAID, address) for _ in range(2)] == [PNG, NOT_FETCHED]


SAID = Said("comment", 3, "ada", 10.0, "", number=1)


def test_each_kind_of_text_leads_to_the_signed_address(place: Place) -> None:
    actions = place.server.actions
    address = actions.attachments.add(PNG)
    text = f"![a]({address})"
    place.issue.body = text
    comment = actions.comment(place.repo, place.issue, place.ada, body=text)
    place.branch("dayhand/1-wrong-order")
    number = place.there.open_pull("dayhand/1-wrong-order", "main", "T", body=text).number
    pull = place.repo.issues[number]
    actions.review(
        place.repo, pull, place.ada, event="COMMENT", body=text, notes=[LineNote("new.txt", 1, text)]
    )
    assert pull.pull
    review, note = pull.pull.reviews[0], pull.pull.threads[0].comments[0]
    texts = (
        replace(SAID, kind="issue", id=0),
        replace(SAID, id=comment.id),
        replace(SAID, kind="pull request", id=0, number=number),
        replace(SAID, kind="review", id=review.id, number=number),
        replace(SAID, kind="review comment", id=note.id, number=number),
    )
    attachments = Attachments(place.server.url, place.there.rendered)
    assert [attachments.fetch(said, address) for said in texts] == [PNG] * 5
    gone = replace(SAID, id=comment.id + 999)
    assert attachments.fetch(gone, address) == NOT_FETCHED  # the plain address has no signature
