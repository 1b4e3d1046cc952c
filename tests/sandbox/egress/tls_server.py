"""A real TLS server on the loopback that keeps every byte it receives, and a client that shows its bytes before they are sent."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.waiting import PATIENCE

GREETING = b"hello from outside"


@dataclass
class TlsServer:
    port: int
    certificate: Path
    received: bytearray = field(default_factory=bytearray)
    clients: int = 0


@contextmanager
def tls_server(folder: Path, curve: str = "") -> Iterator[TlsServer]:
    """Greets each client by TLS. With a ``curve``, a client that did not guess it gets a HelloRetryRequest."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = self_signed(folder)
    context.load_cert_chain(certificate)
    if curve:
        context.set_ecdh_curve(curve)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = TlsServer(listener.getsockname()[1], certificate)

        def serve() -> None:
            while True:
                try:
                    client = listener.accept()[0]
                except OSError:
                    return
                server.clients += 1
                with client:
                    greet(client, context, server.received)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)


def greet(client: socket.socket, context: ssl.SSLContext, received: bytearray) -> None:
    read, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(read, sent, server_side=True)
    while True:
        try:
            session.do_handshake()
            session.write(GREETING)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            return
        try:
            client.sendall(sent.read())
            chunk = client.recv(65536)
        except OSError:
            return
        if not chunk:
            return
        received += chunk
        read.write(chunk)


@dataclass
class TlsClient:
    """Speaks TLS over a connection that is open already."""

    connection: socket.socket
    certificate: Path
    name: str | None = "localhost"

    def greeting(self, change: Callable[[bytes], list[bytes]] = lambda data: [data]) -> bytes:
        """What the server says. ``change`` gets each piece that the client would send, and returns what is sent."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.check_hostname = False
        read, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(read, sent, server_hostname=self.name)
        while True:
            try:
                return session.read(4096)
            except ssl.SSLWantReadError:
                for piece in change(sent.read()):
                    self.connection.sendall(piece)
            if not (chunk := self.connection.recv(65536)):
                return b""
            read.write(chunk)


def self_signed(folder: Path, address: str = "127.0.0.1") -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(address))]
    )
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
