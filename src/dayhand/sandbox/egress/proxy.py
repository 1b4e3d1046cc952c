"""The proxy of one set-up box, as a process: ``python -m dayhand.sandbox.egress.proxy REFUSED_FD UID``.

proxy.py speaks HTTP; ``Rules`` decide. The rules are the first line of standard input, and its end is ours.
"""

from __future__ import annotations

# The first two are looked up late, when we are another user who may not be able to read Python's own files.
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

from dayhand.sandbox.egress.gateway import SOCKET, Rules

REQUEST_BYTES = 256 * 1024  # of a CONNECT with all its headers, and what may have come right after it
MEMORY = 512 * 1024 * 1024  # of each of its processes: a connection whose box does not read is cut there
# Its acceptor's own executor would look for new connections every 25 ms only, and take one at a time.
OPTIONS = "--local-executor 0 --num-acceptors 1 --num-workers 1 --log-level CRITICAL --timeout 120"
REFUSALS = 1000  # answered and written down; a command that asks for more has been told enough


class Brief(HttpProtocolHandler):
    """The library's handler, which would go on to read and parse a request that never ends."""

    def handle_data(self, data: memoryview) -> bool | None:
        if (
            data is not None
            and not self.request.is_complete
            and self.request.total_size + len(data) > REQUEST_BYTES
        ):
            self.work.queue(BAD_REQUEST_RESPONSE_PKT)
            return True
        return super().handle_data(data)


class EgressPolicy(HttpProxyBasePlugin):
    """Judges each connection before it is made. ``rules`` and ``book`` are set on the subclass that runs."""

    rules = Rules(())
    book = -1  # a descriptor, opened for appending
    _vetted = ""
    _written = 0

    def before_upstream_connection(self, request: HttpParser) -> HttpParser:
        host = (request.host or b"").decode("latin-1").lower()
        port = request.port or 0
        why = "only CONNECT is allowed"
        if request.is_https_tunnel:
            why = self.rules.refusal(host, port)
        if not why:
            self._vetted, why = self.rules.address(host, port)
        if why and not self._write_down(host, port, why):
            # Closed without a word: npm puts a connection that was refused back to use and asks on it without end.
            raise HttpRequestRejected
        if why:
            body = f"{host}:{port} is refused: {why}.\n".encode("ascii", "replace")
            raise HttpRequestRejected(status_code=403, reason=b"Forbidden", body=body)
        return request

    def resolve_dns(self, host: str, port: int) -> tuple[str, None]:
        """Connect to the address that was judged, not to what a second look-up might say."""
        return self._vetted, None

    def _write_down(self, host: str, port: int, why: str) -> bool:
        """Note a refusal; False once there were too many."""
        if EgressPolicy._written >= REFUSALS:
            return False
        EgressPolicy._written += 1
        os.write(self.book, (json.dumps([host[:253], port, why]) + "\n").encode())
        return True


def main() -> None:
    book, uid = int(sys.argv[1]), int(sys.argv[2])
    rules = Rules.load(sys.stdin.readline())
    multiprocessing.set_start_method(
        "fork", force=True
    )  # its worker must be ours: the same rules, the same user
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    keeper = type("Keeper", (EgressPolicy,), {"rules": rules, "book": book})
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    with Proxy(OPTIONS.split(), unix_socket_path=SOCKET, plugins=[keeper], work_klass=Brief):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
