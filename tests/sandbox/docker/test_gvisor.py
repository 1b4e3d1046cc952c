"""Boxes with gVisor: its ``runsc`` as the engine's runtime, with a kernel of its own."""

from __future__ import annotations

import contextlib

import pytest

from dayhand.errors import SandboxError
from dayhand.sandbox.base import CommandLimits, Egress, Reason
from dayhand.sandbox.docker.backend import DockerSandbox
from dayhand.sandbox.limits import MIB, Capacity
from tests.sandbox.image import require_image

RUNTIME = "runsc"
SIZE = Capacity(memory=1024 * MIB)  # the memory of gVisor's kernel counts as the box's
ASK = """
import socket
with socket.create_connection(("127.0.0.1", 3128), timeout=50) as s:
    s.sendall(b"CONNECT no.example:443 HTTP/1.1\\r\\n\\r\\n")
    print(s.recv(12))
"""


@pytest.fixture(scope="module")
def sandbox(data):
    client, image = require_image()
    with contextlib.closing(client):
        if RUNTIME not in client.info()["Runtimes"]:
            pytest.skip("the engine has no gVisor runtime (`runsc`)")
    backend = DockerSandbox(data / "gvisor", image=image, runtime=RUNTIME, capacity=SIZE)
    backend.self_test()
    return backend


@pytest.fixture(scope="module")
def box(sandbox):
    with sandbox.open() as opened:
        yield opened


def test_the_kernel_is_gvisors(box):
    assert "gVisor" in box.run("dmesg").text()


def test_commands_return_output_and_code_and_the_workspace_persists(box):
    assert box.run("echo kept > kept; exit 3").code == 3
    assert box.run("git init -q; python3 -c 'print(open(\"kept\").read())'").text() == "kept\n\n"


def test_nothing_outlives_its_command(box):
    box.run("(setsid sleep 74.5 &); (trap '' TERM; sleep 74.5 &)")
    assert "74.5" not in box.run("cat /proc/[0-9]*/cmdline").text()


@pytest.mark.parametrize(
    ("command", "seconds", "reason"),
    [("trap '' TERM; sleep 74.25", 3, Reason.TIMEOUT), ("yes", 60, Reason.FLOOD)],
)
def test_time_and_output_are_bounded(box, command, seconds, reason):
    assert box.run(command, limits=CommandLimits(seconds=seconds, output_bytes=10 * MIB)).reason is reason
    assert box.run("echo on").text() == "on\n"


def test_there_is_no_network_except_for_set_up(sandbox, box):
    assert not box.run(["python3", "-c", ASK]).passed
    egress = Egress(())
    with sandbox.open(egress=egress) as open_box:
        assert open_box.run(["python3", "-c", ASK]).text() == "b'HTTP/1.1 403'\n"
    assert [blocked.host for blocked in egress.blocked] == ["no.example"]


def test_other_boxes_start_from_a_snapshot(sandbox):
    with sandbox.open() as first:
        assert first.run("echo a > /workspace/a; echo b > /opt/env/b").passed
        kept = first.save("gvisor-kept")
    with sandbox.open(origin=kept) as second:
        assert second.run("cat a /opt/env/b").text() == "a\nb\n"
        assert not second.run("touch /opt/env/c").passed
    sandbox.delete_snapshots(["gvisor-kept"])


def test_an_unknown_runtime_is_named(sandbox, data):
    unknown = DockerSandbox(data / "unknown", image=sandbox.image, runtime="no-such-runtime")
    with pytest.raises(SandboxError, match="no-such-runtime"):
        unknown.self_test()
