"""The dependencies layer: what manifests and locks name, downloaded where nothing of the repository can run.

One layer for each plan. Its box has a network, and of the repository the files that the plan's ``Fetch`` names. So what
is in it follows from these texts, the commands, the registry and the toolchain, and all of them are its key: a commit that
would download the same finds it, whoever made it. A commit that is not trusted can leave nothing for a trusted one in it
but what that commit's own manifests name, because with other manifests it has another key.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from dayhand.box_paths import ENVIRONMENT, WORKSPACE
from dayhand.environment.base import Installed
from dayhand.environment.ecosystems.base import Fetch, SetupPlan
from dayhand.environment.setup import record
from dayhand.environment.setup.build_lock import building
from dayhand.environment.setup.record import Outcome
from dayhand.environment.setup.runtimes import Runtimes
from dayhand.environment.setup.steps import Installer
from dayhand.errors import SandboxError
from dayhand.sandbox.base import NO_HOSTS, Box, CommandLimits, Egress, Sandbox, Snapshot
from dayhand.startup.records import dataclass
from dayhand.task import Blocked

VERSION = "1"  # part of every key: raise it when the same files should be downloaded differently
POUR = CommandLimits(seconds=600.0, output_bytes=8 * 1024**3)
PACK = ["/bin/sh", "-c", f"exec tar -cf - -C / {WORKSPACE[1:]} {ENVIRONMENT[1:]} 2>/dev/null"]
UNPACK = ["tar", "-xf", "-", "-C", "/", "--skip-old-files", "-p"]


@dataclass(frozen=True, slots=True)
class Layer:
    """What one plan's ``Fetch`` downloaded."""

    snapshot: Snapshot
    steps: tuple[Installed, ...]
    blocked: tuple[Blocked, ...]
    found: bool = False  # an earlier commit's

    @property
    def passed(self) -> bool:
        return all(step.passed for step in self.steps)


def find_layers(
    plans: tuple[SetupPlan, ...], runtimes: Runtimes, origin: Snapshot | None, *, repository: str
) -> tuple[Layer | None, ...]:
    """For each plan its layer, from an earlier commit or downloaded now; None for a plan that has no ``Fetch``.

    ``origin`` has the languages. A download that failed is tried again after ten minutes.
    """
    return tuple(
        _find_layer(plan, plan.fetch, runtimes, origin=origin, repository=repository) if plan.fetch else None
        for plan in plans
    )


def _find_layer(
    plan: SetupPlan, fetch: Fetch, runtimes: Runtimes, *, origin: Snapshot | None, repository: str
) -> Layer:
    hosts, client_env = runtimes.open_registries((plan,), origin)
    env, own = runtimes.env, runtimes.own_hosts
    texts = sorted(fetch.files.items())
    sandbox = runtimes.sandbox
    toolchain = (VERSION, sandbox.name, runtimes.base_image.identity, origin.key if origin else "")
    parts = (
        toolchain,
        repository,
        texts,
        fetch.step.commands,
        sorted(env.items()),
        sorted(client_env.items()),
    )
    key = "deps-" + hashlib.sha256(json.dumps([*parts, hosts, own]).encode()).hexdigest()[:32]
    with building(key):  # of fifty commits that need the same, one downloads it
        if found := record.recall(sandbox, key):
            runtimes.log.line(
                "result", f"{fetch.step.title}: done for an earlier commit with the same files."
            )
            return Layer(found[0], found[1].steps, found[1].blocked, found=True)
        egress = Egress((*hosts, *own), own)
        with sandbox.open(origin=origin, egress=egress) as box:
            _write(box, fetch.files)
            installer = Installer(box, env, client_env, log=runtimes.log)
            if plan.client == "python":
                installer.copy_uv()
            installer.take(fetch.step)
            box.check_output(["/bin/sh", "-c", _removal(fetch.files)], max_bytes=0)
            runtimes.log_connections(egress)
            blocked = tuple(replace(one, command=fetch.step.title) for one in egress.refused)
            outcome = Outcome({}, tuple(installer.steps), tuple(dict.fromkeys(blocked)))
            return Layer(record.save(box, sandbox, key, outcome=outcome), outcome.steps, outcome.blocked)


def _write(box: Box, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        script = 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1"'
        box.check_output(["/bin/sh", "-c", script, "sh", f"./{path}"], stdin=text.encode(), max_bytes=0)


def _removal(files: Mapping[str, str]) -> str:
    """Remove the files, and the folders that were made for them alone."""
    folders = sorted({path.rpartition("/")[0] for path in files} - {""})
    removed = f"rm -f -- {shlex.join(files)}"
    return f"{removed}; rmdir -p --ignore-fail-on-non-empty -- {shlex.join(folders)}" if folders else removed


@contextmanager
def opened_over(
    layers: tuple[Layer, ...],
    sandbox: Sandbox,
    *,
    origin: Snapshot | None,
    egress: Egress,
    hosts: Mapping[str, str] = NO_HOSTS,
) -> Iterator[Box]:
    """A box with all layers in it, or the languages alone. The last layer, often the largest, is opened and not copied."""
    with sandbox.open(origin=layers[-1].snapshot if layers else origin, egress=egress, hosts=hosts) as box:
        for layer in layers[:-1]:
            _pour(layer.snapshot, sandbox, box)
        yield box


def _pour(snapshot: Snapshot, sandbox: Sandbox, box: Box) -> None:
    """Copy a layer into a box, as bytes: each box has a user of its own, who cannot read another's files."""
    with tempfile.TemporaryFile() as stream, sandbox.open(origin=snapshot) as source:

        def keep(chunk: bytes) -> None:
            stream.write(chunk)

        packed = source.run(PACK, cwd="/", limits=POUR, on_output=keep)
        stream.seek(0)
        unpacked = box.run(UNPACK, cwd="/", stdin=stream, limits=POUR)
    if not (packed.passed and unpacked.passed):
        why = unpacked.text().strip()[-300:] or packed.reason
        raise SandboxError(f"What was downloaded could not be copied into the set-up box: {why}")
