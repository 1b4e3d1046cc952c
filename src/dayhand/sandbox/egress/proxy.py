"""The proxy of one set-up box, as a process: ``python -m dayhand.sandbox.egress.proxy LISTENER_FD REFUSED_FD UID``.

The ``proxy`` library speaks HTTP; an ``EgressPolicy`` decides where a connection may go, and a ``TunnelGuard`` what may
pass through it. The policy is the first line of standard input; when standard input ends, so does this process.
"""

from __future__ import annotations

# Imported early: later this process runs as another user, who may not be able to read Python's own files.
import encodings.idna  # noqa: F401
import gc
import json
import multiprocessing
import multiprocessing.popen_fork
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

if __name__ == "__main__":
    sys.modules["httpx"] = None  # type: ignore[assignment]  # which plugins that are not used here import for 0.1 s
    gc.disable()  # what is imported stays

from proxy.common.flag import FlagParser
from proxy.common.types import Readables
from proxy.core.acceptor import AcceptorPool
from proxy.core.listener import ListenerPool
from proxy.core.listener.base import BaseListener
from proxy.core.work import ThreadlessPool
from proxy.core.work.fd import RemoteFdExecutor
from proxy.http import HttpProtocolHandler
from proxy.http.exception import HttpRequestRejected
from proxy.http.parser import HttpParser
from proxy.http.proxy import HttpProxyBasePlugin, HttpProxyPlugin
from proxy.http.responses import BAD_REQUEST_RESPONSE_PKT

from dayhand.sandbox.egress.client_hello import HelloError
from dayhand.sandbox.egress.policy import EgressPolicy
from dayhand.sandbox.egress.proxy_on_demand import SOCKET
from dayhand.sandbox.egress.tunnel import TunnelGuard

MAX_REQUEST_BYTES = 256 * 1024  # of a request with all its headers
MAX_MEMORY = 512 * 1024 * 1024  # of each process: bounds what is buffered for a box that does not read
# The acceptor's own executor would look for new connections only every 25 ms, and accept one at a time.
OPTIONS = "--disable-http-proxy --local-executor 0 --num-acceptors 1 --num-workers 1 --log-level CRITICAL --timeout 120"
# A fatal TLS alert, access_denied (RFC 8446, section 6): clients report it, and do not try again as after a reset.
ACCESS_DENIED = b"\x15\3\3\0\2\2\x31"
MAX_REFUSALS = 1000  # that are recorded and answered; later ones are only closed
MAX_CONNECTIONS = 10_000  # that are recorded; later ones are only made


class BoundedRequestHandler(HttpProtocolHandler):
    """The library's request handler, with limits: without them, a request that never ends is read forever.

    It passes a request's head and what follows separately. The library waits forever for a CONNECT with both in one
    segment, but what follows is the beginning of the tunnel.
    """

    _head = b""
    _head_read = False

    def handle_data(self, data: memoryview) -> bool | None:
        if self._head_read:
            return self._continue(data)
        searched = max(len(self._head) - 3, 0)
        self._head += data
        end = self._head.find(b"\r\n\r\n", searched) + 4
        if len(self._head) > MAX_REQUEST_BYTES:
            return self._reject()
        if end < 4:
            return False
        self._head_read = True
        if super().handle_data(memoryview(self._head[:end])):
            return True
        if self.request.method == b"CONNECT" and not self.request.is_complete:
            return self._reject()  # it announces a body, which it must not have
        return self._continue(memoryview(self._head[end:])) if self._head[end:] else False

    def is_inactive(self) -> bool:
        if isinstance(self.plugin, GuardedTunnel) and self.plugin.is_overdue():
            return True
        return super().is_inactive()

    def _continue(self, data: memoryview) -> bool | None:
        if not self.request.is_complete and self.request.total_size + len(data) > MAX_REQUEST_BYTES:
            return self._reject()
        return super().handle_data(data)

    def _reject(self) -> bool:
        self.work.queue(BAD_REQUEST_RESPONSE_PKT)
        return True


class EgressPlugin(HttpProxyBasePlugin):
    """Checks each connection before it is made. ``policy`` and ``refused`` are set on the subclass that runs."""

    policy = EgressPolicy(())
    refused = -1  # a descriptor, opened for appending
    guard: TunnelGuard | None = None  # of the tunnel, once it is open
    _host = ""
    _port = 0
    _address = ""  # that passed the policy
    _recorded = 0
    _connections = 0

    def before_upstream_connection(self, request: HttpParser) -> HttpParser:
        self._host = (request.host or b"").decode("latin-1").lower()
        self._port = request.port or 0
        why = "only CONNECT is allowed"
        if request.is_https_tunnel:
            why = self.policy.refusal(self._host, self._port)
        if not why:
            self._address, why = self.policy.resolve(self._host, self._port)
        if why and not self.record(why):
            # Closed without an answer: npm reuses a connection that was refused and would ask on it forever.
            raise HttpRequestRejected
        if why:
            body = f"{self._host}:{self._port} is refused: {why}.\n".encode("ascii", "replace")
            raise HttpRequestRejected(status_code=403, reason=b"Forbidden", body=body)
        if EgressPlugin._connections < MAX_CONNECTIONS:
            EgressPlugin._connections += 1
            self._write("")
        return request

    def resolve_dns(self, host: str, port: int) -> tuple[str, None]:
        """Connect to the address that passed the policy: a second look-up might return another one."""
        return self._address, None

    def handle_client_request(self, request: HttpParser) -> HttpParser:
        self.guard = TunnelGuard(
            self._host,
            seconds=self.policy.hello_seconds,
            now=time.monotonic(),
            address=self.policy.allows_address(self._host),
        )
        return request

    def handle_upstream_chunk(self, chunk: memoryview) -> memoryview | None:
        passed = self.guard.from_server(bytes(chunk), time.monotonic()) if self.guard else b""
        return memoryview(passed) if passed else None

    def record(self, why: str) -> bool:
        """Record a refusal; False after ``MAX_REFUSALS``."""
        if EgressPlugin._recorded >= MAX_REFUSALS:
            return False
        EgressPlugin._recorded += 1
        self._write(why)
        return True

    def _write(self, why: str) -> None:
        os.write(self.refused, (json.dumps([self._host[:253], self._port, why]) + "\n").encode())


class GuardedTunnel(HttpProxyPlugin):
    """The library's proxy for one connection. What its client sends goes through the ``TunnelGuard``."""

    _refused = False

    def on_client_data(self, raw: memoryview) -> None:
        self._forward(bytes(raw))

    async def read_from_descriptors(self, r: Readables) -> bool:
        done = await super().read_from_descriptors(r)
        if not done and self._egress.guard and not self._refused:
            self._forward(b"")  # what waited for the server's answer
        return done

    def on_client_connection_close(self) -> None:
        self._refuse_if(TunnelGuard.check_end)
        super().on_client_connection_close()

    def is_overdue(self) -> bool:
        """Whether the time for its handshake is up. What was refused before is closed once the client was told."""
        return not self._refused and self._refuse_if(lambda guard: guard.check_time(time.monotonic()))

    @property
    def _egress(self) -> EgressPlugin:
        return next(plugin for plugin in self.plugins.values() if isinstance(plugin, EgressPlugin))

    def _forward(self, data: bytes) -> None:
        passed = []
        if self._refuse_if(lambda guard: passed.append(guard.from_client(data))) or not self._egress.guard:
            raise HttpRequestRejected
        if passed[0]:
            super().on_client_data(memoryview(passed[0]))

    def _refuse_if(self, check: Callable[[TunnelGuard], None]) -> bool:
        """Record the refusal if the guard raises one, and tell the client before the connection is closed."""
        guard = self._egress.guard
        if guard is None or self._refused:
            return self._refused
        try:
            check(guard)
        except HelloError as error:
            self._refused = True
            if self._egress.record(str(error)):
                self.client.queue(memoryview(ACCESS_DENIED))
        return self._refused


class InheritedListener(BaseListener):
    """The socket that the worker made, where the first connection waits already."""

    def __init__(self, descriptor: int, **options: Any) -> None:
        super().__init__(**options)
        self._descriptor = descriptor

    def listen(self) -> socket.socket:
        listener = socket.socket(fileno=self._descriptor)
        listener.setblocking(False)
        return listener


def main() -> None:
    gc.freeze()
    gc.enable()
    listener, refused, uid = map(int, sys.argv[1:])
    policy = EgressPolicy.load(sys.stdin.readline())
    # The library's worker process must be a fork of this one, with the same policy and the same user.
    multiprocessing.set_start_method("fork", force=True)
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    plugin = type("ConfiguredEgressPlugin", (EgressPlugin,), {"policy": policy, "refused": refused})
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
    flags = FlagParser.initialize(
        OPTIONS.split(),
        unix_socket_path=SOCKET,
        plugins=[plugin, GuardedTunnel],
        work_klass=BoundedRequestHandler,
    )
    listeners = ListenerPool(flags=flags)
    listeners.add(InheritedListener, descriptor=listener)
    with (
        ThreadlessPool(flags=flags, executor_klass=RemoteFdExecutor) as workers,
        AcceptorPool(
            flags=flags,
            listeners=listeners,
            executor_queues=workers.work_queues,
            executor_pids=workers.work_pids,
            executor_locks=workers.work_locks,
        ),
    ):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
