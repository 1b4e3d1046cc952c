"""What a worker finds out once for all its jobs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dayhand.settings.table import Settings
from dayhand.wiring.sandboxes import open_sandbox


def test_what_was_found_out_of_a_sandbox_holds_for_the_next_job() -> None:
    with tempfile.TemporaryDirectory(prefix="dayhand-wiring-") as one, tempfile.TemporaryDirectory() as other:
        for folder in (one, other):
            Path(folder).chmod(0o755)
        first = open_sandbox(Settings(Path(one), sandbox="bubblewrap"))
        assert open_sandbox(Settings(Path(one), sandbox="bubblewrap")) is first
        assert open_sandbox(Settings(Path(other), sandbox="bubblewrap")) is not first
