"""The system-call filter of ``seccomp.py`` as a Docker seccomp profile, from which the engine builds the BPF program.

It is an allow list, as Docker's own default is: a call that is not on it, or that a later kernel adds, is refused. Docker
takes one profile, so this one replaces its default; it allows less, so that both backends refuse the same calls. The
format is that of https://docs.docker.com/engine/security/seccomp/. The engine ignores names that it does not know.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Sequence
from typing import Any

from dayhand.sandbox.seccomp import FAMILIES, NAMESPACES, NETLINK, TERMINAL_INPUT

# The calls that Docker's own default profile allows without a capability, on the two machines that we support
# (https://docs.docker.com/engine/security/seccomp/ and profiles/seccomp in moby), without those that seccomp.py refuses.
# clone, ioctl, personality and socket are allowed by their arguments, see below.
_ALLOWED = """
    accept accept4 access alarm arch_prctl bind brk capget capset chdir chmod chown clock_getres clock_gettime
    clock_nanosleep close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1
    epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat
    faccessat2 fadvise64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync
    fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_requeue
    futex_wait futex_waitv futex_wake futimesat getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups
    getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit
    get_robust_list getrusage getsid getsockname getsockopt get_thread_area gettid gettimeofday getuid getxattr
    inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents
    ioprio_get ioprio_set io_setup io_submit kill landlock_add_rule landlock_create_ruleset landlock_restrict_self
    lchown lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat madvise
    map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall
    mmap mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap mseal msgctl msgget
    msgrcv msgsnd msync munlock munlockall munmap nanosleep newfstatat open openat openat2 pause pidfd_open
    pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2
    prlimit64 process_mrelease pselect6 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recvfrom
    recvmmsg recvmsg remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
    rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
    sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler
    sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp
    select semctl semget semop semtimedop sendfile sendmmsg sendmsg sendto setfsgid setfsuid setgid setgroups
    setitimer setpgid setpriority setregid setresgid setresuid setreuid setrlimit set_robust_list setsid setsockopt
    set_thread_area set_tid_address setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd
    signalfd4 socketpair splice stat statfs statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill
    time timer_create timer_delete timer_getoverrun timer_gettime timerfd_create timerfd_gettime timerfd_settime
    timer_settime times tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork vmsplice wait4
    waitid write writev
"""
ALLOWED = tuple(_ALLOWED.split())
UNKNOWN = (
    "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick",
    "mount_setattr",
)  # fmt: skip
PERSONALITIES = (0x0, 0x0008, 0x20000, 0x20008, 0xFFFFFFFF)  # those that Docker's default allows
LOW_HALF = (
    0xFFFFFFFF  # the kernel reads these arguments as 32-bit numbers, so higher bits must not evade a rule
)
FAMILIES_END = 64  # above the last socket family of any kernel


def profile() -> str:
    """The profile as the JSON text that ``--security-opt seccomp=`` accepts."""
    architectures: list[dict[str, Any]] = [
        {"architecture": name, "subArchitectures": []} for name in ("SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64")
    ]
    return json.dumps(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": errno.EPERM,
            "archMap": architectures,
            "syscalls": list(_rules()),
        }
    )


def _rules() -> Iterator[dict[str, Any]]:
    yield _allow(ALLOWED)
    yield _refuse(UNKNOWN, errno.ENOSYS)
    yield _allow(["clone"], _masked(0, NAMESPACES, 0))
    for persona in PERSONALITIES:
        yield _allow(["personality"], _masked(0, LOW_HALF, persona))
    for mask, value in _all_but(TERMINAL_INPUT):
        yield _allow(["ioctl"], _masked(1, mask, value))
    for family in FAMILIES:
        yield _allow(["socket"], _masked(0, LOW_HALF, family))
    yield _allow(["socket"], _masked(0, LOW_HALF, NETLINK), _masked(2, LOW_HALF, 0))
    for family in sorted(set(range(FAMILIES_END)) - {*FAMILIES, NETLINK}):
        yield _refuse(["socket"], errno.EAFNOSUPPORT, _masked(0, LOW_HALF, family))
    above = {"index": 0, "value": FAMILIES_END, "valueTwo": 0, "op": "SCMP_CMP_GE"}
    yield _refuse(["socket"], errno.EAFNOSUPPORT, above)
    other_than_routes = {"index": 2, "value": 0, "valueTwo": 0, "op": "SCMP_CMP_NE"}
    yield _refuse(["socket"], errno.EAFNOSUPPORT, _masked(0, LOW_HALF, NETLINK), other_than_routes)


def _all_but(values: Sequence[int], bit: int = 31, prefix: int = 0) -> Iterator[tuple[int, int]]:
    """Masks and values that together match every 32-bit number but these: a rule can say "equal" of some bits alone.

    Each pair is the largest group of numbers with the same first bits that has none of ``values``.
    """
    if not values:
        yield LOW_HALF & ~((1 << (bit + 1)) - 1), prefix
    elif bit >= 0:
        for half in (prefix, prefix | 1 << bit):
            inside = [value for value in values if value >> bit == half >> bit]
            yield from _all_but(inside, bit - 1, half)


def _allow(names: Sequence[str], *arguments: dict[str, Any]) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", "args": list(arguments)}


def _refuse(names: Sequence[str], number: int, *arguments: dict[str, Any]) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": number, "args": list(arguments)}


def _masked(index: int, mask: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
