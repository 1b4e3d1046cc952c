"""The only network access of a set-up box: a proxy on a unix socket that connects to allowed hosts alone.

The box has no network of its own. Inside it, a relay listens on the loopback and passes every connection to the socket;
outside, the proxy (``proxy.py``) judges each by an ``EgressPolicy``. The socket lives exactly as long as the box; the
proxy from the first connection on (``proxy_on_demand.py``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dayhand.errors import SandboxError
from dayhand.sandbox import guest
from dayhand.sandbox.base import Egress
from dayhand.sandbox.egress.policy import EgressPolicy
from dayhand.sandbox.egress.proxy_on_demand import ProxyOnDemand
from dayhand.task import Blocked
from dayhand.typed_json import parse

REFUSED = "refused"
PORT = 3128  # of the relay, on the box's loopback


class Gateway:
    """The proxy of one box, seen from the worker."""

    def __init__(self, folder: Path, egress: Egress, record: int) -> None:
        self.folder = folder
        self.proxy: ProxyOnDemand | None = None
        self._egress = egress
        self._record = record  # a descriptor of the list of connections that the proxy writes
        self._read = 0
        self._command = ""

    @contextmanager
    def attribute_to(self, command: str) -> Iterator[None]:
        """Record that connections refused while the block runs were requested by this command."""
        self.collect()  # a look-up that outlasted the previous command belongs to that one
        self._command = command
        try:
            yield
        finally:
            self.collect()

    def environment(self) -> dict[str, str]:
        """The variables that make the box's programs use the proxy and trust this machine's authorities."""
        names = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "ALL_PROXY", "npm_config_proxy")
        local = "localhost,127.0.0.1,::1"
        variables = dict.fromkeys((*names, "npm_config_https_proxy"), f"http://127.0.0.1:{PORT}")
        return {**variables, "NO_PROXY": local, "no_proxy": local, **guest.certificate_variables()}

    def collect(self) -> None:
        """Add new connections and refusals to the box's ``Egress``. The proxy records each before it answers.

        Raises ``SandboxError`` if the proxy was needed and did not start.
        """
        if self.proxy and self.proxy.problem:
            raise SandboxError(f"The proxy for set-up did not start: {self.proxy.problem}.")
        raw = os.pread(self._record, os.fstat(self._record).st_size - self._read, self._read)
        complete = raw[: raw.rfind(b"\n") + 1]
        self._read += len(complete)
        for line in complete.splitlines():
            host, port, reason = parse(tuple[str, int, str], line)
            if reason:
                self._egress.blocked.append(Blocked(host, port, reason, self._command))
            else:
                self._egress.reached.append(host)


@contextmanager
def open_gateway(
    folder: Path, egress: Egress, uid: int | None, *, policy: EgressPolicy | None = None
) -> Iterator[Gateway]:
    """Give one box a proxy. ``folder`` belongs to it alone and holds its socket. The proxy runs as ``uid`` if one is given."""
    policy = policy or EgressPolicy(
        tuple(host.lower() for host in egress.allow), private=tuple(host.lower() for host in egress.private)
    )
    refused = os.open(folder.parent / REFUSED, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        gateway = Gateway(folder, egress, refused)
        gateway.proxy = ProxyOnDemand(folder, policy, record=refused, uid=uid)
        try:
            yield gateway
        finally:
            gateway.proxy.close()
    finally:
        os.close(refused)
