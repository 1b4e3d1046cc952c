"""A box's ``/etc``: files of our own, and copies of the host's that hold no secret, in one folder that is mounted as one.

Each mount takes the kernel 0.15 ms in each box, and each turn opens two. So only folders of the host are mounted into this
one, and its files are copied: when a process starts, and whenever the machine's fingerprint is taken.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

HOST = Path("/etc")
IMAGE = "image"  # what is mounted
EMPTY = "empty"  # beside it: an empty file

HOSTS = "127.0.0.1\tlocalhost sandbox\n::1\tlocalhost\n"
OURS = {  # without these, localhost has no address and uid 1000 has no name; many test suites need both
    "passwd": "root:x:0:0:root:/root:/bin/sh\ndayhand:x:1000:1000:dayhand:/tmp/home:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "group": "root:x:0:\ndayhand:x:1000:\nnogroup:x:65534:\n",
    "hosts": HOSTS,
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "resolv.conf": "# This box has no network.\n",
}
# What programs need of the host and what holds no secret. Keys (/etc/ssl/private) are not among it.
FILES = (
    "ld.so.cache",
    "ld.so.conf",
    "localtime",
    "ssl/openssl.cnf",
    "ca-certificates.conf",
    "maven/m2.conf",
    "mime.types",
    "protocols",
    "services",
)
# Of Debian's JDKs and PHPs, what they need to start and to load their extensions; php.ini may hold passwords.
FOLDERS = (
    "ld.so.conf.d",
    "alternatives",
    "ssl/certs",
    "ca-certificates",
    "pki/tls/certs",
    "pki/ca-trust",
    "crypto-policies",
    "maven/logging",  # not Maven's settings.xml, which may hold passwords
    "java-*-openjdk",
    "php/*/cli/conf.d",
    "php/*/mods-available",
)


def write(folder: Path, host: Path = HOST) -> None:
    """Make the folder what it should be now; boxes that are open see it too."""
    files = {f"{IMAGE}/{name}": text.encode() for name, text in OURS.items()} | {EMPTY: b""}
    for name in FILES:
        with suppress(OSError):  # this machine has none, or not for us
            files[f"{IMAGE}/{name}"] = (host / name).read_bytes()
    for name in _folders(host):
        _make_folder(folder / IMAGE / name)
    for name, content in files.items():
        _replace(folder / name, content)
    for name in FILES:
        if f"{IMAGE}/{name}" not in files:
            (folder / IMAGE / name).unlink(missing_ok=True)


def arguments(folder: Path) -> Iterator[str]:
    """Bwrap's arguments for ``/etc``, once the folder is written."""
    yield from ("--ro-bind", str(folder / IMAGE), str(HOST))
    for name in _folders(HOST):
        if (folder / IMAGE / name).is_dir():
            yield from ("--ro-bind-try", str(HOST / name), str(HOST / name))


def _folders(host: Path) -> list[str]:
    """The folders that there are."""
    found = (path for pattern in FOLDERS for path in sorted(host.glob(pattern)) if path.is_dir())
    return [str(path.relative_to(host)) for path in found]


def _replace(path: Path, content: bytes) -> None:
    """Write a file that differs, as a new one: a box may be reading the old one."""
    if path.is_file() and path.read_bytes() == content:
        return
    _make_folder(path.parent)
    temporary = path.with_name(secrets.token_hex(8))
    temporary.write_bytes(content)
    temporary.chmod(0o644)
    temporary.rename(path)


def _make_folder(path: Path) -> None:
    """Make a folder that the boxes' users can read, whatever our umask."""
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
