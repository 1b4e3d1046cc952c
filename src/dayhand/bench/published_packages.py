"""Real repositories for the bench: what their makers published as source, pinned by name, version and SHA-256.

They come from the registries that this machine's own clients are configured for: pip's, npm's and, for the languages
that have none of these two, the sources that lie beside the packages of Debian's. They are read in memory, never unpacked
on the host: the only folder that they enter is a box.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from dayhand.environment.ecosystems import node, python
from dayhand.environment.registries import python_index
from dayhand.environment.registries.base import usable
from dayhand.environment.registries.machine import HostMachine
from dayhand.errors import EnvironmentFailure
from dayhand.sandbox.base import Sandbox

SECONDS = 60.0
ARCHIVE_BYTES = 32 * 1024 * 1024
PAGE_BYTES = 16 * 1024 * 1024
CLIENTS = {"python": "pip", "npm": "npm", "debian": "apt"}
APT_HELPER = Path("/usr/lib/apt/apt-helper")


@dataclass(frozen=True, slots=True)
class Published:
    """One source distribution."""

    registry: str  # "python", "npm" or "debian"
    name: str
    version: str
    file: str  # its name; of Debian's, its path from the top of the archive
    sha256: str
    ecosystem: str
    kind: str  # for people: what sort of repository it is
    needs: tuple[str, ...] = ()  # commands that prove the toolchain which no registry here can bring


REPOSITORIES = (
    Published(
        "python",
        "pluggy",
        "1.7.0",
        "pluggy-1.7.0.tar.gz",
        "d1eaa46ebb595891b860ab086b4d09c8588af65ebd4361b8e8f4bb8920b90ba8",
        "Python",
        "uv.lock, groups",
    ),
    Published(
        "python",
        "glom",
        "25.12.0",
        "glom-25.12.0.tar.gz",
        "1ae7da88be3693df40ad27bdf57a765a55c075c86c971bcddd67927403eb0069",
        "Python",
        "setup.py, requirements.txt, tox",
    ),
    Published(
        "python",
        "cleo",
        "2.2.1",
        "cleo-2.2.1.tar.gz",
        "d9db0fa3a194efb9caadfe1e718bf48cc48f08b7b1ee8381526ecc67c58856c4",
        "Python",
        "Poetry's groups",
    ),
    Published(
        "npm",
        "process-warning",
        "5.1.1",
        "process-warning-5.1.1.tgz",
        "4d28948634e8d9bda20d268057490ce1d2b63807407974166bee8c11d8d7e04b",
        "Node",
        "npm, ESLint",
    ),
    Published(
        "npm",
        "toposort",
        "2.0.2",
        "toposort-2.0.2.tgz",
        "866a794f685b78219e0afe396d339ec5ebf072af6473257d595ba84ca9776eb3",
        "Node",
        "npm, no lock",
    ),
    Published(
        "debian",
        "uuid",
        "1.3.0",
        "pool/main/g/golang-github-google-uuid/golang-github-google-uuid_1.3.0.orig.tar.gz",
        "7f7f37c47980e0afcc178a9ffc390bec29ed2371919b4c07658eb01791a7f921",
        "Go",
        "a module of the standard library alone",
        ("go version",),
    ),
    Published(
        "debian",
        "fnv",
        "1.0.7",
        "pool/main/r/rust-fnv/rust-fnv_1.0.7.orig.tar.gz",
        "3f9eec918d3f24069decb9af1554cad7c880e2da24a9afd88aca000531ab82c1",
        "Rust",
        "a crate without dependencies",
        ("cargo clippy --version",),
    ),
    Published(
        "debian",
        "Ascii85",
        "1.1.0",
        "pool/main/r/ruby-ascii85/ruby-ascii85_1.1.0.orig.tar.gz",
        "15bc594a810eb548ddfd934931c792c62fe471eb1959495237c683e7f808fd3b",
        "Ruby",
        "gemspec, Rake, Minitest",
        ("bundle --version", "ruby -rminitest -rrake -e 0"),
    ),
)


def lacking(published: Published, sandbox: Sandbox) -> str:
    """Why this machine cannot have a repository or build it, in a sentence; "" where it can."""
    if published.registry == "debian" and not (shutil.which("apt-get") and APT_HELPER.exists()):
        return "its source comes from Debian's archive, and this machine has no apt."
    for probe in published.needs:
        with sandbox.open() as box:
            if not box.run(probe, cwd="/").passed:
                return f"its toolchain is not in this machine's boxes: {probe} does not work there."
    return ""


def fetch(published: Published) -> dict[str, bytes]:
    """The files of a source distribution, by path within the repository.

    Raises ``EnvironmentFailure`` where the registry does not answer or gives something else than what is pinned.
    """
    try:
        raw = _from_debian(published) if published.registry == "debian" else _from_registry(published)
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError) as error:
        raise EnvironmentFailure(
            f"{published.file} cannot be had: {error}.",
            advice=f"See that the registry of {CLIENTS[published.registry]} can be reached from this machine.",
        ) from error
    found = hashlib.sha256(raw).hexdigest()
    if found != published.sha256:
        raise EnvironmentFailure(
            f"{published.file} is not what is pinned: its SHA-256 is {found}.",
            advice="Do not use it; see what this machine's registry serves under that name.",
        )
    return _unpack(raw)


def _from_registry(published: Published) -> bytes:
    return _download(_address(published), ARCHIVE_BYTES)


def _from_debian(published: Published) -> bytes:
    """From the archives that apt gets its packages from, by apt itself: no list of sources need be configured."""
    told = HostMachine().ask(["apt-get", "indextargets", "--format", "$(SITE)"])
    said = "apt names no archive"
    for site in dict.fromkeys(told.split()):
        with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder:
            file = Path(folder) / "archive"
            address = f"{site.rstrip('/')}/{published.file}"
            command = [str(APT_HELPER), "-q", "download-file", address, str(file)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
            if done.returncode == 0 and file.stat().st_size <= ARCHIVE_BYTES:
                return file.read_bytes()
            said = next(
                (line for line in done.stderr.splitlines() if line.startswith("E: ")), "it is too large"
            )
    raise ValueError(said)


def _address(published: Published) -> str:
    if published.registry == "npm":
        registry = node.find_registry(HostMachine())
        if registry.problem:
            raise ValueError(registry.problem.rstrip("."))
        base = registry.env["npm_config_registry"].rstrip("/")
        told = json.loads(_download(f"{base}/{published.name}/{published.version}", PAGE_BYTES))
        return str(told["dist"]["tarball"])
    index = python.find_registry(HostMachine()).env["UV_DEFAULT_INDEX"]
    for url in python_index.listed_files(index, published.name):
        if urllib.parse.urlsplit(url).path.rpartition("/")[2] == published.file:
            return url
    raise ValueError(f"the index does not list {published.file}")


def _download(url: str, most: int) -> bytes:
    if not usable(url):
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
