"""Saved boxes: for each a committed image, which holds the workspace, and a volume, which holds the environment.

Boxes that are opened from a snapshot mount its volume read-only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from docker.errors import ImageNotFound
from docker.models.images import Image

from dayhand.errors import SandboxError
from dayhand.sandbox.base import Snapshot
from dayhand.sandbox.docker.engine import DockerEngine, engine_errors, remove_if_unused
from dayhand.sandbox.docker.labels import BOX, SNAPSHOT, VOLUME, box_labels

REPOSITORY = "dayhand-state"


class DockerSnapshots:
    """All snapshots of one owner. Beyond ``max_snapshots`` the least recently used are deleted."""

    def __init__(
        self, engine: Callable[[], DockerEngine], owner: str, *, used: Path, max_snapshots: int
    ) -> None:
        """``used`` is a folder for one empty file per snapshot, whose time says when the snapshot was last used."""
        self._engine = engine
        self._owner = owner
        self._used = used
        self._max_snapshots = max_snapshots

    def find(self, key: str) -> Image | None:
        """The image of the snapshot saved under ``key``. Raises ``SandboxError`` for a key that is not valid."""
        tag = self._tag(key)
        with engine_errors():
            try:
                return self._engine().client.images.get(tag)
            except ImageNotFound:
                return None

    def use(self, snapshot: Snapshot) -> Image:
        """The image of a snapshot that a box is opened from. Raises ``SandboxError`` if it is gone."""
        image = self.find(snapshot.key)
        if image is None:
            raise SandboxError(
                f"The snapshot {snapshot.key} is gone.", advice="Retry: it is then created again."
            )
        (self._used / snapshot.key).touch()
        return image

    def save(self, container: str, volume: str, *, key: str) -> Snapshot:
        """Commit a container as the snapshot ``key``. If there is one already, it stays and this one is dropped."""
        if self.find(key) is None:
            repository, tag = self._tag(key).split(":")
            changes = [f"LABEL {SNAPSHOT}={key}", f"LABEL {VOLUME}={volume}", f"LABEL {BOX}="]
            with engine_errors():
                self._engine().client.api.commit(container, repository, tag, changes=changes)
            (self._used / key).touch()
            self._delete_oldest()
        return Snapshot(key)

    def delete(self, keys: Iterable[str]) -> None:
        """Untag snapshots. What open boxes still use is removed by the first sweep after they are closed."""
        for key in keys:
            image = self.find(key)
            if image is None:
                continue
            with engine_errors():
                self._engine().client.images.remove(self._tag(key), force=True)
            (self._used / key).unlink(missing_ok=True)
            self.remove_volume(environment_volume(image))

    def create_volume(self, box: str) -> str:
        with engine_errors():
            volume = self._engine().client.volumes.create(
                f"dayhand-{box}", labels=box_labels(self._owner, box)
            )
        name: str = volume.name
        return name

    def remove_volume(self, volume: str) -> None:
        """Remove a volume unless a snapshot or a container needs it."""
        client = self._engine().client
        with engine_errors():
            needed = client.images.list(filters={"label": f"{VOLUME}={volume}"})
        if not needed:
            remove_if_unused(lambda: client.api.remove_volume(volume))

    def _delete_oldest(self) -> None:
        used = sorted((path.stat().st_mtime_ns, path.name) for path in self._used.iterdir())
        self.delete(key for _, key in used[: -self._max_snapshots])

    def _tag(self, key: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9-]{1,115}", key):
            raise SandboxError(f"“{key[:60]}” cannot name a snapshot: use only letters, digits and dashes.")
        return f"{REPOSITORY}:{self._owner}-{key}"


def environment_volume(image: Image) -> str:
    """The volume that holds the environment of a snapshot's image."""
    volume: str = (image.labels or {}).get(VOLUME, "")
    return volume
