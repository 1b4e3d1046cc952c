"""What the README says about corporate certificate authorities: which variable makes which client trust one."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uv
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

MODEL = "import httpx2; from dayhand.wiring.models import model_certificates as certificates; httpx2.Client(verify=certificates()).get({url!r})"
GITHUB = (
    "from github import Auth; from dayhand.hub.requester import PROGRESS, CountedRequester, Sending;"
    " CountedRequester({url!r}, Auth.Token('t'), Sending(urgency=PROGRESS)).requestJsonAndCheck('GET', '/')"
)
REGISTRY = "import urllib.request; urllib.request.urlopen({url!r})"
UV = [
    uv.find_uv_bin(),
    "pip",
    "install",
    "--dry-run",
    "--no-cache",
    "--python",
    sys.executable,
    "--default-index",
]
CLIENTS = {
    "the model's server": [sys.executable, "-c", MODEL],
    "GitHub's API": [sys.executable, "-c", GITHUB],
    "package registries": [sys.executable, "-c", REGISTRY],
    "git": ["git", "ls-remote", "{url}/x.git"],
    "uv": [*UV, "{url}", "a-package"],
}
NAMED = {
    "SSL_CERT_FILE": {"the model's server", "package registries", "uv"},
    "REQUESTS_CA_BUNDLE": {"GitHub's API"},
    "GIT_SSL_CAINFO": {"git"},
}
REFUSED = (
    "certificate verify failed",
    "certificate verification failed",
    "UnknownIssuer",
    "invalid peer certificate",
)


class Empty(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: object) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    authority: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An HTTPS server whose certificate was signed by an authority that nobody knows."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, ours = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = certificate("Corporate CA", authority, authority, issuer="Corporate CA", ca=True)
    leaf = certificate("127.0.0.1", ours, authority, issuer="Corporate CA", ca=False)
    (folder / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    pem = ours.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        yield Server(f"https://127.0.0.1:{listening.server_port}", folder / "ca.pem")
        listening.shutdown()


def certificate(
    name: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *, issuer: str, ca: bool
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if not ca:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return builder.sign(signer, hashes.SHA256())


@pytest.mark.parametrize("variable", NAMED)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_variable_makes_those_clients_trust_the_authority_that_the_readme_names(
    server: Server, client: str, variable: str
) -> None:
    ours = ("CERT", "CA_BUNDLE", "CAINFO", "UV_", "PROXY", "proxy")
    env = {name: value for name, value in os.environ.items() if not any(part in name for part in ours)}
    command = [word.format(url=server.url) for word in CLIENTS[client]]
    done = subprocess.run(
        command,
        env={**env, variable: str(server.authority)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    refused = any(words.lower() in (done.stdout + done.stderr).lower() for words in REFUSED)
    assert refused != (client in NAMED[variable]), done.stderr
