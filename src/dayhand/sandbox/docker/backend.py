"""Boxes by a Docker engine, here or elsewhere: one hardened container each, and an exec for every command.

What a box keeps is the container's own layer (the workspace) and a volume (the environment). A saved state is a
committed image and that volume, which later boxes mount read-only. Everything carries labels, so that whatever a
killed worker left can be found and taken away.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import shutil
import socket
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path

from docker.errors import APIError, ImageNotFound, NotFound
from docker.models.images import Image
from docker.types import Mount

from dayhand.box_paths import ENVIRONMENT
from dayhand.errors import SandboxError
from dayhand.sandbox.base import CommandLimits, Egress, Result, Snapshot
from dayhand.sandbox.bubblewrap.mounts import BUNDLES
from dayhand.sandbox.bubblewrap.store import Lock
from dayhand.sandbox.docker.box import READABLE, SWEEP, DockerBox
from dayhand.sandbox.docker.engine import Engine, named
from dayhand.sandbox.docker.exec_stream import engine_address
from dayhand.sandbox.docker.hardening import FIRST, hardening
from dayhand.sandbox.egress.gateway import Gateway, gate
from dayhand.sandbox.limits import Capacity

IMAGE = "dayhand-sandbox"
STATES = "dayhand-state"
PROBE = CommandLimits(seconds=60.0)
PROOF_SECONDS = 3600
KEPT = 60
LIFE_SECONDS = 24 * 3600  # a container of ours that is older was left by a worker of another machine
NOBODY = 65534
ORIGIN = "/mnt/origin"  # in the box: the environment that a new one begins as a copy of

OWNER, BOX, UNTIL, STATE, ENV = (
    f"dayhand.{name}" for name in ("owner", "box", "until", "state", "environment")
)


class Docker:
    """Boxes by Docker. Safe to use from several threads and after a fork."""

    name = "docker"

    def __init__(
        self,
        data: Path,
        *,
        image: str = IMAGE,
        runtime: str = "",
        docker_host: str = "",
        capacity: Capacity | None = None,
        kept: int = KEPT,
    ) -> None:
        """``data`` holds locks and the sockets of proxies; ``runtime`` is one that the engine knows, such as runsc.

        ``docker_host`` is the engine's address, as ``DOCKER_HOST`` of the environment is where it is left out.

        Beyond ``kept`` states, those that were not used for the longest time are forgotten.
        """
        self._data = data / "docker"
        self.image = image
        self._runtime = runtime
        self._docker_host = docker_host
        self._capacity = capacity or Capacity()
        self._kept = kept
        self._shell = SWEEP
        self._engine: Engine | None = None
        self.owner = hashlib.sha256(f"{socket.gethostname()}:{self._data.resolve()}".encode()).hexdigest()[
            :12
        ]
        self._lock = threading.Lock()

    def probe(self) -> None:
        """Prove that a box of this image runs what we need, once an hour, and clear away what killed workers left.

        Raises ``SandboxError`` with the reason and the remedy: there is no way to work without a sandbox.
        """
        image = self._needed()
        proof = self._data / "proofs" / f"{image.id}-{self._runtime}".replace(":", "-").replace("/", "-")
        if proof.exists() and time.time() - proof.stat().st_mtime <= PROOF_SECONDS:
            self._shell = proof.read_text() or SWEEP
        else:
            self._try()
            fresh = proof.with_name(f"{proof.name}.{os.getpid()}")
            fresh.write_text(self._shell)
            fresh.replace(proof)  # whole, whenever another worker looks
        self.sweep()

    def _try(self) -> None:
        result = self._look()
        told = result.text()
        if self._runtime and SWEEP in told and "permission denied" in told:  # and for no other reason
            self._shell = READABLE
            result = self._look()
        if not result.passed:
            raise SandboxError(
                f"A box of the image {self.image} cannot run git and python3: {result.text().strip()[-300:]}",
                advice="Build the image from deploy/sandbox/Dockerfile, whose BASE may be yours.",
            )

    def _look(self) -> Result:
        with self.open() as box:
            return box.run("git --version && python3 --version", limits=PROBE)

    def engine(self) -> Engine:
        """The engine that boxes run in. Raises ``SandboxError`` where none answers."""
        return self._prepared()

    def find_image(self) -> Image | None:
        """The image that boxes are made of. Raises ``SandboxError`` where no engine answers."""
        client = self._prepared().client
        with named():
            try:
                return client.images.get(self.image)
            except ImageNotFound:
                return None

    def _needed(self) -> Image:
        image = self.find_image()
        if image is None:
            raise SandboxError(
                f"The Docker engine has no image {self.image}.",
                advice=f"Build it: docker build -t {self.image} deploy/sandbox",
            )
        return image

    def stamp(self) -> str:
        """An image never changes: its id says it all. Raises ``SandboxError`` where the engine does not have it."""
        return str(self._needed().id)

    @contextmanager
    def open(self, *, origin: Snapshot | None = None, egress: Egress | None = None) -> Iterator[DockerBox]:
        """Open a box. ``/opt/env`` can be written in it unless it only stands on ``origin``."""
        engine = self._prepared()
        state = self._state(origin) if origin else None
        name = secrets.token_hex(8)
        with ExitStack() as stack:
            lock = Lock(self._data / "locks" / name)
            stack.callback(lock.path.unlink, missing_ok=True)
            stack.callback(lock.release)
            lock.take()
            grows = state is None or egress is not None
            volume = _env(state) if state and not grows else self._volume(name)
            if grows:
                stack.callback(self._remove_volume, volume)
            container = self._start(name, state, volume, grows=grows)
            stack.callback(self._remove_container, container)
            box = DockerBox(engine, container, self._capacity, shell=self._shell)
            stack.callback(box.close)
            if grows:
                box.keeper = lambda key: self._keep(container, volume, key)
            if state and grows:
                box.copy(ORIGIN, ENVIRONMENT)
            if egress is not None:
                self._trust(container)
                box.open_way_out(stack.enter_context(self._gate(name, egress)))
            yield box

    def find(self, key: str) -> Snapshot | None:
        return Snapshot(key) if self._image_of(key) else None

    def drop(self, keys: Iterable[str]) -> None:
        """Untag states; what boxes still stand on goes with the first sweep after they are closed."""
        for key in keys:
            image = self._image_of(key)
            if image is None:
                continue
            with named():
                self._prepared().client.images.remove(self._tag(key), force=True)
            self._used(key).unlink(missing_ok=True)
            self._remove_volume(_env(image))

    def sweep(self) -> None:
        """Remove the boxes of processes that are gone, and the states that nobody can find any more."""
        client = self._prepared().client
        with named():
            for container in client.api.containers(all=True, filters={"label": OWNER}):
                if self._is_dead(container["Labels"]):
                    self._remove_container(container["Id"])
            mine = {"label": f"{OWNER}={self.owner}"}
            for image in client.images.list(filters={**mine, "dangling": True}):
                self._quietly(partial(client.images.remove, str(image.id)))
            kept = {_env(image) for image in client.images.list(filters=mine)}
            for volume in client.volumes.list(filters=mine):
                if volume.name not in kept and not self._is_held(volume.attrs["Labels"].get(BOX, "")):
                    self._remove_volume(volume.name)

        for folder in (self._data / "egress").iterdir():
            if not self._is_held(folder.name.partition("-")[0]):
                shutil.rmtree(folder, ignore_errors=True)

    # Containers

    def _start(self, name: str, state: Image | None, volume: str, *, grows: bool) -> str:
        mounts = [Mount(ENVIRONMENT, volume, type="volume", read_only=not grows)]
        if state and grows:
            mounts.append(Mount(ORIGIN, _env(state), type="volume", read_only=True))
        client = self._prepared().client
        with named():
            container = client.containers.create(
                state or self.image,
                entrypoint=list(FIRST),
                command=[],
                user="0:0",
                hostname="sandbox",
                working_dir="/",
                mounts=mounts,
                labels={**self._labels(name), UNTIL: str(int(time.time()) + LIFE_SECONDS)},
                **hardening(self._capacity, self._runtime, cpus=client.api.info()["NCPU"]),
            )
            try:
                container.start()
            except APIError:
                self._remove_container(str(container.id))
                raise
        return str(container.id)

    def _labels(self, name: str) -> dict[str, str]:
        return {OWNER: self.owner, BOX: name}

    def _is_dead(self, labels: dict[str, str]) -> bool:
        if labels.get(OWNER) == self.owner:
            return not self._is_held(labels.get(BOX, ""))
        return int(labels.get(UNTIL, "0")) < time.time()

    def _is_held(self, name: str) -> bool:
        """Whether the process whose box this is lives: its lock cannot be had."""
        if not re.fullmatch(r"[0-9a-f]{16}", name) or not (self._data / "locks" / name).exists():
            return False
        lock = Lock(self._data / "locks" / name)
        free = lock.take()
        if free:
            lock.path.unlink(missing_ok=True)
        lock.release()
        return not free

    def _remove_container(self, container: str) -> None:
        self._quietly(lambda: self._prepared().client.api.remove_container(container, force=True))

    # What set-up needs

    @contextmanager
    def _gate(self, name: str, egress: Egress) -> Iterator[Gateway]:
        """The proxy of one box. Where we are root it runs as nobody."""
        uid = NOBODY if os.geteuid() == 0 else None
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=self._data / "egress") as folder:
            place = Path(folder) / "door"
            place.mkdir(mode=0o700)
            if uid is not None:
                Path(folder).chmod(0o711)
                os.chown(place, uid, uid)
            with gate(place, egress, uid) as opened:
                yield opened

    def _trust(self, container: str) -> None:
        """Have the box trust the same authorities as this machine does."""
        bundle = next((Path(path) for path in BUNDLES if Path(path).is_file()), None)
        if bundle is None:
            return
        raw, packed = bundle.read_bytes(), io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            entry = tarfile.TarInfo(str(bundle).lstrip("/"))
            entry.size, entry.mode = len(raw), 0o644
            tar.addfile(entry, io.BytesIO(raw))
        with named():
            self._prepared().client.api.put_archive(container, "/", packed.getvalue())

    # States

    def _keep(self, container: str, volume: str, key: str) -> Snapshot:
        """Commit a container as the state behind ``key``; where there is one already, this one is dropped."""
        if self._image_of(key) is None:
            repository, tag = self._tag(key).split(":")
            changes = [f"LABEL {STATE}={key}", f"LABEL {ENV}={volume}", f"LABEL {BOX}="]
            with named():
                self._prepared().client.api.commit(container, repository, tag, changes=changes)
            self._used(key).touch()
            self._trim()
        return Snapshot(key)

    def _state(self, origin: Snapshot) -> Image:
        image = self._image_of(origin.key)
        if image is None:
            raise SandboxError(f"The snapshot {origin.key} is gone.", advice="Retry: it is then made anew.")
        self._used(origin.key).touch()
        return image

    def _image_of(self, key: str) -> Image | None:
        tag = self._tag(key)
        with named():
            try:
                return self._prepared().client.images.get(tag)
            except ImageNotFound:
                return None

    def _tag(self, key: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9-]{1,115}", key):
            raise SandboxError(f"“{key[:60]}” cannot name a snapshot: only letters, digits and dashes can.")
        return f"{STATES}:{self.owner}-{key}"

    def _used(self, key: str) -> Path:
        """A file whose time says when a state was used last."""
        return self._data / "used" / key

    def _trim(self) -> None:
        used = sorted((path.stat().st_mtime_ns, path.name) for path in (self._data / "used").iterdir())
        self.drop(key for _, key in used[: -self._kept])

    def _volume(self, name: str) -> str:
        with named():
            volume = self._prepared().client.volumes.create(f"dayhand-{name}", labels=self._labels(name))
        made: str = volume.name
        return made

    def _remove_volume(self, volume: str) -> None:
        """Unless a state or a container needs it."""
        client = self._prepared().client
        with named():
            needed = client.images.list(filters={"label": f"{ENV}={volume}"})
        if not needed:
            self._quietly(lambda: client.api.remove_volume(volume))

    def _quietly(self, remove: Callable[[], object]) -> None:
        """Remove what may be gone already, or still in use: then a later sweep removes it."""
        with named():
            try:
                remove()
            except NotFound:
                pass
            except APIError as error:
                if error.status_code != HTTPStatus.CONFLICT:
                    raise

    def _prepared(self) -> Engine:
        with self._lock:
            if self._engine is None:
                environ = {"DOCKER_HOST": self._docker_host} if self._docker_host else {}
                engine = Engine(engine_address({**os.environ, **environ}))
                engine.check()
                for name in ("locks", "egress", "used", "proofs"):
                    (self._data / name).mkdir(parents=True, exist_ok=True)
                self._engine = engine
            return self._engine


def _env(image: Image) -> str:
    """The volume that holds a state's environment."""
    volume: str = (image.labels or {}).get(ENV, "")
    return volume
