"""What a box sees: a list of what is let in, never the whole machine with holes."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from dayhand.box_paths import ENVIRONMENT, WORKSPACE
from dayhand.sandbox.limits import MIB

TOOLS = "/opt/tools"
HOME = "/tmp/home"  # noqa: S108 - the box's own /tmp
SHARED_MEMORY = 256 * MIB
UID = "1000"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KITS = "/usr/lib/dotnet/sdk:/usr/share/dotnet/sdk"  # versions that no program's own file tells
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")

ETC = {  # without these, localhost has no address and uid 1000 no name: many test suites want both
    "passwd": "root:x:0:0:root:/root:/bin/sh\ndayhand:x:1000:1000:dayhand:/tmp/home:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "group": "root:x:0:\ndayhand:x:1000:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1\tlocalhost sandbox\n::1\tlocalhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "resolv.conf": "# This box has no network.\n",
}
# Host files that programs need and that tell nothing. Keys (/etc/ssl/private) are not among them.
SYSTEM = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust",
    "/etc/crypto-policies",
    "/etc/maven/logging",  # not its settings.xml: that may hold passwords
    "/etc/maven/m2.conf",
    "/etc/mime.types",
    "/etc/protocols",
    "/etc/services",
)
# Of Debian's JDKs and PHPs, what they do not start or load their extensions without; php.ini may hold passwords.
TOOLCHAINS = ("java-*-openjdk", "php/*/cli/conf.d", "php/*/mods-available")
NAMESPACES = (
    "--unshare-user",
    "--unshare-all",
    "--disable-userns",
    "--assert-userns-disabled",
    "--die-with-parent",
    "--new-session",
    "--cap-drop",
    "ALL",
    "--uid",
    UID,
    "--gid",
    UID,
    "--hostname",
    "sandbox",
)


def fixed(etc: Path, uv: Path | None, scratch: int) -> list[str]:
    """The part of bwrap's arguments that is the same for every box: everything but its own folders.

    ``etc`` holds the files of ``ETC``; ``uv`` is a program that the box is given; ``scratch`` is the size of /tmp in bytes.
    """
    words = [*NAMESPACES, "--ro-bind", "/usr", "/usr"]
    words += [word for name in ("bin", "sbin", "lib", "lib32", "lib64") for word in _top(name)]
    more = sorted(str(path) for pattern in TOOLCHAINS for path in Path("/etc").glob(pattern))
    words += [word for path in (*SYSTEM, *more) for word in ("--ro-bind-try", path, path)]
    words += [word for name in ETC for word in ("--ro-bind", str(etc / name), f"/etc/{name}")]
    if uv:
        words += ["--ro-bind", str(uv), f"{TOOLS}/uv"]
    if home := _python_home():
        words += ["--ro-bind", str(home), str(home)]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(SHARED_MEMORY), "--tmpfs", "/dev/shm"]  # noqa: S108
    words += ["--size", str(scratch), "--tmpfs", "/tmp", "--perms", "0700", "--dir", HOME]  # noqa: S108
    return words


def closing() -> list[str]:
    """What comes after the box's own folders: nothing more can be written beside them."""
    return ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORKSPACE]


def folders(workspace: Path, env: Path, *, env_writable: bool) -> list[str]:
    bind = "--bind" if env_writable else "--ro-bind"
    return ["--bind", str(workspace), WORKSPACE, bind, str(env), ENVIRONMENT]


def overlay(lower: Path, upper: Path, work: Path, *, env: Path) -> list[str]:
    """The workspace as a layer over a kept one, which stays as it is. Wants bwrap 0.11."""
    layers = ["--overlay-src", str(lower), "--overlay", str(upper), str(work), WORKSPACE]
    return [*layers, "--ro-bind", str(env), ENVIRONMENT]


def variables(path: str) -> dict[str, str]:
    """A command's environment before the caller's own; nothing of the host's."""
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


def environment(extra: Mapping[str, str]) -> list[str]:
    """Arguments for a command's environment: ours, then the caller's over it."""
    home = _python_home()
    own = variables(f"{TOOLS}:{SYSTEM_PATH}" + (f":{home}/bin" if home else ""))
    words = ["--clearenv"]
    for name, value in {**own, **extra}.items():
        words += ["--setenv", name, value]
    return words


def stamp(arguments: Sequence[str]) -> str:
    """A word for all that an empty box of this machine has to say of itself: another one when any of it changes.

    Whoever installs, upgrades or removes a language writes a program anew.
    """
    seen = [repr(arguments), *map(_written, ("/usr/lib/os-release", *BUNDLES))]
    folders = (Path(folder).resolve() for folder in f"{SYSTEM_PATH}:{KITS}".split(":"))
    for folder in dict.fromkeys(folders):  # /bin is /usr/bin nearly everywhere
        with suppress(OSError), os.scandir(folder) as found:
            seen += sorted([f"{one.path} {_written(one.path)}" for one in found])
    return hashlib.sha256("\n".join(seen).encode("utf-8", "surrogateescape")).hexdigest()


def _written(path: str) -> str:
    """When a file, wherever links lead, was last written, its size and its number; "" for none."""
    try:
        told = os.stat(path)  # noqa: PTH116 - of a thousand files, before each task
    except OSError:
        return ""
    return f"{told.st_mtime_ns} {told.st_size} {told.st_ino}"


def certificates() -> dict[str, str]:
    """What programs must be told to trust the same authorities as this machine does."""
    bundle = next((path for path in BUNDLES if Path(path).is_file()), "")
    names = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
    return dict.fromkeys(names, bundle) if bundle else {}


def _top(name: str) -> Iterator[str]:
    """/bin and its like: links into /usr nearly everywhere, real folders on old systems."""
    path = Path("/") / name
    if path.is_symlink():
        yield from ("--symlink", str(path.readlink()), str(path))
    elif path.is_dir():
        yield from ("--ro-bind", str(path), str(path))


@cache
def _python_home() -> Path | None:
    """Our own Python, where the system has none and the box's user may read it."""
    if shutil.which("python3", path=SYSTEM_PATH):
        return None
    home = Path(sys.base_prefix)
    return home if reachable(home / "bin" / "python3") else None


def reachable(path: Path) -> bool:
    """Whether any user of this machine may read (and, for a program, run) the file, wherever links lead."""
    real = path.resolve()
    try:
        return bool(real.stat().st_mode & 0o004) and all(
            folder.stat().st_mode & 0o001 for folder in real.parents
        )
    except OSError:
        return False
