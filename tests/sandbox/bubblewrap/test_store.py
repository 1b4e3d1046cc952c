"""What happens to the boxes of a killed worker, and who can enter which folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dayhand.errors import SandboxError
from dayhand.sandbox.base import Egress, Snapshot
from dayhand.sandbox.bubblewrap import binaries
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.bubblewrap.store import MAX_SNAPSHOTS
from tests.sandbox.egress.client import refusal
from tests.sandbox.own_processes import mark_sleeps, processes_with
from tests.sandbox.readable_copies import readable_copies
from tests.waiting import PATIENCE, becomes_true

WORKER = r"""
import sys
from pathlib import Path
from dayhand.sandbox.base import Egress
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox

with BubblewrapSandbox(Path(sys.argv[1])).open(egress=Egress(())) as box:
    ask = "s.send(b'CONNECT no.example:443 HTTP/1.1\\r\\n\\r\\n'); assert s.recv(1)"
    connect = f"import socket; s = socket.create_connection(('127.0.0.1', 3128)); {ask}"
    assert box.run(["python3", "-c", connect]).passed
    writing = "head -c 9M > part; sleep 71.5 & echo began; cat > /dev/null"
    box.run(writing, stdin=open("/dev/zero", "rb"), on_output=lambda _: print("began", flush=True))
"""

# Begins to start a box and dies before the box may run: bubblewrap has not yet tied the box's life to its parent's.
DYING_STARTER = """
import os, subprocess, sys

status_read, status = os.pipe()
go, end = os.pipe()
words = ["--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--bind", sys.argv[1], "/workspace"]
own = ["--json-status-fd", str(status), "--block-fd", str(go)]
subprocess.Popen([sys.argv[2], *own, *words, "/usr/bin/true"], pass_fds=(status, go, end))
os.read(status_read, 1000)
os._exit(0)
"""


@pytest.fixture
def home():
    with tempfile.TemporaryDirectory(prefix="dayhand-store-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def is_running(*words: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = entry.read_bytes()
        except OSError:
            continue
        if all(word.encode() in arguments for word in words) and entry.parent.name != str(os.getpid()):
            return True
    return False


def is_used(folder: Path) -> bool:
    """Whether a process has its working directory there. Proxies of other tests have the same name."""
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if entry.readlink().is_relative_to(folder):
                return True
    return False


def test_the_processes_of_a_killed_worker_end_and_the_rest_is_swept(home):
    words = [sys.executable, "-c", mark_sleeps(WORKER), str(home)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout.readline() == "began\n"
        assert becomes_true(lambda: processes_with("71.5"))
        assert is_used(home), "the proxy of its box"
        sandbox = BubblewrapSandbox(home)
        sandbox.sweep()
        assert len(list((home / "sandbox/boxes").iterdir())) == 1  # the worker is alive, so its box stays
        worker.send_signal(signal.SIGKILL)
        worker.wait(PATIENCE)

    assert becomes_true(lambda: not processes_with("71.5"))
    assert becomes_true(lambda: not is_used(home))
    sandbox.sweep()
    assert list((home / "sandbox/boxes").iterdir()) == []
    assert list((home / "sandbox/locks").iterdir()) == []
    groups = (
        name for _, folders, _ in os.walk("/sys/fs/cgroup") for name in folders
    )  # other tests' come and go
    assert [name for name in groups if name.startswith(sandbox._group_prefix)] == []


def test_a_box_that_a_killed_worker_had_only_begun_is_ended_by_the_next_worker(home):
    sandbox = BubblewrapSandbox(home)
    sandbox.sweep()
    workspace = home / "sandbox/boxes/begun/workspace"
    workspace.mkdir(parents=True)
    bwrap = next(iter(binaries.find_bwraps(home / "sandbox/tools")))
    subprocess.run(
        [sys.executable, "-c", DYING_STARTER, str(workspace), str(bwrap)], check=True, timeout=PATIENCE
    )
    assert is_running("bwrap", str(workspace))
    sandbox.sweep()
    assert becomes_true(lambda: not is_running("bwrap", str(workspace)))
    assert not workspace.exists()


def test_a_sweep_keeps_snapshots(home):
    sandbox = BubblewrapSandbox(home)
    with sandbox.open() as box:
        box.run("echo x > w")
        snapshot = box.save("kept")
    sandbox.sweep()
    with BubblewrapSandbox(home).open(origin=snapshot) as box:
        assert box.run("cat w").text() == "x\n"


def test_a_deleted_snapshot_is_swept_when_its_box_is_closed(home):
    sandbox = BubblewrapSandbox(home)
    with sandbox.open() as box:
        snapshot = box.save("kept")
    with sandbox.open(origin=snapshot):
        sandbox.delete_snapshots(["kept"])
        sandbox.sweep()
        assert len(list((home / "sandbox/states").iterdir())) == 1
    sandbox.sweep()
    assert list((home / "sandbox/states").iterdir()) == []


def test_the_least_recently_used_snapshots_are_deleted(home):
    sandbox = BubblewrapSandbox(home)
    for number in range(MAX_SNAPSHOTS + 2):
        with sandbox.open() as box:
            box.save(f"kept-{number}")
        if number == 1:
            os.utime(home / "sandbox/snapshots/kept-1", (1, 1), follow_symlinks=False)
        if number == MAX_SNAPSHOTS - 1:
            with sandbox.open(origin=Snapshot("kept-0")):
                pass

    assert sandbox.find_snapshot("kept-0") is not None  # it was used
    assert sandbox.find_snapshot("kept-1") is None
    assert sandbox.find_snapshot("kept-2") is None
    assert len(list((home / "sandbox/states").iterdir())) == MAX_SNAPSHOTS


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give boxes users of their own")
def test_boxes_run_as_different_users_and_never_as_root(home):
    sandbox = BubblewrapSandbox(home)
    with sandbox.open() as one, sandbox.open() as two:
        for box in (one, two):
            assert box.run("echo x > w; id -u").text() == "1000\n"
        owners = {path.stat().st_uid for path in (home / "sandbox/boxes").glob("*/workspace/w")}
    assert len(owners) == 2
    assert min(owners) >= 200_000


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user can enter their own folders")
def test_a_data_folder_that_boxes_cannot_enter_is_reported_with_the_remedy(home):
    home.chmod(0o700)

    with pytest.raises(SandboxError, match="cannot pass through") as caught:
        BubblewrapSandbox(home).self_test()

    assert f"chmod o+x {home}" in caught.value.advice


def test_a_machine_without_user_namespaces_gets_no_box_and_the_remedy(home, tmp_path):
    """There are none inside our own boxes, so the self-test must fail there, with the remedy."""
    code = (
        "from pathlib import Path; from dayhand.errors import SandboxError; from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox\n"
        "try:\n    BubblewrapSandbox(Path('/workspace')).self_test()\n"
        "except SandboxError as error:\n    print(error); print(error.advice)"
    )
    checkout, packages = readable_copies(home / "copies")
    source = checkout / "src"
    outside = BubblewrapSandbox(home)
    outside.self_test()
    config = outside.config()
    binds = [word for path in (source, packages) for word in ("--ro-bind", str(path), str(path))]
    words = [str(config.bwrap), *config.fixed_arguments, *binds, "--tmpfs", "/workspace"]
    env = ["--setenv", "PYTHONPATH", f"{source}:{packages}", "--setenv", "PATH", "/usr/bin:/bin"]
    user = 200_999 if os.geteuid() == 0 else None
    process = subprocess.run(
        [*words, *env, "--", "/usr/bin/python3", "-c", code],
        user=user, group=user, extra_groups=None if user is None else [],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "No sandbox can be opened here" in process.stdout, process.stdout + process.stderr
    assert "user.max_user_namespaces" in process.stdout


def test_an_egress_box_has_the_proxys_socket_and_its_proxy_ends_with_it(home):
    sandbox = BubblewrapSandbox(home)
    with sandbox.open(egress=Egress(())) as box:
        assert box.run("ls /run/egress").text() == "proxy.sock\n"
        assert refusal(box.gateway.folder) == b"HTTP/1.1 403"
        assert is_used(home), "the proxy of its box"
    assert not is_used(home)
