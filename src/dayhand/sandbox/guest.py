"""What a command sees inside a box, the same in both backends: its user, its paths and its environment variables."""

from __future__ import annotations

from pathlib import Path

from dayhand.sandbox.limits import MIB

UID = "1000"  # user and group
HOME = "/tmp/home"  # noqa: S108 - the box's own /tmp
TOOLS = "/opt/tools"  # programs that we add
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHARED_MEMORY = 256 * MIB  # the size of /dev/shm

# Where Debian's and Red Hat's families keep the certificate authorities that the machine trusts.
CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


def environment_variables(path: str) -> dict[str, str]:
    """A command's environment before the caller's own variables; nothing of it comes from the host."""
    return {
        "PATH": path,
        "HOME": HOME,
        "USER": "dayhand",
        "LOGNAME": "dayhand",
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        "CI": "1",
    }


def ca_bundle() -> Path | None:
    """The file with the certificate authorities that this machine trusts."""
    return next((Path(path) for path in CA_BUNDLES if Path(path).is_file()), None)


def certificate_variables() -> dict[str, str]:
    """Variables that make programs in the box trust the same certificate authorities as this machine."""
    bundle = ca_bundle()
    names = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
    return dict.fromkeys(names, str(bundle)) if bundle else {}
