"""The same contract for a worker that is not root."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dayhand.sandbox.bubblewrap.mounts import is_readable_by_all
from tests.sandbox.readable_copies import CHECKOUT, readable_copies

TESTS = Path(__file__).parent
ORDINARY_UID = 61_234
# Containers do not, nor does what git does in a box, nor the proxy, once there is one connection to it.
WHAT_DEPENDS_ON_THE_USER = (
    "bubblewrap and not (test_clone or test_worktree or test_large_repository or test_relay_in or test_gateway)"
    " or bubblewrap and test_a_refusal_is_answered_and_recorded"
)


def interpreter() -> str | None:
    """A Python of our version that every user can run; the current one may be in root's home."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (Path(sys.executable), Path("/usr/bin") / version, Path("/usr/local/bin") / version):
        if path.exists() and is_readable_by_all(path):
            return str(path)
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests already run as an ordinary user")
def test_the_contract_holds_for_an_ordinary_user():
    python = interpreter()
    if python is None:
        pytest.skip("no Python of this version can be run by another user")
    with (
        tempfile.TemporaryDirectory(prefix="dayhand-copies-") as copies,
        tempfile.TemporaryDirectory(prefix="dayhand-user-") as home,
    ):
        Path(copies).chmod(0o755)
        checkout, packages = readable_copies(Path(copies) / "copy")
        tests = checkout / TESTS.relative_to(CHECKOUT)
        os.chown(home, ORDINARY_UID, ORDINARY_UID)
        process = subprocess.run(
            [
                python,
                "-m",
                "pytest",
                "-q",
                "-p",
                "pytest_timeout",
                "-p",
                "no:cacheprovider",
                str(tests),
                "-k",
                WHAT_DEPENDS_ON_THE_USER,
            ],
            cwd=checkout,
            env={
                "HOME": home,
                "TMPDIR": home,
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": f"{checkout}/src:{packages}",
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            },
            user=ORDINARY_UID,
            group=ORDINARY_UID,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )
    assert process.returncode == 0, process.stdout[-6000:] + process.stderr[-2000:]
    assert " passed" in process.stdout
