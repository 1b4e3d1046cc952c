"""What applies to Docker alone: hardening, what a killed worker leaves, and the errors when Docker cannot be used."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from dayhand.errors import SandboxError
from dayhand.sandbox.base import CommandLimits, Egress, Reason
from dayhand.sandbox.docker.backend import LIFE_SECONDS, DockerSandbox
from dayhand.sandbox.docker.box import SWEEP_SHELL
from dayhand.sandbox.docker.exec_stream import engine_address
from dayhand.sandbox.docker.labels import OWNER, SNAPSHOT, UNTIL
from dayhand.sandbox.egress.gateway import Gateway
from dayhand.sandbox.egress.proxy_on_demand import SOCKET
from tests.sandbox.conftest import SMALL
from tests.sandbox.echo_server import echo_server
from tests.sandbox.egress.relay import relay
from tests.sandbox.image import require_image
from tests.waiting import PATIENCE, becomes_true, open_descriptors

BRIEF = CommandLimits(seconds=1)
IDLE_PROCESSES = 2  # the first process, and the `sleep` it waits for
WORKER = """
import sys
from pathlib import Path
from dayhand.sandbox.base import Egress
from dayhand.sandbox.docker.backend import DockerSandbox

with DockerSandbox(Path(sys.argv[1]), image=sys.argv[2]).open(egress=Egress(())) as box:
    writing = "head -c 9M > part; sleep 72.5 & echo began; cat > /dev/null"
    box.run(writing, stdin=open("/dev/zero", "rb"), on_output=lambda _: print("began", flush=True))
"""


@pytest.fixture(scope="module")
def engine():
    client, image = require_image()
    with contextlib.closing(client):
        yield client, image


@pytest.fixture(scope="module")
def sandbox(engine, data):
    return DockerSandbox(data / "docker-alone", image=engine[1], capacity=SMALL)


@pytest.fixture(scope="module")
def box(sandbox):
    with sandbox.open() as opened:
        yield opened


@pytest.fixture
def container(engine, box):
    return engine[0].containers.get(box._container)


def test_a_container_is_hardened(container):
    host, config = container.attrs["HostConfig"], container.attrs["Config"]

    assert (host["NetworkMode"], host["CapDrop"], host["Privileged"]) == ("none", ["ALL"], False)
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert json.loads(host["SecurityOpt"][1].removeprefix("seccomp="))["syscalls"]
    assert host["Memory"] == host["MemorySwap"] == SMALL.memory
    assert (host["PidsLimit"], host["NanoCpus"]) == (SMALL.processes, 2_000_000_000)
    assert (host["LogConfig"]["Type"], host["IpcMode"], host["Binds"]) == ("none", "private", None)
    assert [mount["Type"] for mount in container.attrs["Mounts"]] == ["volume"]
    assert not [word for word in config["Env"] if not word.startswith("PATH=")]


def test_no_command_can_signal_or_read_the_first_process(box):
    result = box.run("kill -KILL 1; kill -STOP 1; cat /proc/1/environ; ls /proc/1/cwd/; echo")

    assert result.text().count("denied") + result.text().count("permitted") == 4
    assert box.run("true").passed


def test_our_shell_cannot_be_read_or_traced(box):
    result = box.run(
        f"cat {SWEEP_SHELL} | wc -c; cat /proc/$PPID/maps; cat /proc/$PPID/mem | wc -c; ls -l /proc/$PPID/exe"
    )

    assert result.text().count("denied") >= 4, result.text()


def test_what_a_command_leaves_is_killed_even_if_it_killed_our_shell(box):
    result = box.run("(setsid sleep 72.25 &); kill -KILL $PPID; sleep 72.25")

    assert not result.passed
    assert "72.25" not in box.run("cat /proc/*/cmdline").text()


def test_output_that_is_read_too_late_is_not_taken_for_all_of_it(box, container):
    """The engine drops what has not been read some seconds after a command has ended."""
    fill_every_pipe = (
        "import os, time\n"
        "os.set_blocking(1, False)\n"
        "written = time.monotonic()\n"
        "while time.monotonic() - written < 0.5:\n"
        "    try:\n"
        "        os.write(1, b'x' * 4000)\n"  # less than a page, so the mark has room in the last one
        "        written = time.monotonic()\n"
        "    except BlockingIOError:\n"
        "        time.sleep(0.01)\n"
        "os.set_blocking(1, True)\n"
    )
    chunks = []

    def read_late(chunk):
        if not chunks:
            assert becomes_true(lambda: len(container.top()["Processes"]) == IDLE_PROCESSES)
            # Nothing tells that the engine has given up waiting, which it does after two seconds.
            time.sleep(6)
        chunks.append(chunk)

    late = box.run(["python3", "-c", fill_every_pipe], on_output=read_late)

    assert (late.code, late.reason, late.passed) == (0, Reason.TRUNCATED, False)
    assert box.run("head -c 1400000 /dev/zero; echo end").passed


def test_variables_of_the_command_do_not_reach_our_shell(box):
    box.run("echo 'nonsense' > evil.so")

    result = box.run("echo mine", env={"LD_PRELOAD": "/workspace/evil.so", "ENV": "/workspace/evil.so"})

    assert result.text().count("cannot be preloaded") >= 1, "the command itself has the variable"
    assert "mine" in result.text()
    assert result.code == 0


def test_a_program_with_an_equals_sign_is_still_a_program(box):
    box.run("mkdir bin; printf '#!/bin/sh\\necho ran $1\\n' > bin/a=b; chmod +x bin/a=b")

    assert box.run(["/workspace/bin/a=b", "x"]).text() == "ran x\n"


def test_bytes_that_the_proxy_does_not_read_yet_wait_in_the_box(sandbox):
    """Otherwise they would fill the worker's memory."""
    code = """
import socket
with socket.create_connection(("127.0.0.1", 3128), timeout=3) as s:
    sent = 0
    try:
        while sent < 64 << 20:
            sent += s.send(b"x" * 65536)
    except TimeoutError:
        print("it had to wait")
"""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX) as silent,
        sandbox.open() as box,
    ):
        silent.bind(f"{folder}/{SOCKET}")
        silent.listen()
        box.open_egress(Gateway(Path(folder), Egress(()), os.open(os.devnull, os.O_RDONLY)))

        assert box.run(["python3", "-c", code], limits=CommandLimits(seconds=60)).text() == "it had to wait\n"


REMOTE = r"""
import sys
from pathlib import Path
from dayhand.sandbox.base import Egress
from dayhand.sandbox.docker.backend import DockerSandbox

ASK = "import socket; s = socket.create_connection(('127.0.0.1', 3128)); s.send(b'CONNECT no.example:443 HTTP/1.1\\r\\n\\r\\n'); print(s.recv(12))"
sandbox, egress = DockerSandbox(Path(sys.argv[1]), image=sys.argv[2]), Egress(())
with sandbox.open(egress=egress) as box:
    assert box.run("cat > kept; wc -c < kept", stdin=bytes(3_000_000)).text() == "3000000\n"
    assert box.run(["python3", "-c", ASK]).text() == "b'HTTP/1.1 403'\n"
    kept = box.save("remote")
with sandbox.open(origin=kept) as box:
    print(box.run("wc -c < kept").text().strip(), [blocked.host for blocked in egress.blocked])
sandbox.delete_snapshots(["remote"])
"""


def test_an_engine_can_be_reached_over_tcp(engine, data):
    """Like one on another machine: the worker shares no folder with it."""
    address = engine_address()
    if not address.startswith("unix://"):
        pytest.skip("all other tests already reach the engine over TCP")
    with relay(address.removeprefix("unix://")) as port:
        process = subprocess.run(
            [sys.executable, "-c", REMOTE, str(data / "remote"), engine[1]],
            env={**os.environ, "DOCKER_HOST": f"tcp://127.0.0.1:{port}"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert process.stdout == "3000000 ['no.example']\n", process.stderr[-2000:]


CALLS = """
import socket, threading
def call():
    return socket.create_connection(("127.0.0.1", 3128), timeout=50)
"""


@pytest.fixture
def echo_box(sandbox):
    """Not shared: for a moment, the connections of an ended command count in the relay."""
    with (
        tempfile.TemporaryDirectory() as folder,
        echo_server(f"{folder}/{SOCKET}"),
        sandbox.open() as box,
    ):
        box.open_egress(Gateway(Path(folder), Egress(()), os.open(os.devnull, os.O_RDONLY)))
        yield box


def test_a_connection_is_relayed_whole_both_ways(echo_box):
    code = f"""{CALLS}
sent = bytes(range(256)) * 40_000
with call() as client:
    threading.Thread(target=lambda: (client.sendall(sent), client.shutdown(socket.SHUT_WR))).start()
    print(b"".join(iter(lambda: client.recv(65536), b"")) == sent)
"""
    assert echo_box.run(["python3", "-c", code], limits=CommandLimits(seconds=60)).text() == "True\n"


def test_a_connection_that_is_not_read_does_not_block_others(echo_box):
    """An installer that opens many connections may read the last one first."""
    code = f"""{CALLS}
unread = [call() for _ in range(3)]
for one in unread:
    one.settimeout(1)
    try:
        while True:
            one.send(bytes(65536))
    except TimeoutError:
        pass
with call() as client:
    client.sendall(b"hello")
    print(client.recv(5))
print(set(unread[0].recv(65536)))
"""
    assert echo_box.run(["python3", "-c", code], limits=CommandLimits(seconds=60)).text() == "b'hello'\n{0}\n"


def test_connections_over_the_limit_are_closed_and_may_try_again(echo_box):
    code = f"""{CALLS}
clients = [call() for _ in range(256)]
for client in clients:
    client.sendall(b"hello")
print({{client.recv(5) for client in clients}})
print(call().recv(1))
for client in clients:
    client.close()
answer = b""
while not answer:
    client = call()
    try:
        client.sendall(b"again")
        answer = client.recv(5)
    except ConnectionError:
        pass
print(answer)
"""
    output = echo_box.run(["python3", "-c", code], limits=CommandLimits(seconds=60)).text()
    assert output == "{b'hello'}\nb''\nb'again'\n"


def test_a_container_that_does_not_react_is_restarted(box, container):
    """A paused container behaves like a command that no signal ends."""
    box.run("echo kept > kept")
    pauses = []

    def pause(_):
        if not pauses:
            pauses.append(container.pause())

    result = box.run("echo began; sleep 72.75", limits=BRIEF, on_output=pause)

    assert result.reason is Reason.TIMEOUT
    assert box.run("cat kept").text() == "kept\n"


def test_what_a_killed_worker_leaves_is_swept(engine):
    client, image = engine
    with tempfile.TemporaryDirectory(prefix="dayhand-docker-") as home:
        Path(home).chmod(0o755)
        words = [sys.executable, "-c", WORKER, home, image]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"began\n"
            after = DockerSandbox(Path(home), image=image)
            mine = {"label": f"{OWNER}={after.owner}"}
            after.sweep()
            assert len(client.containers.list(filters=mine)) == 1, "the worker is alive, so its box stays"
            worker.kill()

        after.sweep()

        assert client.containers.list(all=True, filters=mine) == []
        assert client.volumes.list(filters=mine) == []
        assert list((Path(home) / "docker" / "egress").iterdir()) == []


def test_a_box_of_another_machine_is_swept_when_it_expires(engine, sandbox):
    client, image = engine
    other = f"another-machine-{os.getpid()}"
    for left in (3600, -60):
        labels = {OWNER: other, UNTIL: str(int(time.time()) + left)}
        client.containers.create(image, labels=labels, network_mode="none")

    sandbox.sweep()

    (kept,) = client.containers.list(all=True, filters={"label": f"{OWNER}={other}"})
    kept.remove()
    assert LIFE_SECONDS > 3600


def test_the_least_recently_used_snapshots_are_deleted(engine, data):
    few = DockerSandbox(data / "few", image=engine[1], capacity=SMALL, max_snapshots=2)
    for key in ("one", "two", "three"):
        with few.open() as box:
            box.run("echo x > w")
            box.save(key)
        with few.open(origin=few.find_snapshot("one")):
            pass

    assert [key for key in ("one", "two", "three") if few.find_snapshot(key)] == ["one", "three"]
    few.delete_snapshots(["one", "three"])


def test_a_snapshot_that_a_box_is_being_opened_from_is_deleted_afterwards(sandbox):
    """The engine would make its volume anew, empty, if the snapshot were deleted before there is a container."""
    with sandbox.open() as first:
        first.run("echo tool > /opt/env/t")
        snapshot = first.save("state-held")
    with sandbox._snapshots.hold(snapshot):  # as an opener does until its container exists
        lock = sandbox._data / "used" / snapshot.key
        thread = threading.Thread(target=sandbox.delete_snapshots, args=([snapshot.key],), daemon=True)
        thread.start()
        assert becomes_true(lambda: open_descriptors(lock) == 2), "the other worker has come to the lock"
        with sandbox.open(origin=snapshot) as box:
            assert box.run("cat /opt/env/t").text() == "tool\n"
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert sandbox.find_snapshot(snapshot.key) is None


def test_of_two_boxes_that_are_saved_at_the_same_moment_one_is_kept(engine, sandbox):
    key = "state-both"
    with sandbox.open() as one, sandbox.open() as two:
        threads = [threading.Thread(target=box.save, args=(key,), daemon=True) for box in (one, two)]
        with sandbox._snapshots._locked(key):
            for thread in threads:
                thread.start()
            lock = sandbox._data / "used" / key
            assert becomes_true(lambda: open_descriptors(lock) == 3), "both have come to the lock"
        for thread in threads:
            thread.join(PATIENCE)
    saved = engine[0].images.list(filters={"label": f"{SNAPSHOT}={key}"})
    sandbox.delete_snapshots([key])
    assert len(saved) == 1


def test_a_missing_image_is_reported_with_the_remedy(engine, data):
    with pytest.raises(SandboxError, match="no image no-such-image") as caught:
        DockerSandbox(data / "none", image="no-such-image").self_test()

    assert "docker build -t no-such-image" in caught.value.advice


def test_an_image_without_git_is_reported(engine, data):
    bare = DockerSandbox(data / "bare", image=_without_git(*engine))

    with pytest.raises(SandboxError, match="cannot run git"):
        bare.self_test()


def test_an_unknown_runtime_is_reported(engine, data):
    with (
        pytest.raises(SandboxError, match="no-such-runtime"),
        DockerSandbox(data / "runtime", image=engine[1], runtime="no-such-runtime").open(egress=Egress(())),
    ):
        pass


def test_an_engine_that_does_not_answer_is_reported(data, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{data}/no.sock")

    with pytest.raises(SandboxError, match="does not answer") as caught:
        DockerSandbox(data / "silent").self_test()

    assert "DOCKER_HOST" in caught.value.advice


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({}, "unix:///var/run/docker.sock"),
        ({"DOCKER_HOST": "unix:///run/user/1000/docker.sock"}, "unix:///run/user/1000/docker.sock"),
        ({"DOCKER_HOST": "tcp://10.0.0.7:2375"}, "tcp://10.0.0.7:2375"),
    ],
)
def test_the_engines_address_comes_from_the_environment(environ, address):
    assert engine_address(environ) == address


@pytest.mark.parametrize(
    "environ",
    [
        {"DOCKER_HOST": "ssh://ada@example.org"},
        {"DOCKER_HOST": "tcp://10.0.0.7:2376", "DOCKER_TLS_VERIFY": "1"},
        {"DOCKER_HOST": "nonsense://x"},
    ],
)
def test_an_unsupported_address_is_refused_with_the_remedy(environ):
    with pytest.raises(SandboxError) as caught:
        engine_address(environ)

    assert "unix://" in f"{caught.value} {caught.value.advice}"


def _without_git(client, image):
    """The sandbox's image without git."""
    container = client.containers.create(image, ["rm", "/usr/bin/git"], user="0", network_mode="none")
    try:
        container.start()
        container.wait()
        return container.commit("dayhand-test-without-git").id
    finally:
        container.remove()
