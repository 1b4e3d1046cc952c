"""Boxes in a Docker engine, here or elsewhere: one hardened container each, and an exec for every command.

The workspace is in the container's own layer, the environment in a volume. A snapshot is a committed image and that
volume (``snapshots.py``). Everything is labelled, so that whatever a killed worker left can be found and removed.
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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path

from docker.errors import APIError, ImageNotFound
from docker.models.images import Image
from docker.types import Mount

from dayhand.box_paths import ENVIRONMENT
from dayhand.errors import SandboxError
from dayhand.sandbox import guest
from dayhand.sandbox.base import NO_HOSTS, CommandLimits, Egress, Result, Snapshot
from dayhand.sandbox.docker.box import READABLE_SHELL, SWEEP_SHELL, DockerBox
from dayhand.sandbox.docker.engine import DockerEngine, engine_errors, remove_if_unused
from dayhand.sandbox.docker.exec_stream import engine_address
from dayhand.sandbox.docker.hardening import FIRST_PROCESS, hardening
from dayhand.sandbox.docker.labels import BOX, OWNER, UNTIL, box_labels
from dayhand.sandbox.docker.snapshots import DockerLayer, DockerSnapshots, environment_volume
from dayhand.sandbox.egress.gateway import Gateway, open_gateway
from dayhand.sandbox.file_lock import FileLock
from dayhand.sandbox.limits import Capacity

IMAGE = "dayhand-sandbox"
SELF_TEST_LIMITS = CommandLimits(seconds=60.0)
SELF_TEST_VALID_SECONDS = 3600
MAX_SNAPSHOTS = 60
LIFE_SECONDS = 24 * 3600  # an older container of ours was left by a worker on another machine
NOBODY = 65534
ORIGIN = "/mnt/origin"  # in the box: the environment that a new one starts as a copy of


class DockerSandbox:
    """Boxes in containers. Safe to use from several threads and after a fork."""

    name = "docker"

    def __init__(
        self,
        data: Path,
        *,
        image: str = IMAGE,
        runtime: str = "",
        docker_host: str = "",
        capacity: Capacity | None = None,
        max_snapshots: int = MAX_SNAPSHOTS,
        toolchains: tuple[str, ...] = (),
    ) -> None:
        """``data`` holds locks and the sockets of proxies; ``runtime`` is one that the engine knows, such as runsc.

        ``docker_host`` is the engine's address; without it, that of ``DOCKER_HOST`` in the environment is used. Beyond
        ``max_snapshots`` the least recently used snapshots are deleted. ``toolchains`` are folders of the engine's
        machine that boxes see read-only.
        """
        self._data = data / "docker"
        self.toolchains = toolchains
        self.image = image
        self._runtime = runtime
        self._docker_host = docker_host
        self._capacity = capacity or Capacity()
        self._shell = SWEEP_SHELL
        self._engine: DockerEngine | None = None
        identity = f"{socket.gethostname()}:{self._data.resolve()}"
        self.owner = hashlib.sha256(identity.encode()).hexdigest()[:12]
        self._snapshots = DockerSnapshots(
            self.engine, self.owner, used=self._data / "used", max_snapshots=max_snapshots
        )
        self._lock = threading.Lock()

    def self_test(self) -> None:
        """Prove, once an hour, that a box of this image runs what we need; remove what killed workers left.

        Raises ``SandboxError`` with the reason and the remedy: nothing runs without a sandbox.
        """
        image = self._require_image()
        proof = self._data / "proofs" / f"{image.id}-{self._runtime}".replace(":", "-").replace("/", "-")
        if proof.exists() and time.time() - proof.stat().st_mtime <= SELF_TEST_VALID_SECONDS:
            self._shell = proof.read_text() or SWEEP_SHELL
        else:
            self._try_box()
            fresh = proof.with_name(f"{proof.name}.{os.getpid()}")
            fresh.write_text(self._shell)
            fresh.replace(proof)  # complete whenever another worker reads it
        self.sweep()

    def _try_box(self) -> None:
        result = self._run_tools()
        output = result.text()
        if self._runtime and SWEEP_SHELL in output and "permission denied" in output:  # for this reason alone
            self._shell = READABLE_SHELL
            result = self._run_tools()
        if not result.passed:
            raise SandboxError(
                f"A box of the image {self.image} cannot run git and python3: {result.text().strip()[-300:]}",
                advice="Build the image from deploy/sandbox/Dockerfile; its BASE may be your own image.",
            )

    def _run_tools(self) -> Result:
        with self.open() as box:
            return box.run("git --version && python3 --version", limits=SELF_TEST_LIMITS)

    def engine(self) -> DockerEngine:
        """The engine that boxes run in. Raises ``SandboxError`` if none answers."""
        with self._lock:
            if self._engine is None:
                environ = {"DOCKER_HOST": self._docker_host} if self._docker_host else {}
                engine = DockerEngine(engine_address({**os.environ, **environ}))
                engine.check()
                for name in ("locks", "egress", "used", "proofs"):
                    (self._data / name).mkdir(parents=True, exist_ok=True)
                self._engine = engine
            return self._engine

    def find_image(self) -> Image | None:
        """The image that boxes are made of. Raises ``SandboxError`` if no engine answers."""
        client = self.engine().client
        with engine_errors():
            try:
                return client.images.get(self.image)
            except ImageNotFound:
                return None

    def _require_image(self) -> Image:
        image = self.find_image()
        if image is None:
            raise SandboxError(
                f"The Docker engine has no image {self.image}.",
                advice=f"Build it: docker build -t {self.image} deploy/sandbox",
            )
        return image

    def fingerprint(self) -> str:
        """The image's id, because an image never changes. Raises ``SandboxError`` if the engine does not have it."""
        return str(self._require_image().id)

    @contextmanager
    def open(
        self,
        *,
        origin: Snapshot | None = None,
        egress: Egress | None = None,
        hosts: Mapping[str, str] = NO_HOSTS,
    ) -> Iterator[DockerBox]:
        """Open a box. ``/opt/env`` is read-only in a box that has an ``origin`` and no ``egress``."""
        engine = self.engine()
        name = secrets.token_hex(8)
        with ExitStack() as stack:
            lock = FileLock(self._data / "locks" / name)
            stack.callback(lock.path.unlink, missing_ok=True)
            stack.callback(lock.release)
            lock.acquire()
            writable = origin is None or egress is not None
            with self._snapshots.hold(origin) if origin else nullcontext() as snapshot:
                if snapshot and not writable:
                    volume = environment_volume(snapshot)
                else:
                    volume = self._snapshots.create_volume(name)
                    stack.callback(self._snapshots.drop_volume, volume)
                container = self._start(name, snapshot, volume, writable=writable, hosts=hosts)
            stack.callback(self._remove_container, container)
            box = DockerBox(engine, container, self._capacity, shell=self._shell)
            stack.callback(box.close)
            over = DockerLayer(origin, str(snapshot.id)) if origin and snapshot and not writable else None
            box.on_save = lambda key: self._snapshots.save(container, volume, key=key, over=over)
            box.owns_environment = writable
            if origin and writable:
                box.copy(ORIGIN, ENVIRONMENT)
            if egress is not None:
                self._copy_certificates(container)
                box.open_egress(stack.enter_context(self._open_gateway(name, egress)))
            box.commit = box.checked_out = origin.commit if origin and not writable else ""
            yield box

    def find_snapshot(self, key: str) -> Snapshot | None:
        return Snapshot(key) if self._snapshots.has(key) else None

    def delete_snapshots(self, keys: Iterable[str]) -> None:
        self._snapshots.delete(keys)

    def sweep(self) -> None:
        """Remove the boxes of workers that are gone, and what deleted snapshots left."""
        client = self.engine().client
        with engine_errors():
            for container in client.api.containers(all=True, filters={"label": OWNER}):
                if self._is_stale(container["Labels"]):
                    self._remove_container(container["Id"])
            mine = {"label": f"{OWNER}={self.owner}"}
            for image in client.images.list(filters={**mine, "dangling": True}):
                remove_if_unused(partial(client.images.remove, str(image.id)))
            kept = {environment_volume(image) for image in client.images.list(filters=mine)}
            for volume in client.volumes.list(filters=mine):
                if volume.name not in kept and not self._is_open(volume.attrs["Labels"].get(BOX, "")):
                    self._snapshots.remove_volume(volume.name)

        for folder in (self._data / "egress").iterdir():
            if not self._is_open(folder.name.partition("-")[0]):
                shutil.rmtree(folder, ignore_errors=True)

    def _start(
        self, name: str, snapshot: Image | None, volume: str, *, writable: bool, hosts: Mapping[str, str]
    ) -> str:
        mounts = [Mount(ENVIRONMENT, volume, type="volume", read_only=not writable)]
        if snapshot and writable:
            mounts.append(Mount(ORIGIN, environment_volume(snapshot), type="volume", read_only=True))
        mounts += [Mount(folder, folder, type="bind", read_only=True) for folder in self.toolchains]
        client = self.engine().client
        with engine_errors():
            container = client.containers.create(
                snapshot or self.image,
                entrypoint=list(FIRST_PROCESS),
                command=[],
                user="0:0",
                hostname="sandbox",
                working_dir="/",
                mounts=mounts,
                extra_hosts=dict(hosts),
                labels={**box_labels(self.owner, name), UNTIL: str(int(time.time()) + LIFE_SECONDS)},
                **hardening(self._capacity, self._runtime, cpus=self.engine().processors()),
            )
            try:
                container.start()
            except APIError:
                self._remove_container(str(container.id))
                raise
        return str(container.id)

    def _is_stale(self, labels: dict[str, str]) -> bool:
        if labels.get(OWNER) == self.owner:
            return not self._is_open(labels.get(BOX, ""))
        return int(labels.get(UNTIL, "0")) < time.time()

    def _is_open(self, name: str) -> bool:
        """Whether the process that opened this box is alive: then it holds the box's lock."""
        if not re.fullmatch(r"[0-9a-f]{16}", name) or not (self._data / "locks" / name).exists():
            return False
        lock = FileLock(self._data / "locks" / name)
        free = lock.acquire()
        if free:
            lock.path.unlink(missing_ok=True)
        lock.release()
        return not free

    def _remove_container(self, container: str) -> None:
        remove_if_unused(lambda: self.engine().client.api.remove_container(container, force=True))

    @contextmanager
    def _open_gateway(self, name: str, egress: Egress) -> Iterator[Gateway]:
        """The proxy of one box. If the worker is root, the proxy runs as nobody."""
        uid = NOBODY if os.geteuid() == 0 else None
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=self._data / "egress") as parent:
            folder = Path(parent) / "proxy"
            folder.mkdir(mode=0o700)
            if uid is not None:
                Path(parent).chmod(0o711)
                os.chown(folder, uid, uid)
            with open_gateway(folder, egress, uid) as gateway:
                yield gateway

    def _copy_certificates(self, container: str) -> None:
        """Make the box trust the same certificate authorities as this machine."""
        bundle = guest.ca_bundle()
        if bundle is None:
            return
        raw, packed = bundle.read_bytes(), io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            entry = tarfile.TarInfo(str(bundle).lstrip("/"))
            entry.size, entry.mode = len(raw), 0o644
            tar.addfile(entry, io.BytesIO(raw))
        with engine_errors():
            self.engine().client.api.put_archive(container, "/", packed.getvalue())
