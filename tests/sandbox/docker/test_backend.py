"""What holds for Docker alone: how hard its containers are, what a killed worker leaves, and what is said where it cannot be."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from dayhand.errors import SandboxError
from dayhand.sandbox.base import CommandLimits, Egress, Reason
from dayhand.sandbox.docker.backend import LIFE_SECONDS, DockerSandbox
from dayhand.sandbox.docker.box import SWEEP_SHELL
from dayhand.sandbox.docker.exec_stream import engine_address
from dayhand.sandbox.docker.labels import OWNER, UNTIL
from dayhand.sandbox.egress.gateway import SOCKET, Gateway
from tests.sandbox.conftest import SMALL
from tests.sandbox.echo_server import echoing
from tests.sandbox.egress.relay import forwarding
from tests.sandbox.image import needed

BRIEF = CommandLimits(seconds=1)
WORKER = """
import sys
from pathlib import Path
from dayhand.sandbox.base import Egress
from dayhand.sandbox.docker.backend import DockerSandbox

with DockerSandbox(Path(sys.argv[1]), image=sys.argv[2]).open(egress=Egress(())) as box:
    putting = "head -c 9M > part; sleep 72.5 & echo began; cat > /dev/null"
    box.run(putting, stdin=open("/dev/zero", "rb"), on_output=lambda _: print("began", flush=True))
"""


@pytest.fixture(scope="module")
def engine():
    client, image = needed()
    with contextlib.closing(client):
        yield client, image


@pytest.fixture(scope="module")
def sandbox(engine, data):
    return DockerSandbox(data / "docker-alone", image=engine[1], capacity=SMALL)


@pytest.fixture
def box(sandbox):
    with sandbox.open() as opened:
        yield opened


@pytest.fixture
def container(engine, sandbox, box):
    (found,) = engine[0].containers.list(filters={"label": f"{OWNER}={sandbox.owner}"})
    return found


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


def test_nobody_in_the_box_can_touch_its_first_process(box):
    told = box.run("kill -KILL 1; kill -STOP 1; cat /proc/1/environ; ls /proc/1/cwd/; echo")

    assert told.text().count("denied") + told.text().count("permitted") == 4
    assert box.run("true").passed


def test_our_shell_cannot_be_read_or_traced(box):
    told = box.run(
        f"cat {SWEEP_SHELL} | wc -c; cat /proc/$PPID/maps; cat /proc/$PPID/mem | wc -c; ls -l /proc/$PPID/exe"
    )

    assert told.text().count("denied") >= 4, told.text()


def test_what_a_command_leaves_is_ended_even_where_it_killed_our_shell(box):
    result = box.run("(setsid sleep 72.25 &); kill -KILL $PPID; sleep 72.25")

    assert not result.passed
    assert "72.25" not in box.run("cat /proc/*/cmdline").text()


def test_variables_of_the_command_do_not_reach_our_shell(box):
    box.run("echo 'nonsense' > evil.so")

    result = box.run("echo mine", env={"LD_PRELOAD": "/workspace/evil.so", "ENV": "/workspace/evil.so"})

    assert result.text().count("cannot be preloaded") >= 1, "the command itself has it"
    assert "mine" in result.text()
    assert result.code == 0


def test_a_program_with_an_equals_sign_is_still_a_program(box):
    box.run("mkdir bin; printf '#!/bin/sh\\necho ran $1\\n' > bin/a=b; chmod +x bin/a=b")

    assert box.run(["/workspace/bin/a=b", "x"]).text() == "ran x\n"


def test_what_a_box_sends_faster_than_the_proxy_takes_it_waits_in_the_box(box):
    """Else it would wait in the worker's memory."""
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
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(f"{folder}/{SOCKET}")
        deaf.listen()
        box.open_egress(Gateway(Path(folder), Egress(()), os.open(os.devnull, os.O_RDONLY)))

        assert box.run(["python3", "-c", code], limits=CommandLimits(seconds=60)).text() == "it had to wait\n"


FAR = r"""
import sys
from pathlib import Path
from dayhand.sandbox.base import Egress
from dayhand.sandbox.docker.backend import DockerSandbox

ASK = "import socket; s = socket.create_connection(('127.0.0.1', 3128)); s.send(b'CONNECT no.example:443 HTTP/1.1\\r\\n\\r\\n'); print(s.recv(12))"
sandbox, egress = DockerSandbox(Path(sys.argv[1]), image=sys.argv[2]), Egress(())
with sandbox.open(egress=egress) as box:
    assert box.run("cat > kept; wc -c < kept", stdin=bytes(3_000_000)).text() == "3000000\n"
    assert box.run(["python3", "-c", ASK]).text() == "b'HTTP/1.1 403'\n"
    kept = box.save("far")
with sandbox.open(origin=kept) as box:
    print(box.run("wc -c < kept").text().strip(), [one.host for one in egress.blocked])
sandbox.delete_snapshots(["far"])
"""


def test_an_engine_can_be_reached_over_tcp(engine, data):
    """As one on another machine is; the worker shares no folder with it."""
    near = engine_address()
    if not near.startswith("unix://"):
        pytest.skip("the engine is reached over TCP by all other tests already")
    with forwarding(near.removeprefix("unix://")) as port:
        done = subprocess.run(
            [sys.executable, "-c", FAR, str(data / "far"), engine[1]],
            env={**os.environ, "DOCKER_HOST": f"tcp://127.0.0.1:{port}"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stdout == "3000000 ['no.example']\n", done.stderr[-2000:]


CALLS = """
import socket, threading
def call():
    return socket.create_connection(("127.0.0.1", 3128), timeout=20)
"""


@pytest.fixture
def echo_box(sandbox, box):
    with tempfile.TemporaryDirectory() as folder, echoing(f"{folder}/{SOCKET}"):
        box.open_egress(Gateway(Path(folder), Egress(()), os.open(os.devnull, os.O_RDONLY)))
        yield box


def test_a_connection_is_carried_whole_both_ways(echo_box):
    code = f"""{CALLS}
sent = bytes(range(256)) * 40_000
with call() as guest:
    threading.Thread(target=lambda: (guest.sendall(sent), guest.shutdown(socket.SHUT_WR))).start()
    print(b"".join(iter(lambda: guest.recv(65536), b"")) == sent)
"""
    assert echo_box.run(["python3", "-c", code], limits=CommandLimits(seconds=60)).text() == "True\n"


def test_who_does_not_read_holds_up_nobody(echo_box):
    """An installer that opens many connections may read the last one first."""
    code = f"""{CALLS}
lazy = [call() for _ in range(3)]
for one in lazy:
    one.settimeout(1)
    try:
        while True:
            one.send(bytes(65536))
    except TimeoutError:
        pass
with call() as guest:
    guest.sendall(b"hello")
    print(guest.recv(5))
print(set(lazy[0].recv(65536)))
"""
    assert echo_box.run(["python3", "-c", code], limits=CommandLimits(seconds=60)).text() == "b'hello'\n{0}\n"


def test_many_connections_at_once_need_no_room_and_more_are_turned_away(echo_box):
    code = f"""{CALLS}
guests = [call() for _ in range(256)]
for guest in guests:
    guest.sendall(b"hello")
print({{guest.recv(5) for guest in guests}})
print(call().recv(1))
for guest in guests:
    guest.close()
told = b""
while not told:
    guest = call()
    try:
        guest.sendall(b"again")
        told = guest.recv(5)
    except ConnectionError:
        pass
print(told)
"""
    said = echo_box.run(["python3", "-c", code], limits=CommandLimits(seconds=60)).text()
    assert said == "{b'hello'}\nb''\nb'again'\n"


def test_a_container_that_does_not_obey_is_started_anew(box, container):
    """The engine's own pause stands for a command that no signal ends."""
    box.run("echo kept > kept")
    pauses = []

    def pause(_):
        if not pauses:
            pauses.append(container.pause())

    result = box.run("echo began; sleep 72.75", limits=BRIEF, on_output=pause)

    assert result.reason is Reason.TIMEOUT
    assert box.run("cat kept").text() == "kept\n"


def test_what_a_worker_killed_while_it_puts_leaves_is_swept(engine):
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
            assert len(client.containers.list(filters=mine)) == 1, "it lives, so its box is its own"
            worker.kill()

        after.sweep()

        assert client.containers.list(all=True, filters=mine) == []
        assert client.volumes.list(filters=mine) == []
        assert list((Path(home) / "docker" / "egress").iterdir()) == []


def test_the_box_of_a_machine_that_is_gone_is_swept_when_its_life_is_over(engine, sandbox):
    client, image = engine
    for left in (60, -60):
        labels = {OWNER: "another-machine", UNTIL: str(int(time.time()) + left)}
        client.containers.create(image, labels=labels, network_mode="none")

    sandbox.sweep()

    (kept,) = client.containers.list(all=True, filters={"label": f"{OWNER}=another-machine"})
    kept.remove()
    assert LIFE_SECONDS > 3600


def test_states_that_were_not_used_for_the_longest_time_are_forgotten(engine, data):
    few = DockerSandbox(data / "few", image=engine[1], capacity=SMALL, max_snapshots=2)
    for key in ("one", "two", "three"):
        with few.open() as box:
            box.run("echo x > w")
            box.save(key)
        with few.open(origin=few.find_snapshot("one")):
            pass

    assert [key for key in ("one", "two", "three") if few.find_snapshot(key)] == ["one", "three"]
    few.delete_snapshots(["one", "three"])


def test_an_image_that_is_not_there_is_told_with_the_remedy(engine, data):
    with pytest.raises(SandboxError, match="no image no-such-image") as told:
        DockerSandbox(data / "none", image="no-such-image").self_test()

    assert "docker build -t no-such-image" in told.value.advice


def test_an_image_without_git_is_told(engine, data):
    bare = DockerSandbox(data / "bare", image=_without_git(*engine))

    with pytest.raises(SandboxError, match="cannot run git"):
        bare.self_test()


def test_a_runtime_that_the_engine_does_not_know_is_told(engine, data):
    with (
        pytest.raises(SandboxError, match="no-such-runtime"),
        DockerSandbox(data / "runtime", image=engine[1], runtime="no-such-runtime").open(egress=Egress(())),
    ):
        pass


def test_an_engine_that_does_not_answer_is_told(data, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{data}/no.sock")

    with pytest.raises(SandboxError, match="does not answer") as told:
        DockerSandbox(data / "silent").self_test()

    assert "DOCKER_HOST" in told.value.advice


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ({}, "unix:///var/run/docker.sock"),
        ({"DOCKER_HOST": "unix:///run/user/1000/docker.sock"}, "unix:///run/user/1000/docker.sock"),
        ({"DOCKER_HOST": "tcp://10.0.0.7:2375"}, "tcp://10.0.0.7:2375"),
    ],
)
def test_the_engines_address_comes_from_the_environment(told, address):
    assert engine_address(told) == address


@pytest.mark.parametrize(
    "told",
    [
        {"DOCKER_HOST": "ssh://ada@example.org"},
        {"DOCKER_HOST": "tcp://10.0.0.7:2376", "DOCKER_TLS_VERIFY": "1"},
        {"DOCKER_HOST": "nonsense://x"},
    ],
)
def test_an_address_that_cannot_be_spoken_to_is_refused_with_the_remedy(told):
    with pytest.raises(SandboxError) as refused:
        engine_address(told)

    assert "unix://" in f"{refused.value} {refused.value.advice}"


def _without_git(client, image):
    """The sandbox's image, with git taken away."""
    made = client.containers.create(image, ["rm", "/usr/bin/git"], user="0", network_mode="none")
    try:
        made.start()
        made.wait()
        return made.commit("dayhand-test-without-git").id
    finally:
        made.remove()
