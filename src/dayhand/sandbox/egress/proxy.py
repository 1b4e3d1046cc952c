"""The proxy of one set-up box, as a process: ``python -m dayhand.sandbox.egress.proxy REFUSED_FD UID``.

The ``proxy`` library speaks HTTP; an ``EgressPolicy`` decides. The policy is the first line of standard input; when
standard input ends, so does this process.
"""

from __future__ import annotations

# Imported early: later this process runs as another user, who may not be able to read Python's own files.
import encodings.idna  # noqa: F401
import json
import multiprocessing
import multiprocessing.popen_fork
import os
import resource
import sys

from proxy import Proxy
from proxy.http import HttpProtocolHandler
from proxy.http.exception import HttpRequestRejected
from proxy.http.parser import HttpParser
from proxy.http.proxy import HttpProxyBasePlugin
from proxy.http.responses import BAD_REQUEST_RESPONSE_PKT

from dayhand.sandbox.egress.gateway import SOCKET
from dayhand.sandbox.egress.policy import EgressPolicy

MAX_REQUEST_BYTES = 256 * 1024  # of a CONNECT with all its headers, and whatever follows right after it
MAX_MEMORY = 512 * 1024 * 1024  # of each process: bounds what is buffered for a box that does not read
# The acceptor's own executor would look for new connections only every 25 ms, and accept one at a time.
OPTIONS = "--local-executor 0 --num-acceptors 1 --num-workers 1 --log-level CRITICAL --timeout 120"
MAX_REFUSALS = 1000  # that are recorded and answered; later ones are only closed


class BoundedRequestHandler(HttpProtocolHandler):
    """The library's request handler, with a limit: without it, a request that never ends is read forever."""

    def handle_data(self, data: memoryview) -> bool | None:
        if (
            data is not None
            and not self.request.is_complete
            and self.request.total_size + len(data) > MAX_REQUEST_BYTES
        ):
            self.work.queue(BAD_REQUEST_RESPONSE_PKT)
            return True
        return super().handle_data(data)


class EgressPlugin(HttpProxyBasePlugin):
    """Checks each connection before it is made. ``policy`` and ``refused`` are set on the subclass that runs."""

    policy = EgressPolicy(())
    refused = -1  # a descriptor, opened for appending
    _address = ""  # that passed the policy
    _recorded = 0

    def before_upstream_connection(self, request: HttpParser) -> HttpParser:
        host = (request.host or b"").decode("latin-1").lower()
        port = request.port or 0
        why = "only CONNECT is allowed"
        if request.is_https_tunnel:
            why = self.policy.refusal(host, port)
        if not why:
            self._address, why = self.policy.resolve(host, port)
        if why and not self._record(host, port, why):
            # Closed without an answer: npm reuses a connection that was refused and would ask on it forever.
            raise HttpRequestRejected
        if why:
            body = f"{host}:{port} is refused: {why}.\n".encode("ascii", "replace")
            raise HttpRequestRejected(status_code=403, reason=b"Forbidden", body=body)
        return request

    def resolve_dns(self, host: str, port: int) -> tuple[str, None]:
        """Connect to the address that passed the policy: a second look-up might return another one."""
        return self._address, None

    def _record(self, host: str, port: int, why: str) -> bool:
        """Record a refusal; False after ``MAX_REFUSALS``."""
        if EgressPlugin._recorded >= MAX_REFUSALS:
            return False
        EgressPlugin._recorded += 1
        os.write(self.refused, (json.dumps([host[:253], port, why]) + "\n").encode())
        return True


def main() -> None:
    refused, uid = int(sys.argv[1]), int(sys.argv[2])
    policy = EgressPolicy.load(sys.stdin.readline())
    # The library's worker process must be a fork of this one, with the same policy and the same user.
    multiprocessing.set_start_method("fork", force=True)
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    plugin = type("ConfiguredEgressPlugin", (EgressPlugin,), {"policy": policy, "refused": refused})
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
    with Proxy(OPTIONS.split(), unix_socket_path=SOCKET, plugins=[plugin], work_klass=BoundedRequestHandler):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
