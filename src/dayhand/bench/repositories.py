"""Real repositories for the bench: what their makers published as source, pinned by name, version and SHA-256.

They come from the registries that this machine's own clients are configured for. They are read in memory, never
unpacked on the host: the only folder that they enter is a box.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from dayhand.environment import registries
from dayhand.errors import EnvironmentFailure

SECONDS = 60.0
ARCHIVE_BYTES = 32 * 1024 * 1024
PAGE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Published:
    """One source distribution."""

    registry: str  # "python" or "npm"
    name: str
    version: str
    file: str
    sha256: str
    kind: str  # for people: what sort of repository it is


REPOSITORIES = (
    Published(
        "python",
        "pluggy",
        "1.7.0",
        "pluggy-1.7.0.tar.gz",
        "d1eaa46ebb595891b860ab086b4d09c8588af65ebd4361b8e8f4bb8920b90ba8",
        "Python: uv.lock, groups",
    ),
    Published(
        "python",
        "glom",
        "25.12.0",
        "glom-25.12.0.tar.gz",
        "1ae7da88be3693df40ad27bdf57a765a55c075c86c971bcddd67927403eb0069",
        "Python: setup.py, requirements.txt, tox",
    ),
    Published(
        "python",
        "cleo",
        "2.2.1",
        "cleo-2.2.1.tar.gz",
        "d9db0fa3a194efb9caadfe1e718bf48cc48f08b7b1ee8381526ecc67c58856c4",
        "Python: Poetry's groups",
    ),
    Published(
        "npm",
        "process-warning",
        "5.1.1",
        "process-warning-5.1.1.tgz",
        "4d28948634e8d9bda20d268057490ce1d2b63807407974166bee8c11d8d7e04b",
        "Node: npm, ESLint",
    ),
    Published(
        "npm",
        "toposort",
        "2.0.2",
        "toposort-2.0.2.tgz",
        "866a794f685b78219e0afe396d339ec5ebf072af6473257d595ba84ca9776eb3",
        "Node: npm, no lock",
    ),
)


def fetch(published: Published) -> dict[str, bytes]:
    """The files of a source distribution, by path within the repository.

    Raises ``EnvironmentFailure`` where the registry does not answer or gives something else than what is pinned.
    """
    try:
        raw = _download(_address(published), ARCHIVE_BYTES)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EnvironmentFailure(
            f"{published.file} cannot be had: {error}.",
            advice="See that pip's or npm's registry can be reached from this machine.",
        ) from error
    found = hashlib.sha256(raw).hexdigest()
    if found != published.sha256:
        raise EnvironmentFailure(
            f"{published.file} is not what is pinned: its SHA-256 is {found}.",
            advice="Do not use it; see what this machine's registry serves under that name.",
        )
    return _unpack(raw)


def _address(published: Published) -> str:
    if published.registry == "npm":
        registry = registries.npm_registry(lambda: "")
        base = registry.env["npm_config_registry"].rstrip("/")
        told = json.loads(_download(f"{base}/{published.name}/{published.version}", PAGE_BYTES))
        return str(told["dist"]["tarball"])
    index = registries.python_registry().env["UV_DEFAULT_INDEX"]
    for url in registries.listed_files(index, published.name):
        if urllib.parse.urlsplit(url).path.rpartition("/")[2] == published.file:
            return url
    raise ValueError(f"the index does not list {published.file}")


def _download(url: str, most: int) -> bytes:
    if not registries.usable(url):
        raise ValueError(f"{url} is not https")
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - usable: https only
        raw: bytes = answer.read(most + 1)
    if len(raw) > most:
        raise ValueError(f"{url} is larger than {most} bytes")
    return raw


def _unpack(raw: bytes) -> dict[str, bytes]:
    """Its plain files, without the folder that all of them are in."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        for member in tar:
            path = member.name.partition("/")[2]
            stream = tar.extractfile(member) if member.isfile() and path else None
            if stream:
                files[path] = stream.read()
    return files
