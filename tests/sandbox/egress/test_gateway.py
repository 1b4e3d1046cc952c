"""The gateway of set-up boxes: what it lets through, and what it refuses and records."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dayhand.environment.ecosystems import python
from dayhand.environment.registries.machine import HostMachine
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Blocked, CommandLimits, Egress
from dayhand.sandbox.egress.client_hello import NOT_TLS
from dayhand.sandbox.egress.gateway import open_gateway
from dayhand.sandbox.egress.policy import EgressPolicy
from dayhand.sandbox.egress.proxy import ACCESS_DENIED, MAX_MEMORY, MAX_REFUSALS
from tests.sandbox.egress.client import refusal
from tests.sandbox.egress.hello import honest

SOON = CommandLimits(seconds=100)
# Asks for each of several things over a connection of its own, and prints the first line of each answer.
CONNECT = """
import os, socket, sys
for request in sys.stdin.buffer.read().split(b"----"):
    with socket.create_connection(("127.0.0.1", 3128), timeout=float(os.environ.get("PATIENCE", 50))) as s:
        try:
            s.sendall(request)
            print(s.recv(4096).split(b"\\r\\n")[0].decode())
        except OSError as error:
            print(type(error).__name__)
"""


@contextmanager
def greeting_server():
    """A server on the host's loopback that greets and records every client."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        clients: list[str] = []

        def serve():
            while True:
                try:
                    client, address = server.accept()
                except OSError:
                    return
                clients.append(address[0])
                with client:
                    client.sendall(b"hello from outside")

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], clients
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def set_up_box(sandbox):
    """A box that may connect to localhost, whose address is never public, and to a domain that does not exist."""
    egress = Egress(("localhost", "*.allowed.example"))
    with sandbox.open(egress=egress) as box:
        assert box.run("cat > connect.py", stdin=CONNECT.encode()).passed
        yield box, egress


def test_the_policy_matches_whole_labels_only():
    policy = EgressPolicy(("pkg.example", "*.files.example"))

    assert policy.refusal("pkg.example", 443) == ""
    assert policy.refusal("a.b.files.example", 443) == ""
    for host in (
        "files.example",
        "xfiles.example",
        "pkg.example.evil",
        "x.pkg.example",
        "pkg.example.",
        ".files.example",
    ):
        assert policy.refusal(host, 443), host


@pytest.mark.parametrize(
    "host", ["", "evil.example\0.files.example", "[::1]", "ü.files.example", "a b.files.example"]
)
def test_the_policy_refuses_unusual_spellings(host):
    assert EgressPolicy(("*.files.example",)).refusal(host, 443) == "this is not a host name"


@pytest.mark.parametrize("port", [22, 80, 444, 8443, 0, -1])
def test_the_policy_allows_one_port(port):
    assert "port" in EgressPolicy(("pkg.example",)).refusal("pkg.example", port)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
        "169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "224.0.0.1", "255.255.255.255",
        "::1", "::", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1", "fc00::1",
        "fd00:ec2::254", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_the_policy_refuses_addresses_that_are_not_public(address):
    found, why = EgressPolicy((address,)).resolve(address, 443)

    assert (found, "not on the public network" in why) == ("", True)


@pytest.mark.parametrize(
    "address", ["203.0.113.80", "192.0.2.1", "198.51.100.1", "1.1.1.1", "2606:4700::1111"]
)
def test_the_policy_allows_public_addresses(address):
    assert EgressPolicy((address,)).resolve(address, 443) == (address, "")


def test_only_an_address_that_is_allowed_itself_counts_as_one():
    policy = EgressPolicy(("203.0.113.9", "files.example", "*.0.113.8", "2130706433"))

    assert policy.allows_address("203.0.113.9")
    for host in ("files.example", "203.0.113.10", "203.0.113.8", "2130706433", "127.0.0.1", ""):
        assert not policy.allows_address(host), host


def test_a_name_without_an_address_is_reported():
    assert "no address" in EgressPolicy(("nowhere.invalid",)).resolve("nowhere.invalid", 443)[1]


@pytest.fixture
def folder(tmp_path):
    """Of a proxy, for its socket."""
    path = tmp_path / "egress"
    path.mkdir()
    return path


def test_a_proxy_begins_with_the_first_connection_and_ends_with_its_block(folder):
    with open_gateway(folder, Egress(()), None):
        assert not running_in(folder)
        assert refusal(folder) == b"HTTP/1.1 403"
        begun = running_in(folder)
        assert begun
        assert refusal(folder) == b"HTTP/1.1 403"
        assert running_in(folder) == begun
    assert not running_in(folder)


def test_a_proxy_that_nobody_needed_ends_with_its_block(folder):
    before = threading.enumerate()
    with open_gateway(folder, Egress(()), None):
        assert {*threading.enumerate()} - {*before}
    with pytest.raises(ConnectionRefusedError):
        refusal(folder)
    assert not {*threading.enumerate()} - {*before}


def test_connections_are_refused_and_a_command_learns_why_if_the_proxy_does_not_start(folder):
    policy = EgressPolicy((), hello_seconds="soon")  # type: ignore[arg-type]
    with open_gateway(folder, Egress(()), None, policy=policy) as gateway:
        with gateway.attribute_to("a command that connects nowhere"):
            pass
        with pytest.raises(ConnectionError):
            refusal(folder)
        with pytest.raises(SandboxError, match=r"proxy for set-up did not start: .*hello_seconds"):
            gateway.collect()
    assert not running_in(folder)


def running_in(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if entry.readlink() == folder:
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


REFUSED = [
    ("CONNECT evil.example:443", Blocked("evil.example", 443, "the host is not allowed")),
    ("CONNECT allowed.example:443", Blocked("allowed.example", 443, "the host is not allowed")),
    ("CONNECT x.allowed.example:22", Blocked("x.allowed.example", 22, "port 22 is not allowed")),
    ("CONNECT 203.0.113.9:443", Blocked("203.0.113.9", 443, "the host is not allowed")),
    ("CONNECT 2130706433:443", Blocked("2130706433", 443, "the host is not allowed")),
    ("GET http://x.allowed.example/", Blocked("x.allowed.example", 80, "only CONNECT is allowed")),
    ("POST http://x.allowed.example:443/", Blocked("x.allowed.example", 443, "only CONNECT is allowed")),
]


def test_a_refusal_is_answered_and_recorded(set_up_box):
    box, egress = set_up_box
    egress.blocked.clear()
    requests = b"----".join(f"{line} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for line, _ in REFUSED)

    answers = box.run(["python3", "connect.py"], stdin=requests).text().splitlines()

    assert answers == ["HTTP/1.1 403 Forbidden"] * len(REFUSED)
    assert egress.blocked == [replace(blocked, command="python3 connect.py") for _, blocked in REFUSED]


def test_each_host_is_recorded_once_for_each_command(set_up_box):
    box, egress = set_up_box
    egress.blocked.clear()
    for command in (
        "python3 connect.py",
        "true",
        "python3  connect.py # again",
        ["python3", "connect.py", "a b"],
    ):
        hosts = ("one.example", "two.example", "one.example")
        box.run(
            command, stdin=b"----".join(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode() for host in hosts)
        )

    assert [(blocked.host, blocked.command) for blocked in egress.refused] == [
        (host, command)
        for command in ("python3 connect.py", "python3 connect.py # again", "python3 connect.py 'a b'")
        for host in ("one.example", "two.example")
    ]


def test_a_command_that_is_cancelled_while_it_connects_is_still_recorded(set_up_box):
    box, egress = set_up_box
    egress.blocked.clear()

    class StopError(Exception):
        pass

    def stop(_):
        raise StopError

    with pytest.raises(StopError):
        box.run("python3 connect.py", stdin=b"CONNECT no.example:443 HTTP/1.1\r\n\r\n", on_output=stop)
    assert box.run("true").passed

    assert [blocked.command for blocked in egress.blocked] == ["python3 connect.py"]


def test_a_long_command_is_shortened_between_words(set_up_box):
    box, egress = set_up_box
    egress.blocked.clear()
    secret = "s" * 190

    box.run(f"python3 connect.py \\\n {secret} x", stdin=b"CONNECT no.example:443 HTTP/1.1\r\n\r\n")

    assert [blocked.command for blocked in egress.blocked] == ["python3 connect.py \\ …"]


def test_an_allowed_name_with_a_private_address_is_refused(set_up_box):
    box, egress = set_up_box
    egress.blocked.clear()
    with greeting_server() as (_, clients):
        result = box.run("python3 connect.py", stdin=b"CONNECT LOCALHOST:443 HTTP/1.1\r\n\r\n")

    assert " 403 " in result.text()
    assert [(each.host, each.port) for each in egress.blocked] == [("localhost", 443)]
    assert "not on the public network" in egress.blocked[0].reason
    assert clients == []


MALFORMED = [
    b"CONNECT evil.example\0.allowed.example:443 HTTP/1.1\r\n\r\n",
    b"CONNECT \xff\xfe.allowed.example:443 HTTP/1.1\r\n\r\n",
    b"CONNECT evil.example:443@x.allowed.example:443 HTTP/1.1\r\n\r\n",
    b"CONNECT [::1]:443 HTTP/1.1\r\n\r\n",
    b"CONNECT [::ffff:169.254.169.254]:443 HTTP/1.1\r\n\r\n",
    b"CONNECT ::1:443 HTTP/1.1\r\n\r\n",
    b"CONNECT x.allowed.example.:443 HTTP/1.1\r\n\r\n",
    b"CONNECT x.allowed.example:443:443 HTTP/1.1\r\n\r\n",
    b"CONNECT x.allowed.example:99999999 HTTP/1.1\r\n\r\n",
    b"CONNECT evil.example%00.allowed.example:443 HTTP/1.1\r\n\r\n",
    b"CONNECT xn--evil-.example:443 HTTP/1.1\r\nHost: x.allowed.example\r\n\r\n",
    b"CONNECT " + b"a" * 70_000 + b".allowed.example:443 HTTP/1.1\r\n\r\n",
    b"connect evil.example:443 HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x.allowed.example\r\n\r\n",
    b"\x05\x01\x00",
    b"nonsense\r\n\r\n",
]


def test_malformed_requests_are_not_let_through(set_up_box):
    box, _ = set_up_box

    output = box.run(
        "python3 connect.py", stdin=b"----".join(MALFORMED), env={"PATIENCE": "2"}, limits=SOON
    ).text()

    assert len(output.splitlines()) == len(MALFORMED)
    assert " 200 " not in output
    assert " 403 " in box.run("python3 connect.py", stdin=b"CONNECT no.example:443 HTTP/1.1\r\n\r\n").text()


def test_a_request_that_never_ends_is_refused(set_up_box):
    box, _ = set_up_box
    code = """
import socket
with socket.create_connection(("127.0.0.1", 3128), timeout=50) as s:
    try:
        s.sendall(b"CONNECT ")
        for _ in range(512):
            s.sendall(b"x" * 65536)
    except OSError:
        pass
    try:
        print(s.recv(12) in (b"", b"HTTP/1.1 400"))
    except ConnectionError:
        print(True)
"""
    assert box.run(["python3", "-c", code], limits=SOON).text() == "True\n"
    assert " 403 " in box.run("python3 connect.py", stdin=b"CONNECT no.example:443 HTTP/1.1\r\n\r\n").text()


@pytest.mark.parametrize("count", [15, 300])
def test_idle_connections_do_not_block_others(set_up_box, count):
    """The larger number is over the relay's limit; a client whose connection is closed may try again."""
    box, _ = set_up_box
    code = f"""
import socket, time
def connect():
    with socket.create_connection(("127.0.0.1", 3128), timeout=50) as s:
        try:
            s.sendall(b"CONNECT no.example:443 HTTP/1.1\\r\\n\\r\\n")
            return s.recv(12)
        except ConnectionError:
            return b""
idle = [socket.create_connection(("127.0.0.1", 3128), timeout=50) for _ in range({count})]
for one in idle[: {count} // 2]:
    try:
        one.sendall(b"CONNECT no")
    except ConnectionError:
        pass
if {count} > 100:
    for one in idle:
        one.close()
until = time.monotonic() + 50
while not (answer := connect()) and time.monotonic() < until:
    pass
print(answer)
"""
    result = box.run(["python3", "-c", code], limits=SOON)

    assert result.text() == "b'HTTP/1.1 403'\n", result.reason


def test_the_proxys_memory_is_bounded(folder):
    """The proxy buffers what an allowed host sends to a box that does not read."""
    with open_gateway(folder, Egress(()), None):
        refusal(folder)
        limits = [Path(f"/proc/{pid}/limits").read_text() for pid in running_in(folder)]

    assert len(limits) >= 2, "it and its worker process"
    for each in limits:
        (line,) = [line for line in each.splitlines() if line.startswith("Max data size")]
        assert line.split()[3:5] == [str(MAX_MEMORY), str(MAX_MEMORY)]


def test_nothing_can_be_reached_without_the_proxy(set_up_box):
    box, _ = set_up_box
    with greeting_server() as (port, clients):
        for target in (f"127.0.0.1:{port}", "203.0.113.9:443"):
            host, _, number = target.partition(":")
            code = f"import socket; socket.create_connection(('{host}', {number}), timeout=3)"
            assert not box.run(["python3", "-c", code]).passed
    assert clients == []


def test_the_relay_is_not_a_child_of_the_command(set_up_box):
    box, _ = set_up_box
    code = "import os\ntry:\n    os.wait()\nexcept ChildProcessError:\n    print('none')"

    assert box.run(["python3", "-c", code]).text() == "none\n"
    assert box.run(["no-such-program"]).code == 127
    assert box.run("cat; exit 3", stdin=b"in").code == 3


def test_a_box_without_egress_has_no_socket(box):
    result = box.run("ls /run/egress; env | grep -i proxy")

    assert not result.passed
    assert "http://" not in result.text()


@pytest.fixture(scope="module")
def registry():
    found = python.find_registry(HostMachine())
    if found.problem or not found.hosts:
        pytest.skip(f"no Python registry can be used: {found.problem}")
    try:
        for host in found.hosts:
            socket.create_connection((host, 443), timeout=10).close()
    except OSError as error:
        pytest.skip(f"the Python registry does not answer: {error}")
    return found


INSTALL = "uv pip install --no-cache --target /opt/env/site six"


@pytest.fixture(scope="module")
def installing_box(sandbox, registry):
    """A box that may connect to the registry."""
    egress = Egress(registry.hosts)
    with sandbox.open(egress=egress) as box:
        yield box, egress


def test_an_installer_gets_through_the_proxy(installing_box, registry):
    box, egress = installing_box
    egress.blocked.clear()
    installed = box.run(INSTALL, env=registry.env, limits=SOON)
    assert installed.passed, installed.text()
    assert box.run("python3 -c 'import six'", env={"PYTHONPATH": "/opt/env/site"}).passed
    assert egress.blocked == []


TUNNEL = """
import socket, sys
head, sent = sys.stdin.buffer.read().split(b"----")
with socket.create_connection(("127.0.0.1", 3128), timeout=50) as s:
    s.sendall(head)
    print(s.recv(4096)[:12].decode())
    s.sendall(sent)
    print(s.recv(4096).hex(), s.recv(4096))
"""


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", NOT_TLS),
        (honest("evil.example"), "the TLS handshake names another host, evil.example; connect to the host"),
    ],
)
def test_a_tunnel_to_an_allowed_host_takes_nothing_but_tls_for_it(installing_box, registry, sent, reason):
    """Nothing is sent to the registry."""
    box, egress = installing_box
    egress.blocked.clear()
    request = f"CONNECT {registry.hosts[0]}:443 HTTP/1.1\r\n\r\n----".encode()
    said = box.run(["python3", "-c", TUNNEL], stdin=request + sent, limits=SOON).text()

    assert said == f"HTTP/1.1 200\n{ACCESS_DENIED.hex()} b''\n"
    (blocked,) = egress.blocked
    assert (blocked.host, blocked.port) == (registry.hosts[0], 443)
    assert blocked.reason.startswith(reason)
    assert blocked.command.startswith("python3 -c")
    assert not blocked.allowable


def test_an_installer_is_refused_if_its_registry_is_not_allowed(sandbox, registry):
    egress = Egress(())
    with sandbox.open(egress=egress) as box:
        env = {**registry.env, "UV_HTTP_RETRIES": "0"}
        assert not box.run(INSTALL, env=env, limits=SOON).passed
    assert egress.blocked[0] == Blocked(registry.hosts[0], 443, "the host is not allowed", INSTALL)


def test_many_connections_at_once_are_relayed_whole(set_up_box):
    """The proxy answers each client, in its own connection, with the host that it requested."""
    code = """
import socket, threading
answered = {}
def connect(n):
    with socket.create_connection(("127.0.0.1", 3128), timeout=50) as s:
        s.sendall(f"CONNECT host-{n}.example:443 HTTP/1.1\\r\\n\\r\\n".encode())
        answered[n] = f"host-{n}.example:443 is refused".encode() in s.recv(4096)
threads = [threading.Thread(target=connect, args=(n,)) for n in range(12)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sum(answered.values()))
"""
    box, egress = set_up_box
    egress.blocked.clear()
    assert box.run(["python3", "-c", code], limits=SOON).text() == "12\n"
    assert sorted(each.host for each in egress.blocked) == sorted(f"host-{n}.example" for n in range(12))


def test_an_operators_own_host_may_be_in_a_private_network_but_not_local():
    policy = EgressPolicy(
        ("10.1.2.3", "127.0.0.1", "169.254.169.254"), private=("10.1.2.3", "127.0.0.1", "169.254.169.254")
    )
    assert policy.resolve("10.1.2.3", 443) == ("10.1.2.3", "")
    for host in ("127.0.0.1", "169.254.169.254"):
        assert policy.resolve(host, 443)[0] == "", host
    others = EgressPolicy(("10.1.2.3",), private=("registry.example.org",))
    assert "not on the public network" in others.resolve("10.1.2.3", 443)[1]
    assert EgressPolicy.load(policy.dump()) == policy


def test_after_many_refusals_connections_are_closed_without_an_answer(folder):
    """npm tries again at once on a connection that was refused, and would do so for hours."""
    egress = Egress(())
    with open_gateway(folder, egress, None) as gateway:
        answers = [refusal(folder) for _ in range(MAX_REFUSALS + 2)]
        gateway.collect()
    assert set(answers[:MAX_REFUSALS]) == {b"HTTP/1.1 403"}
    assert answers[MAX_REFUSALS:] == [b"", b""]
    assert {each.host for each in egress.blocked} == {"no.example"}
