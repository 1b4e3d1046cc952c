"""What set-up found out, kept inside the snapshot that it made: a note in ``/opt/env``, written and read in a box."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.base import Installed, Missing
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box
from dayhand.task import Blocked

NOTE = f"{ENVIRONMENT}/dayhand-environment.json"
NOTE_BYTES = 1024 * 1024
OUTPUT_CHARACTERS = 8000  # of each step: the whole is in the log of the task that built it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of setting up: the part of an ``Environment`` that cannot be computed again."""

    missing: Mapping[str, Missing]
    steps: tuple[Installed, ...]
    blocked: tuple[Blocked, ...]

    @property
    def complete(self) -> bool:
        """Whether another try could bring nothing more."""
        return not self.missing and all(step.passed for step in self.steps)


def write(box: Box, outcome: Outcome) -> None:
    """Leave the note in the box that is about to be saved."""
    note = json.dumps(
        {
            "missing": {command: asdict(missing) for command, missing in outcome.missing.items()},
            "steps": [asdict(step) for step in outcome.steps],
            "blocked": [asdict(blocked) for blocked in outcome.blocked],
        }
    )
    # Set-up ran the repository's code, which may have put something of its own in the note's place.
    box.pour(["/bin/sh", "-c", f"rm -rf {NOTE} && cat > {NOTE}"], stdin=note.encode(), most=0)


def read(box: Box) -> Outcome | None:
    """The note of the snapshot that this box was opened from; None where there is none that can be read."""
    try:
        note = json.loads(box.pour(["/bin/cat", NOTE], most=NOTE_BYTES))
        return Outcome(
            {command: Missing(**missing) for command, missing in note["missing"].items()},
            tuple(Installed(**step) for step in note["steps"]),
            tuple(Blocked(**blocked) for blocked in note["blocked"]),
        )
    except (SandboxError, ValueError, TypeError, KeyError, AttributeError):
        return None
