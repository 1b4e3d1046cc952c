"""The image of ``deploy/Dockerfile``, and the system calls that the worker's container may make."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.models.images import Image

from dayhand.ledger.queue import DISPATCH_NAME, NAME
from tests.deploy.image import ROOT, require_image
from tests.deploy.tools import find_tool, run_tool

DEPLOY = ROOT / "deploy"
PROFILE = DEPLOY / "seccomp.json"
REFUSED = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "process_madvise"),
    *("keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "vmsplice", "memfd_secret", "modify_ldt"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "open_tree", "move_mount", "mount_setattr"),
    *(
        "open_by_handle_at",
        "fanotify_init",
        "quotactl",
        "swapon",
        "swapoff",
        "acct",
        "vhangup",
        "syslog",
        "reboot",
    ),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "iopl", "ioperm"),
    *(
        "clock_settime",
        "settimeofday",
        "adjtimex",
        "clock_adjtime",
        "setdomainname",
        "move_pages",
        "migrate_pages",
    ),
)
HARDENED = {
    "network_mode": "none",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true", f"seccomp={PROFILE.read_text('utf-8')}"],
    "tmpfs": {"/tmp": "mode=1777"},
    "entrypoint": ["/opt/dayhand/bin/python", "-c"],
    "remove": True,
}
CALLS = """
import ctypes, errno, json, socket
libc = ctypes.CDLL(None, use_errno=True)
def refusal(number, *arguments):
    return errno.errorcode.get(ctypes.get_errno()) if libc.syscall(number, *arguments) == -1 else "allowed"
def family(number):
    try:
        socket.socket(number, socket.SOCK_RAW if number == 16 else socket.SOCK_STREAM).close()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "allowed"
calls = {"ptrace": (101, 0), "keyctl": (250, 0, -3, 0), "bpf": (321, 0, 0, 0), "io_uring_setup": (425, 1, 0), "getpid": (39,)}
print(json.dumps([{name: refusal(*call) for name, call in calls.items()},
    {number: family(number) for number in (1, 2, 10, 16, 17, 29, 38, 40)}]))
"""


@pytest.fixture(scope="module")
def built() -> Iterator[Image]:
    client, tag = require_image()
    yield client.images.get(tag)
    client.close()


def run(image: Image, program: str) -> str:
    return image.client.containers.run(image.id, [program], **HARDENED).decode()


@pytest.mark.parametrize("file", ["Dockerfile", "sandbox/Dockerfile"])
def test_hadolint_has_nothing_to_say(file: str) -> None:
    done = run_tool(find_tool("bin/hadolint"), "--no-color", DEPLOY / file)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_installs_the_locked_version_of_uv() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    locked = next(each["version"] for each in lock["package"] if each["name"] == "uv")
    assert f"ARG UV={locked}\n" in (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def test_the_image_runs_as_an_ordinary_user_and_holds_nothing_of_the_checkout(built: Image) -> None:
    config = built.attrs["Config"]
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("1000:1000", ["dayhand"], ["--help"])
    program = (
        "import json, os, shutil, subprocess; print(json.dumps([os.getuid(), shutil.which('bwrap'),"
        " shutil.which('valkey-server'), os.path.exists('/source'), os.listdir('/data'),"
        " subprocess.run(['find', '/', '-xdev', '-perm', '/6000', '!', '-path', '/proc/*'], capture_output=True,"
        " text=True).stdout]))"
    )
    assert json.loads(run(built, program)) == [1000, None, "/opt/dayhand/bin/valkey-server", False, [], ""]


def test_the_health_check_asks_for_the_workers_of_the_queues_that_exist() -> None:
    text = (DEPLOY / "health.py").read_text(encoding="utf-8")
    assert f'QUEUES = {{"dispatch": "{DISPATCH_NAME}", "work": "{NAME}"}}' in text


def profile() -> dict[str, object]:
    return json.loads(PROFILE.read_text(encoding="utf-8"))


def test_the_profile_is_the_one_that_the_table_makes(tmp_path: Path) -> None:
    copy = tmp_path / "seccomp"
    copy.mkdir()
    for name in ("allowed.toml", "generate.py"):
        (copy / name).write_bytes((DEPLOY / "seccomp" / name).read_bytes())
    assert run_tool(Path(sys.executable), copy / "generate.py").returncode == 0
    assert (tmp_path / "seccomp.json").read_text(encoding="utf-8") == PROFILE.read_text(encoding="utf-8"), (
        "run `make format`"
    )


def test_the_profile_refuses_what_it_does_not_name_and_can_be_read_by_every_runtime() -> None:
    """Docker alone knows ``archMap``, ``includes`` and ``excludes``; without them, a rule would hold for everybody."""
    assert set(profile()) == {"defaultAction", "defaultErrnoRet", "architectures", "syscalls"}
    assert profile()["defaultAction"] == "SCMP_ACT_ERRNO"
    rules = profile()["syscalls"]
    assert {key for rule in rules for key in rule} == {"names", "action", "args"}
    assert {rule["action"] for rule in rules} == {"SCMP_ACT_ALLOW"}
    assert {name for rule in rules for name in rule["names"]} & set(REFUSED) == set()
    assert [rule["names"] for rule in rules if "args" in rule] == [["socket"]] * 4 + [["personality"]] * 6


def test_the_kernel_refuses_those_calls_in_a_container_with_the_profile(built: Image) -> None:
    if built.attrs["Architecture"] != "amd64":
        pytest.skip("the numbers of the calls in this test are those of x86-64")
    calls, families = json.loads(run(built, CALLS))
    assert calls.pop("getpid") == "allowed"
    assert set(calls.values()) <= {"ENOSYS", "EPERM"}, "engines before 23 know no number but EPERM"
    assert {number for number, result in families.items() if result == "allowed"} == {"1", "2", "10", "16"}
