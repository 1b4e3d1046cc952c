"""What one command may take from the machine: limits that every kernel has, and control groups where we are root."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from dayhand.errors import SandboxError

MIB = 1024 * 1024
CONTROLLERS = ("memory", "pids")
V2_ROOT = Path("/sys/fs/cgroup")
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """The size of a box; sizes are in bytes."""

    memory: int = 4096 * MIB  # of the whole box as root, else of each process
    processes: int = 512
    file: int = 4096 * MIB  # the largest single file
    scratch: int = 1024 * MIB  # /tmp, which is memory
    open_files: int = 4096
    disk: int = 10240 * MIB  # /workspace and /opt/env together, looked at while a command runs
    files: int = 2_000_000  # in those two folders: empty ones need no room, but the disk has only so many
    cpus: float = 2.0  # of a container; a bubblewrap box shares the machine with the others
    floor: int = 512 * MIB  # what the host's disk keeps free, or every command is ended

    def shell(self, *, grouped: bool) -> str:
        """``ulimit`` words for the shell that starts a command inside its box. They are best effort: a lower limit stays.

        POSIX counts ``-f`` in blocks of 512 bytes, the shells count ``-d`` in KiB, and bash says ``-u`` where dash says
        ``-p``: set inside the box's user namespace, it counts this box alone. Where no control group bounds the memory
        of all, the data segments of each are bounded.
        """
        words = ["ulimit -c 0", f"ulimit -f {self.file // 512}", f"ulimit -n {self.open_files}"]
        if not grouped:
            words.append(f"ulimit -d {self.memory // 1024}")
        bounds = "; ".join(f"{word} 2>/dev/null" for word in words)
        return f"{bounds}; ulimit -u {self.processes} 2>/dev/null || ulimit -p {self.processes} 2>/dev/null"


class ControlGroup:
    """One box's control group, version 1 or 2: its memory and its processes together."""

    def __init__(self, folders: tuple[Path, ...], *, version: int) -> None:
        self._folders = folders
        self._version = version
        # Files that take the thread which writes to them into this group, and back out. None in version 2, where the
        # threads of a process stay together: there a process is put in once it is.
        self.ways = (
            tuple((folder / "tasks", folder.parent / "tasks") for folder in folders) if version == 1 else ()
        )

    @classmethod
    def create(cls, name: str, capacity: Capacity) -> ControlGroup | None:
        """Make a group, or give None where this machine does not let us (the limits of each process remain)."""
        try:
            parents, version = _parents()
            folders = tuple(parent / name for parent in parents)
            group = cls(folders, version=version)
            for folder in folders:
                folder.mkdir(exist_ok=True)
            group._limit(capacity)
        except (OSError, SandboxError):
            return None
        return group

    def _limit(self, capacity: Capacity) -> None:
        memory, pids = self._folders[0], self._folders[-1]
        if self._version == 1:
            (memory / "memory.limit_in_bytes").write_text(str(capacity.memory))
            with contextlib.suppress(FileNotFoundError):  # a kernel without swap accounting
                (memory / "memory.memsw.limit_in_bytes").write_text(str(capacity.memory))
        else:
            (memory / "memory.max").write_text(str(capacity.memory))
            with contextlib.suppress(FileNotFoundError):
                (memory / "memory.swap.max").write_text("0")
        (pids / "pids.max").write_text(str(capacity.processes))

    def add(self, pid: int) -> None:
        for folder in self._folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def kills(self) -> int:
        """How often the kernel has killed in here because the memory was used up."""
        name = "memory.oom_control" if self._version == 1 else "memory.events"
        for line in (self._folders[0] / name).read_text().splitlines():
            word, _, count = line.partition(" ")
            if word == "oom_kill":
                return int(count)
        return 0

    def remove(self) -> None:
        """Kill what is left in the group, and remove it; a group that will not go is left to the next sweep."""
        until = time.monotonic() + PATIENCE_SECONDS
        for folder in self._folders:
            while not _removed(folder) and time.monotonic() < until:
                time.sleep(0.002)


def sweep(prefix: str, living: frozenset[str]) -> None:
    """Remove the groups whose names begin with ``prefix`` and whose box is not among the living."""
    try:
        parents, version = _parents()
    except (OSError, SandboxError):
        return
    for parent in parents:
        for folder in parent.glob(f"{prefix}*"):
            if folder.name.removeprefix(prefix) not in living:
                ControlGroup((folder,), version=version).remove()


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != errno.EBUSY:
            return True  # nothing more that we could do
        with contextlib.suppress(OSError):
            for pid in map(int, (folder / "cgroup.procs").read_text().split()):
                if pid != os.getpid():  # a thread of ours that starts something
                    os.kill(pid, signal.SIGKILL)
        return False
    return True


def _parents() -> tuple[tuple[Path, ...], int]:
    """The folders to make groups in: one for each controller in version 1, one for all in version 2."""
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            own[name] = path
    if all(name in own and (V2_ROOT / name).is_dir() for name in CONTROLLERS):
        return tuple(_under(V2_ROOT / name, own[name]) for name in CONTROLLERS), 1
    if "" in own and (V2_ROOT / "cgroup.controllers").is_file():
        return (_unified(_under(V2_ROOT, own[""])),), 2
    raise SandboxError("This machine has no control groups for memory and processes.")


def _under(root: Path, path: str) -> Path:
    """Our own group's folder; in a container the path may be told from outside, and only the root is there."""
    own = root / path.lstrip("/")
    return own if own.is_dir() else root


def _unified(own: Path) -> Path:
    """Version 2 lets a group with processes have no limited children, so ours may have to stand beside us."""
    for folder in (own, own.parent):
        if folder == V2_ROOT.parent:
            break
        with contextlib.suppress(OSError):
            (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS))
            return folder
    raise SandboxError("No control group here may have limited children.")
