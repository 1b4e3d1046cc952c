"""Saved boxes: for each a committed image, which holds the workspace, and a volume, which holds the environment.

Boxes that are opened from a snapshot mount its volume read-only. A snapshot is saved, deleted and opened under a lock of
its own: the engine would make a volume anew, empty, that is deleted before a container is created with it. As soon as
there is a container, the engine itself keeps what it uses.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from docker.errors import ImageNotFound
from docker.models.images import Image

from dayhand.errors import SandboxError
from dayhand.sandbox.base import Snapshot
from dayhand.sandbox.docker.engine import DockerEngine, engine_errors, remove_if_unused
from dayhand.sandbox.docker.labels import BOX, OVER, OWNER, SNAPSHOT, VOLUME, box_labels
from dayhand.sandbox.file_lock import FileLock
from dayhand.startup.records import dataclass

REPOSITORY = "dayhand-state"


@dataclass(frozen=True, slots=True)
class DockerLayer:
    """What a box is a layer over."""

    below: Snapshot
    image: str  # the id of the image that the box was opened from


class DockerSnapshots:
    """All snapshots of one owner. Beyond ``max_snapshots`` the least recently used are deleted."""

    def __init__(
        self, engine: Callable[[], DockerEngine], owner: str, *, used: Path, max_snapshots: int
    ) -> None:
        """``used`` is a folder for one empty file per snapshot: its lock, whose time says when it was last used."""
        self._engine = engine
        self._owner = owner
        self._used = used
        self._max_snapshots = max_snapshots
        self._saved: set[str] = set()  # volumes of open boxes that were saved

    def find(self, key: str) -> Image | None:
        """The image of the snapshot saved under ``key``. Raises ``SandboxError`` for a key that is not valid."""
        tag = self._tag(key)
        with engine_errors():
            try:
                return self._engine().client.images.get(tag)
            except ImageNotFound:
                return None

    def has(self, key: str) -> bool:
        """Whether there is one. It counts as used, so that another worker does not delete it before it is opened."""
        self._tag(key)
        with suppress(FileNotFoundError):
            os.utime(self._used / key)
        return self.find(key) is not None

    @contextmanager
    def hold(self, snapshot: Snapshot) -> Iterator[Image]:
        """The image of a snapshot, which nobody deletes meanwhile. Raises ``SandboxError`` if it is gone."""
        with self._locked(snapshot.key, shared=True):
            image = self.find(snapshot.key)
            if image is None:
                raise SandboxError(
                    f"The snapshot {snapshot.key} is gone.", advice="Retry: it is then created again."
                )
            os.utime(self._used / snapshot.key)
            yield image

    def save(self, container: str, volume: str, *, key: str, over: DockerLayer | None = None) -> Snapshot:
        """Commit a container as the snapshot ``key``, or as a layer. If there is one already, it stays.

        Raises ``SandboxError`` if the snapshot below is gone.
        """
        with self._unchanged(over) if over else nullcontext(), self._locked(key):
            if self.find(key) is not None:
                return Snapshot(key)
            repository, tag = self._tag(key).split(":")
            labels = {SNAPSHOT: key, VOLUME: volume, BOX: "", OVER: over.below.key if over else ""}
            changes = [f"LABEL {name}={value}" for name, value in labels.items()]
            if over is None:
                self._saved.add(volume)
            with engine_errors():
                self._engine().client.api.commit(container, repository, tag, changes=changes)
            os.utime(self._used / key)
        self._delete_oldest()
        return Snapshot(key)

    @contextmanager
    def _unchanged(self, over: DockerLayer) -> Iterator[None]:
        with self.hold(over.below) as image:
            if image.id != over.image:
                raise SandboxError(
                    f"The snapshot {over.below.key} was made anew.", advice="Retry: it is then used."
                )
            yield

    def delete(self, keys: Iterable[str]) -> None:
        """Untag snapshots and the layers over them. What open boxes still use is removed by the first sweep after they are closed."""
        for key in keys:
            with self._locked(key) as lock:
                self._delete(key, lock)

    def _delete(self, key: str, lock: FileLock) -> None:
        if image := self.find(key):
            with engine_errors():
                self._engine().client.images.remove(self._tag(key), force=True)
            self.remove_volume(environment_volume(image))
        lock.remove()
        with engine_errors():
            layers = self._engine().client.images.list(
                filters={"label": [f"{OVER}={key}", f"{OWNER}={self._owner}"]}
            )
        self.delete({layer.labels[SNAPSHOT] for layer in layers})

    @contextmanager
    def _locked(self, key: str, *, shared: bool = False) -> Iterator[FileLock]:
        self._tag(key)  # refuses a key that is not valid
        lock = FileLock(self._used / key)
        try:
            lock.wait(shared=shared)
            yield lock
        finally:
            lock.release()

    def create_volume(self, box: str) -> str:
        with engine_errors():
            volume = self._engine().client.volumes.create(
                f"dayhand-{box}", labels=box_labels(self._owner, box)
            )
        name: str = volume.name
        return name

    def drop_volume(self, volume: str) -> None:
        """Remove the volume of a box that is closed. Only if it was saved may a snapshot need it: to look, an engine reads all images."""
        if volume in self._saved:
            self._saved.discard(volume)
            self.remove_volume(volume)
        else:
            remove_if_unused(lambda: self._engine().client.api.remove_volume(volume))

    def remove_volume(self, volume: str) -> None:
        """Remove a volume unless a snapshot or a container needs it."""
        client = self._engine().client
        with engine_errors():
            needed = client.images.list(filters={"label": f"{VOLUME}={volume}"})
        if not needed:
            remove_if_unused(lambda: client.api.remove_volume(volume))

    def _delete_oldest(self) -> None:
        """Delete the least recently used, unless they were used since they were listed."""
        used = []
        for path in self._used.iterdir():
            with suppress(FileNotFoundError):
                used.append((path.stat().st_mtime_ns, path))
        for seen, path in sorted(used)[: -self._max_snapshots]:
            with self._locked(path.name) as lock:
                if path.stat().st_mtime_ns == seen:
                    self._delete(path.name, lock)

    def _tag(self, key: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9-]{1,115}", key):
            raise SandboxError(f"“{key[:60]}” cannot name a snapshot: use only letters, digits and dashes.")
        return f"{REPOSITORY}:{self._owner}-{key}"


def environment_volume(image: Image) -> str:
    """The volume that holds the environment of a snapshot's image."""
    volume: str = (image.labels or {}).get(VOLUME, "")
    return volume
