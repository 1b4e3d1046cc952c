"""The image of the tests' containers: built once on a machine, from Debian's packages, without a registry.

``python -m tests.sandbox.image`` builds it beforehand, and fails if no engine answers or the build fails.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest
import requests
import uv
from docker.errors import APIError, BuildError, DockerException, ImageNotFound

from dayhand.errors import SandboxError
from dayhand.sandbox.docker.exec_stream import check_engine, engine_address

DOCKERFILE = Path(__file__).parents[2] / "deploy" / "sandbox" / "Dockerfile"
SANDBOX, BASE = "dayhand-test-sandbox", "dayhand-test-base"
SUITE = "bookworm"
PACKAGES = "ca-certificates,git,procps,python3,python3-pip,python3-venv"
LEFT_OUT = (
    "./var/cache/*",
    "./var/lib/apt/lists/*",
    "./var/log/*",
    "./usr/share/doc/*",
    "./usr/share/info/*",
    "./usr/share/locale/*",
    "./usr/share/man/*",
)
DEBOOTSTRAP_SECONDS = 600
ENGINE_SECONDS = 300


class CannotBuildError(Exception):
    """Why there is no image, as a message for the person who runs the tests."""


def engine(patience: float = 0) -> docker.DockerClient | str:
    """A client of the engine at ``DOCKER_HOST``, or why there is none. Waits ``patience`` seconds for the engine."""
    until = time.monotonic() + patience
    while True:
        try:
            check_engine(engine_address())  # docker-py leaves a socket open if no engine answers
            return docker.from_env(timeout=ENGINE_SECONDS, version="auto")
        except (DockerException, SandboxError, requests.RequestException) as error:
            if time.monotonic() > until:
                return f"no Docker engine answers: {error}"
        time.sleep(0.2)


def image(client: docker.DockerClient) -> str:
    """The image's tag. Builds the image if this machine does not have it yet, which takes about a minute.

    Raises ``CannotBuildError``.
    """
    tag = f"{SANDBOX}:{_digest(base_digest(), DOCKERFILE.read_text(encoding='utf-8'))}"
    if not exists(client, tag):
        with build_lock():
            if not exists(client, tag):
                _build(client, tag)
    return tag


def require_image() -> tuple[docker.DockerClient, str]:
    """The engine and the image's tag for a fixture. Skips its tests if there is no engine or no image."""
    return require(image)


def require(build: Callable[[docker.DockerClient], str]) -> tuple[docker.DockerClient, str]:
    """The same for any image, which ``build`` makes."""
    client = engine()
    if isinstance(client, str):
        pytest.skip(client)
    try:
        with _paused_timeout():
            return client, build(client)
    except CannotBuildError as error:
        client.close()
        pytest.skip(str(error))


def _build(client: docker.DockerClient, tag: str) -> None:
    """Build from a base of our own if we can make one, else from the registry's, as a user does."""
    arguments = {"BASE": base(client), "INSTALL": "0"} if may_bootstrap() else {}
    try:
        client.images.build(path=str(DOCKERFILE.parent), tag=tag, buildargs=arguments, rm=True, forcerm=True)
    except (BuildError, APIError) as error:
        advice = "" if arguments else " Without a registry, root and debootstrap are needed."
        raise CannotBuildError(f"the sandbox image cannot be built: {error}.{advice}") from error


def may_bootstrap() -> bool:
    return os.geteuid() == 0 and shutil.which("debootstrap") is not None


def base(client: docker.DockerClient) -> str:
    tag = base_digest()
    if not exists(client, f"{BASE}:{tag}"):
        with tempfile.TemporaryDirectory(prefix="dayhand-image-") as folder:
            root = Path(folder) / "root"
            _bootstrap(root)
            _add_uv(root)
            _import(client, root, tag)
    return f"{BASE}:{tag}"


def _bootstrap(root: Path) -> None:
    words = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)]
    try:
        subprocess.run(words, check=True, capture_output=True, text=True, timeout=DEBOOTSTRAP_SECONDS)
    except subprocess.CalledProcessError as error:
        raise CannotBuildError(f"debootstrap failed: {error.stdout[-300:]}{error.stderr[-300:]}") from error
    except subprocess.TimeoutExpired as error:
        raise CannotBuildError(f"debootstrap took longer than {DEBOOTSTRAP_SECONDS} s") from error


def _add_uv(root: Path) -> None:
    target = root / "opt" / "tools" / "uv"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(uv.find_uv_bin(), target)
    target.chmod(0o755)


def _import(client: docker.DockerClient, root: Path, tag: str) -> None:
    words = ["tar", "--create", "--numeric-owner", *(f"--exclude={each}" for each in LEFT_OUT)]
    with subprocess.Popen([*words, "--directory", str(root), "."], stdout=subprocess.PIPE) as tar:
        try:
            client.api.import_image_from_stream(tar.stdout, repository=BASE, tag=tag)
        except APIError as error:
            raise CannotBuildError(f"the engine does not import the base: {error}") from error
    if tar.returncode:
        raise CannotBuildError(f"tar failed with exit code {tar.returncode} while it packed the base")


def exists(client: docker.DockerClient, tag: str) -> bool:
    try:
        client.images.get(tag)
    except ImageNotFound:
        return False
    return True


def base_digest() -> str:
    return _digest(SUITE, PACKAGES, *LEFT_OUT, importlib.metadata.version("uv"))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@contextmanager
def _paused_timeout() -> Iterator[None]:
    """Stop the alarm of pytest-timeout, so that the first test that needs the image does not fail for building it."""
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)


@contextmanager
def build_lock() -> Iterator[None]:
    """Let one process of this user build at a time: tests run in several."""
    path = Path(tempfile.gettempdir()) / f"dayhand-test-image-{os.geteuid()}.lock"
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def build_beforehand(build: Callable[[docker.DockerClient], str]) -> int:
    """Build an image for tests that run later; the exit code."""
    began = time.monotonic()
    client = engine(patience=60)
    if isinstance(client, str):
        print(f"The container tests cannot run: {client}", file=sys.stderr)
        return 1
    try:
        print(f"{build(client)} is ready after {time.monotonic() - began:.1f} s")
    except CannotBuildError as error:
        print(f"The container tests cannot run: {error}", file=sys.stderr)
        return 1
    finally:
        client.close()
    return 0


if __name__ == "__main__":
    sys.exit(build_beforehand(image))
