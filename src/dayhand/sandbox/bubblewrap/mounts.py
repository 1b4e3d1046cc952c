"""The bwrap arguments that decide what a box sees: an allow-list of paths, never the whole machine with exceptions."""

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
from dayhand.sandbox.bubblewrap import etc
from dayhand.sandbox.egress.proxy_on_demand import SOCKET
from dayhand.sandbox.guest import (
    CA_BUNDLES,
    HOME,
    SHARED_MEMORY,
    SYSTEM_PATH,
    TOOLS,
    UID,
    environment_variables,
)

EGRESS_SOCKET = f"/run/egress/{SOCKET}"  # in the box
LAYER = "/tmp/layer"  # noqa: S108 - in the box: the upper layer of its workspace
ORIGIN = "/tmp/origin"  # noqa: S108 - in the box: where a snapshot is copied from
SDK_FOLDERS = "/usr/lib/dotnet/sdk:/usr/share/dotnet/sdk"  # a new version there changes no program's own file

# Configuration of the machine's programs that its package managers keep below /usr; it may hold passwords.
CONFIGURATION = (
    "/usr/etc",
    "/usr/local/etc",
    "/usr/lib/node_modules/npm/npmrc",
    "/usr/local/lib/node_modules/npm/npmrc",
    "/usr/share/nodejs/npm/npmrc",
    "/usr/pip.conf",
    "/usr/local/pip.conf",
    "/usr/local/bundle/config",
    "/usr/local/cargo/config.toml",
    "/usr/local/cargo/credentials.toml",
)
CONFIGURATION_KEPT = ("/usr/local/etc/php/conf.d",)  # the extensions to load; not php.ini
# The box's first process belongs to its user, who could write its memory: its folder is mounted over.
FIRST_PROCESS = "/proc/1"
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


def fixed_arguments(etc_folder: Path, uv: Path | None, scratch: int) -> list[str]:
    """The arguments that are the same for every box: everything but its own folders.

    ``etc_folder`` is one that ``etc.write`` filled; ``uv`` is a program to add to the box; ``scratch`` is the size of /tmp in bytes.
    """
    words = [*NAMESPACES, "--ro-bind", "/usr", "/usr", *_hide_configuration(etc_folder / etc.EMPTY)]
    words += [word for name in ("bin", "sbin", "lib", "lib32", "lib64") for word in _top_folder(name)]
    words += etc.arguments(etc_folder)
    if uv:
        words += ["--ro-bind", str(uv), f"{TOOLS}/uv"]
    if home := _python_home():
        words += ["--ro-bind", str(home), str(home)]
    words += ["--proc", "/proc", "--tmpfs", FIRST_PROCESS, "--remount-ro", FIRST_PROCESS]
    words += ["--dev", "/dev", "--size", str(SHARED_MEMORY), "--tmpfs", "/dev/shm"]  # noqa: S108
    words += ["--size", str(scratch), "--tmpfs", "/tmp", "--perms", "0700", "--dir", HOME]  # noqa: S108
    return words


def toolchain_arguments(folders: tuple[str, ...]) -> Iterator[str]:
    """The operator's toolchains; bwrap could not open a box with a folder that the box's user cannot read."""
    for folder in folders:
        own = os.geteuid() != 0 and os.access(folder, os.R_OK | os.X_OK)
        if Path(folder).is_dir() and (own or is_readable_by_all(Path(folder))):
            yield from ("--ro-bind", str(Path(folder).resolve()), folder)


def _hide_configuration(empty: Path) -> Iterator[str]:
    """Mount nothing over folders and an empty file over files; what a link leads to outside /usr is not visible anyway."""
    for path in CONFIGURATION:
        real = Path(path).resolve()
        if not real.is_relative_to("/usr"):
            continue
        if real.is_dir():
            kept = [
                word for each in CONFIGURATION_KEPT if each.startswith(f"{real}/") for word in (each, each)
            ]
            yield from ("--tmpfs", str(real), *(("--ro-bind-try", *kept) if kept else ()))
            yield from ("--remount-ro", str(real))
        elif real.is_file():
            yield from ("--ro-bind", str(empty), str(real))


def closing_arguments() -> list[str]:
    """The arguments after the box's own folders: nothing else in it can be written."""
    return ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORKSPACE]


def folder_arguments(workspace: Path, env: Path, *, env_writable: bool) -> list[str]:
    """The box's own folders, as they are on the host."""
    bind = "--bind" if env_writable else "--ro-bind"
    return ["--bind", str(workspace), WORKSPACE, bind, str(env), ENVIRONMENT]


def overlay_arguments(lower: tuple[Path, ...], upper: Path, work: Path, *, env: Path) -> list[str]:
    """The workspace as a layer over saved ones, the lowest first, which do not change. Needs bwrap 0.11."""
    saved = [word for each in lower for word in ("--overlay-src", str(each))]
    return [*saved, "--overlay", str(upper), str(work), WORKSPACE, "--ro-bind", str(env), ENVIRONMENT]


def origin_arguments(*folders: Path) -> list[str]:
    """What a new box copies: one folder, or several as layers, the lowest first."""
    if len(folders) == 1:
        return ["--ro-bind", str(folders[0]), ORIGIN]
    return [*(word for each in folders for word in ("--overlay-src", str(each))), "--ro-overlay", ORIGIN]


def layer_arguments(upper: Path) -> list[str]:
    """What the box changed in its workspace, beside the workspace."""
    return ["--ro-bind", str(upper), LAYER]


def egress_socket_arguments(folder: Path) -> list[str]:
    """The proxy's socket, from the gateway's folder."""
    return ["--ro-bind", str(folder / SOCKET), EGRESS_SOCKET]


def environment_arguments(extra: Mapping[str, str]) -> list[str]:
    """The arguments for a command's environment: our variables, overridden by the caller's."""
    home = _python_home()
    ours = environment_variables(f"{TOOLS}:{SYSTEM_PATH}" + (f":{home}/bin" if home else ""))
    words = ["--clearenv"]
    for name, value in {**ours, **extra}.items():
        words += ["--setenv", name, value]
    return words


def fingerprint(arguments: Sequence[str]) -> str:
    """A hash of everything that an empty box of this machine contains; it changes whenever any of it does.

    Installing, upgrading or removing a language writes its program again, so the programs' times are enough.
    """
    parts = [repr(arguments), *map(_file_identity, ("/usr/lib/os-release", *CA_BUNDLES))]
    programs = (Path(folder).resolve() for folder in f"{SYSTEM_PATH}:{SDK_FOLDERS}".split(":"))
    for folder in dict.fromkeys(programs):  # /bin is /usr/bin nearly everywhere
        with suppress(OSError), os.scandir(folder) as entries:
            parts += sorted([f"{entry.path} {_file_identity(entry.path)}" for entry in entries])
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _file_identity(path: str) -> str:
    """The modification time, size and inode of a file, through links; "" if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - of a thousand files, before each task
    except OSError:
        return ""
    return f"{status.st_mtime_ns} {status.st_size} {status.st_ino}"


def _top_folder(name: str) -> Iterator[str]:
    """/bin and the like: links into /usr nearly everywhere, real folders on old systems."""
    path = Path("/") / name
    if path.is_symlink():
        yield from ("--symlink", str(path.readlink()), str(path))
    elif path.is_dir():
        yield from ("--ro-bind", str(path), str(path))


@cache
def _python_home() -> Path | None:
    """Our own Python, if the system has none and the box's user may read ours."""
    if shutil.which("python3", path=SYSTEM_PATH):
        return None
    home = Path(sys.base_prefix)
    return home if is_readable_by_all(home / "bin" / "python3") else None


def is_readable_by_all(path: Path) -> bool:
    """Whether every user of this machine may read the file, through links."""
    real = path.resolve()
    try:
        return bool(real.stat().st_mode & 0o004) and all(
            folder.stat().st_mode & 0o001 for folder in real.parents
        )
    except OSError:
        return False
