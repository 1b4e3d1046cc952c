"""What becomes of boxes whose worker is killed, and who may pass to where."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from dayhand.errors import SandboxError
from dayhand.sandbox.base import Egress, Snapshot
from dayhand.sandbox.bubblewrap import binaries
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.bubblewrap.store import MAX_SNAPSHOTS
from tests.sandbox.processes import ours, processes_with
from tests.sandbox.readable_copies import readable_copies

WORKER = """
import sys
from pathlib import Path
from dayhand.sandbox.base import Egress
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox

with BubblewrapSandbox(Path(sys.argv[1])).open(egress=Egress(())) as box:
    putting = "head -c 9M > part; sleep 71.5 & echo began; cat > /dev/null"
    box.run(putting, stdin=open("/dev/zero", "rb"), on_output=lambda _: print("began", flush=True))
"""

# Begins a box and dies before it lets it run: bubblewrap has not yet tied the box's first process to anybody.
BEGINNER = """
import os, subprocess, sys

told, status = os.pipe()
go, end = os.pipe()
words = ["--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--bind", sys.argv[1], "/workspace"]
own = ["--json-status-fd", str(status), "--block-fd", str(go)]
subprocess.Popen([sys.argv[2], *own, *words, "/usr/bin/true"], pass_fds=(status, go, end))
os.read(told, 1000)
os._exit(0)
"""


@pytest.fixture
def home():
    with tempfile.TemporaryDirectory(prefix="dayhand-store-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def lives(*words: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            told = entry.read_bytes()
        except OSError:
            continue
        if all(word.encode() in told for word in words) and entry.parent.name != str(os.getpid()):
            return True
    return False


def runs_under(folder: Path) -> bool:
    """Whether a process has its working directory there: a proxy, whose name others' proxies have too."""
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if entry.readlink().is_relative_to(folder):
                return True
    return False


def settles(condition) -> bool:
    until = time.monotonic() + 10
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def test_a_worker_killed_while_it_puts_takes_everything_along_and_the_rest_is_swept(home):
    words = [sys.executable, "-c", ours(WORKER), str(home)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout.readline() == "began\n"
        assert settles(lambda: processes_with("71.5"))
        assert runs_under(home), "the proxy of its box"
        sandbox = BubblewrapSandbox(home)
        sandbox.sweep()
        assert len(list((home / "sandbox/boxes").iterdir())) == 1  # it lives: it is left alone
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)

    assert settles(lambda: not processes_with("71.5"))
    assert settles(lambda: not runs_under(home))
    sandbox.sweep()
    assert list((home / "sandbox/boxes").iterdir()) == []
    assert list((home / "sandbox/locks").iterdir()) == []
    groups = Path("/sys/fs/cgroup").glob("*/**/dayhand-*")
    mine = sandbox._group_prefix
    assert [group for group in groups if group.name.startswith(mine)] == []


def test_a_box_that_a_killed_worker_had_only_begun_is_ended_by_the_next_one(home):
    sandbox = BubblewrapSandbox(home)
    sandbox.sweep()
    workspace = home / "sandbox/boxes/begun/workspace"
    workspace.mkdir(parents=True)
    bwrap = next(iter(binaries.find_bwraps(home / "sandbox/tools")))
    subprocess.run([sys.executable, "-c", BEGINNER, str(workspace), str(bwrap)], check=True, timeout=20)
    assert lives("bwrap", str(workspace))
    sandbox.sweep()
    assert settles(lambda: not lives("bwrap", str(workspace)))
    assert not workspace.exists()


def test_a_sweep_keeps_what_is_saved(home):
    sandbox = BubblewrapSandbox(home)
    with sandbox.open() as box:
        box.run("echo x > w")
        snapshot = box.save("kept")
    sandbox.sweep()
    with BubblewrapSandbox(home).open(origin=snapshot) as box:
        assert box.run("cat w").text() == "x\n"


def test_a_state_that_nobody_links_to_is_swept_when_its_box_is_closed(home):
    sandbox = BubblewrapSandbox(home)
    with sandbox.open() as box:
        snapshot = box.save("kept")
    with sandbox.open(origin=snapshot):
        sandbox.delete_snapshots(["kept"])
        sandbox.sweep()
        assert len(list((home / "sandbox/states").iterdir())) == 1
    sandbox.sweep()
    assert list((home / "sandbox/states").iterdir()) == []


def test_snapshots_that_nobody_used_for_long_make_room(home):
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives boxes users of their own")
def test_boxes_run_as_different_users_and_never_as_root(home):
    sandbox = BubblewrapSandbox(home)
    with sandbox.open() as one, sandbox.open() as two:
        for box in (one, two):
            assert box.run("echo x > w; id -u").text() == "1000\n"
        owners = {path.stat().st_uid for path in (home / "sandbox/boxes").glob("*/workspace/w")}
    assert len(owners) == 2
    assert min(owners) >= 200_000


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user passes through their own folders")
def test_a_closed_data_folder_is_told_with_the_remedy(home):
    home.chmod(0o700)

    with pytest.raises(SandboxError, match="cannot pass through") as caught:
        BubblewrapSandbox(home).self_test()

    assert f"chmod o+x {home}" in caught.value.advice


def test_a_machine_without_user_namespaces_is_told_and_gets_no_box(home, tmp_path):
    """Inside a box of ours there are none to be had, so our own probe must fail there, with the remedy."""
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
    told = subprocess.run(
        [*words, *env, "--", "/usr/bin/python3", "-c", code],
        user=user, group=user, extra_groups=None if user is None else [],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "No sandbox can be opened here" in told.stdout, told.stdout + told.stderr
    assert "user.max_user_namespaces" in told.stdout


def test_an_egress_box_and_a_plain_one_differ_by_the_socket_only(home):
    sandbox = BubblewrapSandbox(home)
    with sandbox.open(egress=Egress(())) as box:
        assert box.run("ls /run/egress").text() == "proxy.sock\n"
    assert not lives("proxy_process", str(home))
