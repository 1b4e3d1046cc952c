"""Real repositories for the benchmark: published source packages, pinned by name, version and SHA-256.

They come from the registries that this machine's own clients are configured for: pip's, npm's and, for other languages,
the source packages of Debian. They are read in memory and never unpacked on the host, only inside a box.
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
class SourcePackage:
    """One source package."""

    registry: str  # "python", "npm" or "debian"
    name: str
    version: str
    file: str  # the file's name; for Debian, its path in the archive
    sha256: str
    ecosystem: str
    kind: str  # what the repository is an example of
    needs: tuple[
        str, ...
    ] = ()  # commands that succeed if the toolchain is installed; no registry provides it


REPOSITORIES = (
    SourcePackage(
        "python",
        "pluggy",
        "1.7.0",
        "pluggy-1.7.0.tar.gz",
        "d1eaa46ebb595891b860ab086b4d09c8588af65ebd4361b8e8f4bb8920b90ba8",
        "Python",
        "uv.lock, groups",
    ),
    SourcePackage(
        "python",
        "glom",
        "25.12.0",
        "glom-25.12.0.tar.gz",
        "1ae7da88be3693df40ad27bdf57a765a55c075c86c971bcddd67927403eb0069",
        "Python",
        "setup.py, requirements.txt, tox",
    ),
    SourcePackage(
        "python",
        "cleo",
        "2.2.1",
        "cleo-2.2.1.tar.gz",
        "d9db0fa3a194efb9caadfe1e718bf48cc48f08b7b1ee8381526ecc67c58856c4",
        "Python",
        "Poetry's groups",
    ),
    SourcePackage(
        "npm",
        "process-warning",
        "5.1.1",
        "process-warning-5.1.1.tgz",
        "4d28948634e8d9bda20d268057490ce1d2b63807407974166bee8c11d8d7e04b",
        "Node",
        "npm, ESLint",
    ),
    SourcePackage(
        "npm",
        "toposort",
        "2.0.2",
        "toposort-2.0.2.tgz",
        "866a794f685b78219e0afe396d339ec5ebf072af6473257d595ba84ca9776eb3",
        "Node",
        "npm, no lock",
    ),
    SourcePackage(
        "debian",
        "uuid",
        "1.3.0",
        "pool/main/g/golang-github-google-uuid/golang-github-google-uuid_1.3.0.orig.tar.gz",
        "7f7f37c47980e0afcc178a9ffc390bec29ed2371919b4c07658eb01791a7f921",
        "Go",
        "a module of the standard library alone",
        ("go version",),
    ),
    SourcePackage(
        "debian",
        "fnv",
        "1.0.7",
        "pool/main/r/rust-fnv/rust-fnv_1.0.7.orig.tar.gz",
        "3f9eec918d3f24069decb9af1554cad7c880e2da24a9afd88aca000531ab82c1",
        "Rust",
        "a crate without dependencies",
        ("cargo clippy --version",),
    ),
    SourcePackage(
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


def reason_to_skip(package: SourcePackage, sandbox: Sandbox) -> str:
    """Why this machine cannot fetch or build a repository, as a sentence; "" if it can."""
    if package.registry == "debian" and not (shutil.which("apt-get") and APT_HELPER.exists()):
        return "its source comes from Debian's archive, but apt is not installed on this machine."
    for probe in package.needs:
        with sandbox.open() as box:
            if not box.run(probe, cwd="/").passed:
                return f"its toolchain is not installed in this machine's boxes: {probe} fails there."
    return ""


def fetch(package: SourcePackage) -> dict[str, bytes]:
    """The files of a source package, by path within the repository.

    Raises ``EnvironmentFailure`` if the registry does not answer, or serves another file than the pinned one.
    """
    try:
        raw = _from_debian(package) if package.registry == "debian" else _from_registry(package)
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError) as error:
        raise EnvironmentFailure(
            f"{package.file} cannot be downloaded: {error}.",
            advice=f"Check that this machine can reach the registry of {CLIENTS[package.registry]}.",
        ) from error
    digest = hashlib.sha256(raw).hexdigest()
    if digest != package.sha256:
        raise EnvironmentFailure(
            f"{package.file} is not the pinned file: its SHA-256 is {digest}.",
            advice="Do not use it. Check which file this machine's registry serves under that name.",
        )
    return _unpack(raw)


def _from_registry(package: SourcePackage) -> bytes:
    return _download(_address(package), ARCHIVE_BYTES)


def _from_debian(package: SourcePackage) -> bytes:
    """Download from apt's archives by apt's own helper; no source repositories (deb-src) need to be configured."""
    sites = HostMachine().ask(["apt-get", "indextargets", "--format", "$(SITE)"])
    problem = "apt has no archive configured"
    for site in dict.fromkeys(sites.split()):
        with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder:
            file = Path(folder) / "archive"
            address = f"{site.rstrip('/')}/{package.file}"
            command = [str(APT_HELPER), "-q", "download-file", address, str(file)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
            if done.returncode == 0 and file.stat().st_size <= ARCHIVE_BYTES:
                return file.read_bytes()
            problem = next(
                (line for line in done.stderr.splitlines() if line.startswith("E: ")), "it is too large"
            )
    raise ValueError(problem)


def _address(package: SourcePackage) -> str:
    if package.registry == "npm":
        registry = node.find_registry(HostMachine())
        if registry.problem:
            raise ValueError(registry.problem.rstrip("."))
        base = registry.env["npm_config_registry"].rstrip("/")
        metadata = json.loads(_download(f"{base}/{package.name}/{package.version}", PAGE_BYTES))
        return str(metadata["dist"]["tarball"])
    index = python.find_registry(HostMachine()).env["UV_DEFAULT_INDEX"]
    for url in python_index.listed_files(index, package.name):
        if urllib.parse.urlsplit(url).path.rpartition("/")[2] == package.file:
            return url
    raise ValueError(f"the index does not list {package.file}")


def _download(url: str, max_bytes: int) -> bytes:
    if not usable(url):
        raise ValueError(f"{url} is not https")
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - usable: https only
        raw: bytes = answer.read(max_bytes + 1)
    if len(raw) > max_bytes:
        raise ValueError(f"{url} is larger than {max_bytes} bytes")
    return raw


def _unpack(raw: bytes) -> dict[str, bytes]:
    """The archive's regular files, without its top-level folder."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        for member in tar:
            path = member.name.partition("/")[2]
            stream = tar.extractfile(member) if member.isfile() and path else None
            if stream:
                files[path] = stream.read()
    return files
