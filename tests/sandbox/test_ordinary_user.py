"""The same promises where the worker has no rights at all."""

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
NOBODY_IN_PARTICULAR = 61_234


def interpreter() -> str | None:
    """A Python of our version that any user may run; this one may live in root's home."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (Path(sys.executable), Path("/usr/bin") / version, Path("/usr/local/bin") / version):
        if path.exists() and is_readable_by_all(path):
            return str(path)
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
@pytest.mark.timeout(300)
def test_the_contract_holds_for_an_ordinary_user():
    python = interpreter()
    if python is None:
        pytest.skip("no Python of this version can be reached by another user")
    with (
        tempfile.TemporaryDirectory(prefix="dayhand-copies-") as copies,
        tempfile.TemporaryDirectory(prefix="dayhand-user-") as home,
    ):
        Path(copies).chmod(0o755)
        checkout, packages = readable_copies(Path(copies) / "there")
        tests = checkout / TESTS.relative_to(CHECKOUT)
        os.chown(home, NOBODY_IN_PARTICULAR, NOBODY_IN_PARTICULAR)
        done = subprocess.run(
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
                "--deselect",
                str(tests / Path(__file__).name),
                "-k",
                # An engine's boxes are the same whoever asks for them, and this user may not ask.
                "not docker and not gvisor",
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
            user=NOBODY_IN_PARTICULAR,
            group=NOBODY_IN_PARTICULAR,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
