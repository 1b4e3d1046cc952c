"""Fetches the images that people attached to texts on GitHub, from GitHub's own hosts and without credentials.

An attachment of a private repository is sent only to a signed address, which GitHub's HTML of the text has.
https://docs.github.com/get-started/writing-on-github/working-with-advanced-formatting/attaching-files
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from urllib.parse import urljoin

import requests
from urllib3.exceptions import HTTPError

from dayhand.errors import HubError
from dayhand.reading.conversation import Said
from dayhand.reading.images import MAX_IMAGE_BYTES, NO_IMAGE, NOT_FETCHED, OTHER_HOST, TOO_LARGE

HOSTS = ("user-images.githubusercontent.com", "private-user-images.githubusercontent.com")
STORAGE = "github-production-user-asset-6210df.s3.amazonaws.com"  # where github.com redirects to
PATH = re.compile(r"/(user-attachments/assets|storage/user/\d+/files|[\w.-]+/[\w.-]+/assets/\d+)/[\w.-]+")
# No user, no fragment and no escape: nothing that two programs could read as two hosts.
ADDRESS = re.compile(
    r"(https?://[A-Za-z0-9.-]+(?::\d{1,5})?)(/[A-Za-z0-9._~/-]*)(?:\?[\w.~&=%+/-]*)?", re.ASCII
)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SOURCE = re.compile(r'<img\b[^>]*?\bsrc="([^"]*)"')
TYPES = ("image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp")
MAX_REDIRECTS = 3
READ_SECONDS = 5.0
TOTAL_SECONDS = 15.0  # for all images of a task
CHUNK_BYTES = 64 * 1024


class Attachments:
    """The images attached to the texts of one repository."""

    def __init__(
        self, web: str, rendered: Callable[[Said], str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``web`` is the address of GitHub's pages; ``rendered`` gives GitHub's HTML of a text, or raises ``HubError``."""
        self._rendered = rendered
        self._web = web
        self._clock = clock
        self._deadline = clock() + TOTAL_SECONDS
        self._sources: dict[tuple[str, int, int], tuple[str, ...]] = {}

    def is_attachment(self, address: str) -> bool:
        """Whether an image is on GitHub's own hosts for what people attach."""
        return is_attachment(address, self._web)

    def fetch(self, said: Said, address: str) -> bytes | str:
        """The image of a text, or why it could not be fetched."""
        if self._clock() > self._deadline:
            return NOT_FETCHED
        try:
            return self._download(self._signed(said, address))
        except (requests.RequestException, HTTPError, OSError, ValueError):
            return NOT_FETCHED

    def _signed(self, said: Said, address: str) -> str:
        """The address of the same attachment in GitHub's HTML of the text, if it is there."""
        if (uuid := UUID.search(address)) is None:
            return address
        key = (said.kind, said.number, said.id)
        if key not in self._sources:
            self._sources[key] = self._find_sources(said)
        found = (one for one in self._sources[key] if uuid[0] in one and self.is_attachment(one))
        return next(found, address)

    def _find_sources(self, said: Said) -> tuple[str, ...]:
        try:
            return tuple(html.unescape(source) for source in SOURCE.findall(self._rendered(said)))
        except HubError:
            return ()

    def _download(self, address: str) -> bytes | str:
        with requests.Session() as session:
            for _ in range(MAX_REDIRECTS + 1):
                if not may_fetch(address, self._web):
                    return OTHER_HOST
                with session.get(
                    address,
                    headers={"Accept-Encoding": "identity"},
                    auth=_no_credentials,
                    allow_redirects=False,
                    stream=True,
                    timeout=READ_SECONDS,
                ) as response:
                    session.cookies.clear()
                    if not response.is_redirect:
                        return self._read(response)
                    address = urljoin(address, response.headers["Location"])
        return NOT_FETCHED

    def _read(self, response: requests.Response) -> bytes | str:
        if response.status_code != requests.codes.ok:
            return NOT_FETCHED
        if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() not in TYPES:
            return NO_IMAGE
        data = bytearray()
        while chunk := response.raw.read1(CHUNK_BYTES):
            data += chunk
            if len(data) > MAX_IMAGE_BYTES:
                return TOO_LARGE
            if self._clock() > self._deadline:
                return NOT_FETCHED
        return bytes(data)


def is_attachment(address: str, web: str) -> bool:
    """Whether an address is on GitHub's own hosts for attachments; ``web`` is the address of its pages."""
    parts = ADDRESS.fullmatch(address)
    if parts is None or "/.." in parts[2]:
        return False
    return parts[1] in [f"https://{host}" for host in HOSTS] or (
        parts[1] == web and PATH.fullmatch(parts[2]) is not None
    )


def may_fetch(address: str, web: str) -> bool:
    """The same, and the storage to which GitHub redirects."""
    parts = ADDRESS.fullmatch(address)
    return is_attachment(address, web) or (parts is not None and parts[1] == f"https://{STORAGE}")


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from reading a password for the host from ``~/.netrc``."""
    return request
