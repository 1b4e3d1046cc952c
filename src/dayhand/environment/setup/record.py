"""The result of a set-up, kept in its snapshot: a JSON file in ``/opt/env``, written and read inside a box."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, field, replace

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.base import Installed, Missing
from dayhand.environment.declared.ci import without_fallbacks
from dayhand.environment.ecosystems.base import Check
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box, Sandbox, Snapshot
from dayhand.startup.records import dataclass
from dayhand.task import Blocked
from dayhand.typed_json import ShapeError, parse

PATH = f"{ENVIRONMENT}/dayhand-environment.json"
MAX_BYTES = 1024 * 1024
RETRY_SECONDS = 600  # an incomplete result is shared for this long, then tried again
OUTPUT_CHARACTERS = 8000  # of each step: the log of the task that built it has everything


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of setting up: the part of an ``Environment`` that cannot be computed again."""

    missing: Mapping[str, Missing]
    steps: tuple[Installed, ...]
    blocked: tuple[Blocked, ...]
    missing_services: Mapping[str, Missing] = field(default_factory=dict)  # by ``Started.name``
    replaced: Mapping[str, Missing] = field(default_factory=dict)  # CI's checks in whose place fallbacks run

    def settled(self, checks: tuple[Check, ...]) -> Outcome:
        """With the fallbacks that run in the place of missing checks: these are not missing any more."""
        kept = {check.command for check in without_fallbacks(checks, self.missing)}
        missing = {command: one for command, one in self.missing.items() if command in kept}
        used = {command for check in checks if check.command in kept for command in check.fallback_for}
        replaced = {command: one for command, one in self.missing.items() if command in used}
        return replace(self, missing=missing, replaced=replaced)

    @property
    def complete(self) -> bool:
        """Whether another attempt could install nothing more."""
        return not self.missing and all(step.passed for step in self.steps)


def recall(sandbox: Sandbox, key: str) -> tuple[Snapshot, Outcome] | None:
    """The snapshot that was saved under ``key`` with its result; None if there is none that can be read."""
    for name in (key, _temporary(key)):
        if snapshot := sandbox.find_snapshot(name):
            with sandbox.open(origin=snapshot) as box:
                outcome = read(box)
            if outcome:
                return snapshot, outcome
    return None


def save(box: Box, sandbox: Sandbox, key: str, *, outcome: Outcome) -> Snapshot:
    """Save a box with its result; one that is not complete only for a while: the registry may be back by then."""
    name = key if outcome.complete else _temporary(key)
    write(box, outcome)
    sandbox.delete_snapshots([name])
    return box.save(name)


def _temporary(key: str) -> str:
    return f"{key}-{int(time.time()) // RETRY_SECONDS}"


def write(box: Box, outcome: Outcome) -> None:
    """Write the result into the box that is about to be saved."""
    text = json.dumps(asdict(outcome))
    # Set-up ran the repository's code, which may have created something of its own at this path.
    box.check_output(["/bin/sh", "-c", f"rm -rf {PATH} && cat > {PATH}"], stdin=text.encode(), max_bytes=0)


def read(box: Box) -> Outcome | None:
    """The result in the snapshot that this box was opened from; None where it cannot be read."""
    try:
        return parse(Outcome, box.check_output(["/bin/cat", PATH], max_bytes=MAX_BYTES))
    except (SandboxError, ShapeError):
        return None
