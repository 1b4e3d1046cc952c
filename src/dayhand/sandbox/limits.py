"""Limits on what a box may take from the machine: ``ulimit`` everywhere, and a control group where the worker may make one."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from pathlib import Path

from dayhand.errors import SandboxError
from dayhand.startup.records import dataclass

MIB = 1024 * 1024
CONTROLLERS = ("memory", "pids")
V2_ROOT = Path("/sys/fs/cgroup")
LOCAL_COUNTS = "memory.events.local"  # of one group, without its children
MEMBERSHIP = Path("/proc/self/cgroup")
INNER = "dayhand"  # the child of our own group that its processes move to
REMOVE_SECONDS = 5.0  # for the killed processes of a group to be gone
MIN_FREE_FILES = 0.02  # of all the files that the disk can hold; with fewer left, every command is ended


@dataclass(frozen=True, slots=True)
class Capacity:
    """The size of a box; sizes are in bytes."""

    memory: int = (
        4096 * MIB
    )  # of the whole box: by a control group, else by a limit of each process and a watch
    processes: int = 512
    file: int = 4096 * MIB  # the largest single file
    scratch: int = 1024 * MIB  # /tmp, which is memory
    open_files: int = 4096
    disk: int = 10240 * MIB  # /workspace and /opt/env together, measured while a command runs
    files: int = 2_000_000  # in those two folders: empty files need no space, but a disk holds only so many
    cpus: float = 2.0  # of a container; bubblewrap boxes share the machine's processors
    min_free_disk: int = 512 * MIB  # of the host's disk; with less left, every command is ended

    def ulimit_script(self, *, has_group: bool) -> str:
        """Shell code that sets the limits for the command after it, inside the box. Limits that are lower already stay.

        POSIX counts ``-f`` in blocks of 512 bytes; shells count ``-d`` in KiB; bash has ``-u`` where dash has ``-p``.
        Set inside the box's user namespace, the process limit counts this box alone. Without a control group for the
        memory of the whole box, the data segment of each process is limited.
        """
        limits = ["ulimit -c 0", f"ulimit -f {self.file // 512}", f"ulimit -n {self.open_files}"]
        if not has_group:
            limits.append(f"ulimit -d {self.memory // 1024}")
        script = "; ".join(f"{limit} 2>/dev/null" for limit in limits)
        return f"{script}; ulimit -u {self.processes} 2>/dev/null || ulimit -p {self.processes} 2>/dev/null"


class ControlGroup:
    """One box's control group, version 1 or 2: limits the memory and the processes of the whole box."""

    def __init__(self, folders: tuple[Path, ...], *, version: int) -> None:
        self._folders = folders
        self._version = version
        # Pairs of files: a thread that writes 0 to the first moves into this group, to the second back out. Empty in
        # version 2, where all threads of a process are in one group: there a process is added after it was started.
        self.thread_files = (
            tuple((folder / "tasks", folder.parent / "tasks") for folder in folders) if version == 1 else ()
        )

    @classmethod
    def create(cls, name: str, capacity: Capacity) -> ControlGroup | None:
        """Make a group. None if this machine does not allow it: then only the limits of each process apply."""
        group = cls.named(name)
        return group if group and group.make(capacity) else None

    @classmethod
    def named(cls, name: str) -> ControlGroup | None:
        """The group of this name, which need not exist. None if this machine has no groups."""
        try:
            parents, version = _parents()
        except (OSError, SandboxError):
            return None
        return cls(tuple(parent / name for parent in parents), version=version)

    def make(self, capacity: Capacity) -> bool:
        """Make the group's folders with their limits; False, and nothing is left, if the kernel refuses."""
        try:
            for folder in self._folders:
                folder.mkdir(exist_ok=True)
            self._limit(capacity)
        except OSError:
            self.remove()
            return False
        return True

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

    def oom_kills(self) -> int:
        """How many processes in the group the kernel has killed because the memory ran out."""
        return read_oom_kills(
            self._folders[0] / ("memory.oom_control" if self._version == 1 else "memory.events")
        )

    def remove(self) -> None:
        """Kill what is left in the group and remove it. A group that cannot be removed is left to the next sweep."""
        until = time.monotonic() + REMOVE_SECONDS
        for folder in self._folders:
            while not _try_remove(folder) and time.monotonic() < until:
                time.sleep(0.002)


def read_oom_kills(file: Path) -> int:
    """The count of ``oom_kill`` in one of the kernel's files; 0 if it has none. Raises ``OSError``."""
    for line in file.read_text(encoding="ascii").splitlines():
        word, _, count = line.partition(" ")
        if word == "oom_kill":
            return int(count)
    return 0


@dataclass(frozen=True, slots=True)
class GroupKills:
    """How many processes of one control group the kernel has killed because memory was used up."""

    group: int  # its inode, which no other group gets until the machine is restarted
    kills: int


def own_oom_kills(*, root: Path = V2_ROOT, membership: Path = MEMBERSHIP) -> GroupKills | None:
    """The kills in our own control group, those in its children left out; None where no group counts them."""
    try:
        own = _own_paths(membership)
        if "memory" in own and (root / "memory").is_dir():
            counts = [_under(root / "memory", own["memory"]) / "memory.oom_control"]
        else:
            counts = _local_counts(_under(root, own[""]))
        return GroupKills(counts[0].parent.stat().st_ino, sum(map(read_oom_kills, counts)))
    except (OSError, KeyError, IndexError):
        return None


def _local_counts(own: Path) -> list[Path]:
    """The files that count kills in our group of version 2: before we moved to its child, and since."""
    group = own.parent if own.name == INNER else own
    # A kill counts in the nearest group above that has the memory controller.
    above = [count for folder in (group, *group.parents) if (count := folder / LOCAL_COUNTS).is_file()]
    moved = group / INNER / LOCAL_COUNTS
    return [*above[:1], *([moved] if moved.is_file() else [])]


def find_groups(prefix: str) -> frozenset[str]:
    """The rest of the names of all groups whose names begin with ``prefix``."""
    try:
        parents, _ = _parents()
    except (OSError, SandboxError):
        return frozenset()
    return frozenset(
        folder.name.removeprefix(prefix) for parent in parents for folder in parent.glob(f"{prefix}*")
    )


def remove_group(name: str) -> None:
    """Remove a group, if there is one, with the processes in it. The caller holds the lock of its box."""
    if group := ControlGroup.named(name):
        group.remove()


def _try_remove(folder: Path) -> bool:
    """Remove a group's folder; False if it still has processes, which are killed."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != errno.EBUSY:
            return True  # nothing more can be done
        for pid in _processes(folder) - {os.getpid()}:  # a thread of ours may be in it to start a program
            with contextlib.suppress(OSError):
                _kill_member(pid, folder)
        return False
    return True


def _processes(folder: Path) -> set[int]:
    """The processes in a group; none if it is gone."""
    try:
        return set(map(int, (folder / "cgroup.procs").read_text().split()))
    except OSError:
        return set()


def _kill_member(pid: int, folder: Path) -> None:
    """Kill a process if it is in the group: its number may be another process's by now, unless it is held open."""
    descriptor = os.pidfd_open(pid)
    try:
        if pid in _processes(folder):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    finally:
        os.close(descriptor)


def _parents() -> tuple[tuple[Path, ...], int]:
    """The folders to make groups in: one for each controller in version 1, one for all of them in version 2."""
    own = _own_paths()
    if all(name in own and (V2_ROOT / name).is_dir() for name in CONTROLLERS):
        return tuple(_under(V2_ROOT / name, own[name]) for name in CONTROLLERS), 1
    if "" in own and (V2_ROOT / "cgroup.controllers").is_file():
        return (unified_parent(_under(V2_ROOT, own[""])),), 2
    raise SandboxError("This machine has no control groups for memory and processes.")


def _own_paths(membership: Path = MEMBERSHIP) -> dict[str, str]:
    """The path of our own group by controller; that of version 2 by the empty string."""
    own: dict[str, str] = {}
    for line in membership.read_text(encoding="utf-8").splitlines():
        _, names, path = line.split(":", 2)
        own |= dict.fromkeys(names.split(","), path)
    return own


def _under(root: Path, path: str) -> Path:
    """Our own group's folder. In a container the path may be the host's and not exist: then it is the root."""
    own = root / path.lstrip("/")
    return own if own.is_dir() else root


def unified_parent(own: Path, *, root: Path = V2_ROOT, controllers: tuple[str, ...] = CONTROLLERS) -> Path:
    """In version 2, the group to make groups in: our ``own`` or its parent. Raises ``SandboxError`` if neither can be used.

    A group with processes cannot have limited children. If our own was delegated to us, the processes in it, we among
    them, therefore move to one of its children.
    """
    for folder in (own, own.parent):
        if folder == root.parent:
            break
        if _enable(folder, controllers):
            return folder
    if _is_delegated(own, root) and _empty(own) and _enable(own, controllers):
        return own
    raise SandboxError("No control group on this machine can have limited children.")


def _enable(folder: Path, controllers: tuple[str, ...]) -> bool:
    """Let the group's children have limits; False if the kernel refuses."""
    try:
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
    except OSError:
        return False
    return True


def _is_delegated(own: Path, root: Path) -> bool:
    """Whether the group is ours to divide: that of our container, or one with ``Delegate=yes`` (systemd 251 or newer)."""
    if own == root:
        return True
    with contextlib.suppress(OSError):  # https://systemd.io/CGROUP_DELEGATION
        return os.getxattr(own, "user.delegate") == b"1"
    return False


def _empty(own: Path) -> bool:
    """Move all processes of a group to one of its children; False if the kernel refuses."""
    inner = own / INNER
    until = time.monotonic() + REMOVE_SECONDS
    try:
        inner.mkdir(exist_ok=True)
        while (
            pids := _processes(own)
        ) and time.monotonic() < until:  # each of them may start others meanwhile
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    (inner / "cgroup.procs").write_text(str(pid))
    except OSError:
        return False
    return not pids
