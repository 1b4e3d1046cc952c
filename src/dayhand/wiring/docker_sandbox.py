"""The Docker sandbox of the settings."""

from __future__ import annotations

from dayhand.sandbox.docker.backend import DockerSandbox
from dayhand.settings.table import Settings


def open_docker_sandbox(settings: Settings) -> DockerSandbox:
    """The backend, not tried out."""
    return DockerSandbox(
        settings.data,
        image=settings.sandbox_image,
        runtime=settings.sandbox_runtime,
        docker_host=settings.docker_host,
        toolchains=settings.toolchains,
    )
