"""The image of ``deploy/Dockerfile``, built once for each content on the base of the sandbox's tests, without a network.

``python -m tests.deploy.image`` builds it beforehand, and fails if no engine answers or the build fails.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import docker
import uv
from docker.errors import APIError, BuildError

from tests.sandbox import image as sandbox

ROOT = Path(__file__).parents[2]
NAME, BASE = "dayhand-test", "dayhand-test-libraries"
SYSTEM_PYTHON = "/usr/bin/python3"  # of the same release as the base
SYNC_SECONDS = 300
# The base has no `make`, which needs only the C library, and takes what it would download from uv's cache.
RECIPE = """\
ARG BASE
FROM ${BASE}
COPY make /usr/bin/make
COPY cache /opt/uv-cache
ENV UV_OFFLINE=1 UV_CACHE_DIR=/opt/uv-cache
"""


def image(client: docker.DockerClient) -> str:
    """The image's tag. Raises ``CannotBuildError``."""
    tag = f"{NAME}:{_digest(*_context())}"
    if not sandbox.exists(client, tag):
        with sandbox.build_lock():
            if not sandbox.exists(client, tag):
                arguments = {"BASE": _base(client), "INSTALL": "0"} if sandbox.may_bootstrap() else {}
                _build(client, ROOT, tag, dockerfile="deploy/Dockerfile", buildargs=arguments)
    return tag


def require_image() -> tuple[docker.DockerClient, str]:
    """The engine and the image's tag for a fixture. Skips its tests if there is no engine or no image."""
    return sandbox.require(image)


def _base(client: docker.DockerClient) -> str:
    """The base of the sandbox's tests, with what the build would download."""
    parts = (ROOT / "uv.lock", ROOT / "pyproject.toml")
    tag = f"{BASE}:{_digest(*parts, extra=(RECIPE, sandbox.base_digest()))}"
    if not sandbox.exists(client, tag):
        with tempfile.TemporaryDirectory(prefix="dayhand-image-") as folder:
            context = Path(folder)
            _fill_cache(context / "cache", scratch=context)
            shutil.copyfile(shutil.which("make") or "/usr/bin/make", context / "make")
            (context / "make").chmod(0o755)
            (context / "Dockerfile").write_text(RECIPE, encoding="utf-8")
            (context / ".dockerignore").write_text("venv\nwheel\n", encoding="utf-8")
            _build(client, context, tag, buildargs={"BASE": sandbox.base(client)})
    return tag


def _fill_cache(cache: Path, *, scratch: Path) -> None:
    """Let uv download once what the commands of the Dockerfile need."""
    commands = (
        ["sync", "--frozen", "--no-dev", "--no-install-project", "--link-mode", "symlink"],
        ["build", "--wheel", "--out-dir", str(scratch / "wheel")],
    )
    for command in commands:
        words = [uv.find_uv_bin(), *command, "--quiet", "--python", SYSTEM_PYTHON, "--cache-dir", str(cache)]
        environment = {"UV_PROJECT_ENVIRONMENT": str(scratch / "venv")}
        done = subprocess.run(
            words,
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=SYNC_SECONDS,
            check=False,
        )
        if done.returncode:
            raise sandbox.CannotBuildError(f"uv cannot download Dayhand's libraries: {done.stderr[-300:]}")


def _build(client: docker.DockerClient, context: Path, tag: str, **options: object) -> None:
    try:
        client.images.build(path=str(context), tag=tag, rm=True, forcerm=True, **options)
    except (BuildError, APIError) as error:
        output = "".join(line.get("stream", "") for line in getattr(error, "build_log", ()))
        raise sandbox.CannotBuildError(f"{tag} cannot be built: {error}\n{output[-1000:]}") from error


def _context() -> list[Path]:
    """What the image is built from."""
    names = (
        "pyproject.toml",
        "uv.lock",
        "README.md",
        "LICENSE",
        "app.yml",
        "deploy/Dockerfile",
        "deploy/health.py",
    )
    sources = (
        path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    return [*(ROOT / name for name in names), *sorted(sources)]


def _digest(*paths: Path, extra: tuple[str, ...] = ()) -> str:
    found = hashlib.sha256("\0".join(extra).encode())
    for path in paths:
        found.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(sandbox.build_beforehand(image))
