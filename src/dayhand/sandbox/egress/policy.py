"""Which hosts, ports and addresses a set-up box may connect to."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
from dataclasses import asdict

from dayhand.startup.records import dataclass
from dayhand.task import NOT_ALLOWED
from dayhand.typed_json import parse

# Loopback, private, shared, link-local (cloud metadata), benchmark, multicast, reserved; and the address ranges that
# embed one of those. Listed here because ``is_private`` also covers documentation networks.
NEVER = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
    "168.63.129.16/32",  # Azure's metadata
    *("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2002::/16"),
    *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
)

# Those of them where an operator's own registry may be: never loopback or metadata.
PRIVATE = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """An allow list of hosts and ports, and the networks that are refused whatever a host's name is."""

    allow: tuple[str, ...]  # exact hosts, or "*.example.org"
    ports: tuple[int, ...] = (443,)
    never: tuple[str, ...] = NEVER  # networks
    private: tuple[str, ...] = ()  # hosts that may be in a private network
    hello_seconds: float = 10.0  # until a tunnel's TLS handshake has begun

    def refusal(self, host: str, port: int) -> str:
        """Why this host and port are refused; "" if they are allowed."""
        if not re.fullmatch(r"[a-z0-9.-]{1,253}", host):
            return "this is not a host name"
        if port not in self.ports:
            return f"port {port} is not allowed"
        return "" if any(_matches(host, pattern) for pattern in self.allow) else NOT_ALLOWED

    def allows_address(self, host: str) -> bool:
        """Whether this is an IP address that is allowed as such. TLS has no server name for one (RFC 6066, section 3)."""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return host in self.allow

    def resolve(self, host: str, port: int) -> tuple[str, str]:
        """Look the host up once: the address to connect to and "", or "" and why there is none."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            return "", f"the host has no address ({error.strerror or error})"
        addresses = sorted(
            {str(entry[4][0]) for entry in found}, key=lambda address: (":" in address, address)
        )
        for address in addresses:
            if not self._forbids(host, address):
                return address, ""
        return "", f"the host's address {', '.join(addresses)} is not on the public network"

    def _forbids(self, host: str, address: str) -> bool:
        parsed = ipaddress.ip_address(address.partition("%")[0])
        allowed = PRIVATE if any(_matches(host, pattern) for pattern in self.private) else ()
        return any(
            parsed in ipaddress.ip_network(network) for network in self.never if network not in allowed
        )

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> EgressPolicy:
        return parse(cls, text)


def _matches(host: str, pattern: str) -> bool:
    """``*.example.org`` matches every host below it, at any depth, but not ``example.org`` itself."""
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) >= len(pattern)
    return host == pattern
