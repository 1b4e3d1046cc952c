"""Control groups that an ordinary user's worker was given. Of version 2, what this machine offers: one controller is enough."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dayhand.sandbox.bubblewrap.spawn_thread import SpawnThread
from dayhand.sandbox.limits import CONTROLLERS, INNER, V2_ROOT
from tests.sandbox.readable_copies import readable_copies
from tests.sandbox.test_ordinary_user import ORDINARY_UID, interpreter

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give groups to another user")
NAME = f"dayhand-test-limits-{os.getpid()}"
OPEN_A_BOX = """
import sys
from pathlib import Path
from dayhand.sandbox.base import CommandLimits
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from tests.sandbox.conftest import SMALL
with BubblewrapSandbox(Path.home(), capacity=SMALL).open() as box:
    print(box.has_group, box.run(["python3", "-c", sys.argv[1]], limits=CommandLimits(seconds=20)).reason)
"""
HOLD = "import os; held = [os.write(os.memfd_create('held'), bytes(30 << 20)) for _ in range(20)]; input()"
FIND_PARENT = """
import sys
from pathlib import Path
from dayhand.errors import SandboxError
from dayhand.sandbox.limits import unified_parent
own, root, controller = sys.argv[1:]
for line in sys.stdin:
    try:
        print(unified_parent(Path(own), root=Path(root), controllers=(controller,)).name, flush=True)
    except SandboxError as error:
        print(error, flush=True)
"""


@pytest.fixture(scope="module")
def start_as_user():
    """A function that starts Python code of ours as an ordinary user, in groups of version 1."""
    python = interpreter()
    if python is None:
        pytest.skip("no Python of this version can be run by another user")
    with contextlib.ExitStack() as stack:
        copies, home = (stack.enter_context(tempfile.TemporaryDirectory(prefix="dayhand-")) for _ in range(2))
        Path(copies).chmod(0o755)
        os.chown(home, ORDINARY_UID, ORDINARY_UID)
        checkout, packages = readable_copies(Path(copies) / "copy")
        env = {"PATH": "/usr/bin:/bin", "HOME": home, "PYTHONPATH": f"{checkout}/src:{packages}:{checkout}"}

        def start(code: str, *arguments: str, groups=()) -> subprocess.Popen[str]:
            spawner = SpawnThread(
                lambda: subprocess.Popen(
                    [python, "-c", code, *arguments],
                    env=env,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                ),
                ORDINARY_UID,
                [(folder / "tasks", folder.parent / "tasks") for folder in groups],
            )
            stack.callback(spawner.end)
            return spawner.program()

        yield start


@contextlib.contextmanager
def delegated(folder: Path) -> Iterator[Path]:
    """A group that belongs to the ordinary user."""
    folder.mkdir()
    try:
        for path in (folder, *folder.iterdir()):
            os.chown(path, ORDINARY_UID, ORDINARY_UID)
        yield folder
    finally:
        with contextlib.suppress(FileNotFoundError):
            (folder / INNER).rmdir()
        folder.rmdir()


def test_a_users_box_has_a_group_where_its_worker_was_given_one(start_as_user):
    if not all((V2_ROOT / name).is_dir() for name in CONTROLLERS):
        pytest.skip("no control groups of version 1")
    with delegated(own_group("memory") / NAME) as memory, delegated(own_group("pids") / NAME) as pids:
        output, _ = start_as_user(OPEN_A_BOX, HOLD, groups=(memory, pids)).communicate()

    assert output == "True oom\n"


def test_a_delegated_group_is_divided_and_its_processes_move_to_a_child(start_as_user):
    root, controller = unified_controller()
    enabled = (root / "cgroup.subtree_control").read_text().split()
    (root / "cgroup.subtree_control").write_text(f"+{controller}")
    try:
        with delegated(root / NAME) as own:
            worker = start_as_user(FIND_PARENT, str(own), str(root), controller)
            assert worker.stdin
            assert worker.stdout
            (own / "cgroup.procs").write_text(str(worker.pid))
            print(file=worker.stdin, flush=True)
            assert worker.stdout.readline().startswith("No control group"), "it was not delegated"
            os.setxattr(own, "user.delegate", b"1")
            print(file=worker.stdin, flush=True)
            assert worker.stdout.readline() == f"{NAME}\n"
            assert (own / INNER / "cgroup.procs").read_text().split() == [str(worker.pid)]
            assert (own / "cgroup.subtree_control").read_text().split() == [controller]
            worker.communicate()
    finally:
        if controller not in enabled:
            (root / "cgroup.subtree_control").write_text(f"-{controller}")


def own_group(controller: str) -> Path:
    """This process's group of version 1."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(",") and (folder := V2_ROOT / controller / path.lstrip("/")).is_dir():
            return folder
    return V2_ROOT / controller


def unified_controller() -> tuple[Path, str]:
    """Where version 2 is mounted, and a controller that its groups can have."""
    for root in (V2_ROOT, V2_ROOT / "unified"):
        with contextlib.suppress(OSError):
            if found := (root / "cgroup.controllers").read_text().split():
                return root, found[0]
    pytest.skip("no control groups of version 2 with a controller")
