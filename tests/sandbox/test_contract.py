"""What every sandbox guarantees, tested with hostile programs. Each backend runs this whole file."""

from __future__ import annotations

import io
import os
import shlex
import socket
import threading
import time
from pathlib import Path

import pytest

from dayhand.errors import SandboxError
from dayhand.sandbox.base import CommandLimits, Egress, Reason, Snapshot
from dayhand.sandbox.limits import own_oom_kills
from dayhand.sandbox.live_input import LiveInput
from tests.sandbox.conftest import SMALL
from tests.sandbox.own_processes import mark_sleeps, processes_with
from tests.waiting import PATIENCE

SOON = CommandLimits(seconds=50)  # before any "sleep 6…" ends
BRIEF = CommandLimits(seconds=1)
REFUSALS = (1, 22, 38, 97)  # EPERM, EINVAL, ENOSYS, EAFNOSUPPORT
ENDED_BY_FILTER = 31  # SIGSYS


def python(code: str) -> list[str]:
    return ["python3", "-c", code]


# How commands run


def test_a_command_gives_its_output_and_its_code(box):
    result = box.run("echo out; echo err >&2; exit 3")

    assert (result.code, result.reason, result.passed) == (3, Reason.EXIT, False)
    assert result.text() == "out\nerr\n"


def test_arguments_reach_a_program_untouched(box):
    words = ["", "a b", "$HOME", "`id`", "*", "--", "-x", "line\nbreak", "ü"]

    result = box.run(python("import sys; print(sys.argv[1:])") + words)

    assert result.text() == f"{words}\n"


def test_a_missing_program_is_a_result(box):
    assert box.run(["no-such-program"]).code == 127


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["echo", "x" * 3_000_000], "too long"),
        ("echo " + "x" * 150_000, "too long"),
        (["true", *["a"] * 120_000], "too long"),
        (["echo", "a\0b"], "NUL"),
        ("echo a\0b", "NUL"),
        (["echo", "\ud800"], "not valid Unicode"),
        ([], "empty"),
        ([""], "empty"),
    ],
    ids=[
        "long-argument",
        "long-line",
        "many-arguments",
        "nul",
        "nul-in-a-line",
        "invalid-unicode",
        "no-arguments",
        "empty-argument",
    ],
)
def test_a_command_that_cannot_be_run_is_a_result_that_says_why(box, command, why):
    """A model may ask for such a command, and the task has to go on."""
    seen: list[bytes] = []

    result = box.run(command, on_output=seen.append)

    assert (result.code, result.reason) == (126, Reason.EXIT)
    assert why in result.text()
    assert b"".join(seen) == result.head
    with pytest.raises(SandboxError, match=why):
        box.check_output(command or [""], max_bytes=10)
    assert box.run("echo on").text() == "on\n"


def test_a_command_may_be_as_long_as_the_limit_says(box):
    line = f"echo {'x' * 120_000} | wc -c"
    words = ["echo", *["y" * 100_000] * 9]

    assert box.run(line).text() == "120001\n"
    assert box.run(words).size == 9 * 100_001


def test_a_command_that_closes_its_output_is_waited_for(box):
    result = box.run("exec 1>&- 2>&-; sleep 0.5; echo late > late; exit 4")

    assert (result.code, result.text()) == (4, "")
    assert box.run("cat late").text() == "late\n"


def test_a_grandchild_that_keeps_the_output_open_does_not_delay_the_result(box):
    result = box.run(
        mark_sleeps("(setsid sh -c 'trap \"\" TERM; exec sleep 62.25' &); echo done"), limits=SOON
    )

    assert (result.reason, result.text()) == (Reason.EXIT, "done\n")
    assert processes_with("62.25") == []


def test_a_signal_is_reported_as_shells_report_it(box):
    assert box.run("kill -9 $$").code == 137


def test_standard_input_is_what_was_passed_and_then_ends(box):
    assert box.run("cat", stdin=b"\n\nbytes \x00\xff").head == b"\n\nbytes \x00\xff"
    assert box.run("cat").head == b""


def test_standard_input_may_be_large_and_come_from_a_file(box):
    raw = os.urandom(3_000_000)

    result = box.run("cat > big; wc -c < big", stdin=io.BytesIO(raw))

    assert result.text().strip() == "3000000"
    assert box.check_output(["cat", "big"], max_bytes=4_000_000) == raw


def test_standard_input_is_written_while_the_command_runs(box):
    live, seen = LiveInput(), bytearray()
    answers = {b"": b"one\n", b"one\n": b"\x00\xff" * 400_000, b"800000\n": b""}

    def answer(chunk: bytes) -> None:
        seen.extend(chunk)
        if (following := answers.pop(bytes(seen), None)) is not None:
            live.write(following, end=not following)
            seen.clear()

    answer(b"")
    try:
        result = box.run("read line; echo $line; head -c 800000 | wc -c; cat", stdin=live, on_output=answer)
    finally:
        live.close()
    assert (result.text(), result.code) == ("one\n800000\n", 0)


def test_a_program_does_not_have_to_read_its_input(box):
    assert box.run("exec 0<&-; echo done", stdin=b"x" * 5_000_000).text() == "done\n"


def test_the_environment_is_ours_and_the_callers(box, monkeypatch):
    monkeypatch.setenv("DAYHAND_TEST_SECRET", "do-not-tell")

    output = box.run("env; cat /proc/*/environ", env={"GIVEN": "a b\nc"}).text()

    assert "GIVEN=a b\nc" in output
    assert "HOME=/tmp/home" in output
    assert "do-not-tell" not in output


def test_a_command_starts_in_its_working_directory(box):
    box.run("mkdir -p 'a b'/c")

    assert box.run("pwd", cwd="/workspace/a b/c").text() == "/workspace/a b/c\n"
    assert box.run("pwd").text() == "/workspace\n"


def test_a_missing_working_directory_is_a_result(box):
    result = box.run("pwd", cwd="/workspace/none")

    assert not result.passed
    assert "/workspace/none" in result.text()


def test_output_is_reported_while_the_command_runs(box):
    seen: list[bytes] = []
    first = threading.Event()

    def listen(chunk):
        seen.append(chunk)
        first.set()

    worker = threading.Thread(target=lambda: box.run("echo one; read -r _; echo two", on_output=listen))
    worker.start()
    assert first.wait(PATIENCE)
    worker.join(PATIENCE)

    assert b"".join(seen) == b"one\ntwo\n"


def test_an_exception_from_on_output_leaves_no_process(box):
    class StopError(Exception):
        pass

    def refuse(_):
        raise StopError

    with pytest.raises(StopError):
        box.run(mark_sleeps("echo hi; exec sleep 61.25"), on_output=refuse)

    assert processes_with("61.25") == []
    assert box.run("true").passed


@pytest.mark.parametrize(
    "script", ["trap '' TERM; setsid sleep 61.3 & sleep 61.3", "while :; do echo 61.3; sleep 0.05; done"]
)
def test_a_cancelled_command_is_killed_with_all_its_children(box, script):
    asked = []

    def cancelled():
        asked.append(time.monotonic())
        return len(asked) > 1

    result = box.run(
        mark_sleeps(script), limits=CommandLimits(seconds=60, output_bytes=1 << 40), cancelled=cancelled
    )

    assert (result.reason, result.code, result.passed) == (Reason.CANCELLED, None, False)
    assert result.seconds < 60, "it did not wait for them"
    assert asked[1] - asked[0] > 0.5, "about once a second"
    assert processes_with("61.3") == []
    assert box.run("echo on").text() == "on\n"


def test_a_command_can_be_cancelled_from_another_thread(box):
    begun, unwanted, results = threading.Event(), threading.Event(), []

    def run():
        script = mark_sleeps("echo begun; setsid sleep 61.35 & sleep 61.35")
        results.append(box.run(script, on_output=lambda _: begun.set(), cancelled=unwanted.is_set))

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(PATIENCE)
    unwanted.set()
    thread.join(PATIENCE)

    assert results[0].reason is Reason.CANCELLED
    assert processes_with("61.35") == []
    assert box.run("echo on").text() == "on\n"


def test_an_exception_from_cancelled_leaves_no_process(box):
    class StopError(Exception):
        pass

    def cancelled():
        raise StopError

    with pytest.raises(StopError):
        box.run(mark_sleeps("exec sleep 61.4"), cancelled=cancelled)

    assert processes_with("61.4") == []
    assert box.run("true").passed


def test_check_output_returns_every_byte_without_standard_error(box):
    assert box.check_output(["sh", "-c", "printf '\\000\\377\\n'; echo no >&2"], max_bytes=3) == b"\x00\xff\n"


def test_check_output_raises_for_too_much_output_and_for_failure(box):
    with pytest.raises(SandboxError, match="more than"):
        box.check_output(["sh", "-c", "head -c 1000 /dev/zero"], max_bytes=999)
    with pytest.raises(SandboxError, match="so it is"):
        box.check_output(["sh", "-c", "echo so it is >&2; exit 1"], max_bytes=10)


def test_usual_tools_work(box):
    script = """
    set -e
    id -un; getent hosts localhost
    python3 -c 'import multiprocessing as m, os, pwd
print(pwd.getpwuid(os.getuid()).pw_dir, m.Pool(2).map(abs, [-1, -2]))'
    git init -q . && git -c user.name=a -c user.email=b commit -q --allow-empty -m x && git log --oneline | wc -l
    uv --version
    """
    result = box.run(script, limits=SOON)

    assert result.passed, result.text()
    assert "dayhand" in result.text()
    assert "/tmp/home [1, 2]" in result.text()


# Output is bounded and cannot control a terminal


def test_a_flood_is_ended_and_its_two_ends_are_kept(box):
    result = box.run(
        "echo first; yes", limits=CommandLimits(seconds=30, output_bytes=5_000_000, keep_bytes=1000)
    )

    assert result.reason is Reason.FLOOD
    assert result.code is None
    assert result.head.startswith(b"first\ny\n")
    assert len(result.head) == len(result.tail) == 1000
    assert "bytes cut" in result.text()


def test_one_endless_line_is_kept_at_both_ends(box):
    result = box.run(python("print('a' * 100_000 + 'b' * 100_000, end='')"))

    assert result.passed
    assert result.size == 200_000
    assert set(result.head) == {ord("a")}
    assert set(result.tail) == {ord("b")}
    assert len(result.head) == len(result.tail) == 32 * 1024


def test_bytes_that_control_terminals_are_removed_from_the_text(box):
    result = box.run(
        python(r"import sys; sys.stdout.buffer.write(b'a\x1b[31mred\x1b]0;title\x07\x00\xff\x9b\n')")
    )

    assert b"\x1b[31m" in result.head
    assert result.text() == "ared\ufffd\ufffd\n"


# Time is bounded, and nothing outlives its command


def test_a_command_that_reaches_its_time_limit_is_killed_with_all_its_children(box):
    result = box.run(
        mark_sleeps("trap '' TERM HUP INT; setsid sleep 61.5 & sleep 61.5 & sleep 61.5"), limits=BRIEF
    )

    assert result.reason is Reason.TIMEOUT
    assert result.code is None
    assert result.seconds < 60, "it did not wait for them"
    assert processes_with("61.5") == []


def test_a_daemon_does_not_outlive_its_command(box):
    script = "setsid nohup sh -c 'trap \"\" TERM; while :; do sleep 61.75; done' >/dev/null 2>&1 </dev/null & sleep 0.1"

    assert box.run(mark_sleeps(script)).passed

    assert processes_with("61.75") == []
    assert mark_sleeps("61.75") not in box.run("cat /proc/*/cmdline").text()


def test_a_background_child_that_keeps_the_output_open_does_not_delay_the_result(box):
    result = box.run("sleep 62 & echo done", limits=SOON)

    assert (result.reason, result.text()) == (Reason.EXIT, "done\n")


def test_killing_every_process_kills_the_command_only(box):
    result = box.run("sleep 62.5 & kill -9 -1; wait; echo alone", limits=SOON)

    assert result.text() == "alone\n"  # the kernel spares the caller and the box's first process
    assert box.run("echo still here").text() == "still here\n"


@pytest.mark.parametrize("script", ["kill -STOP $$", "kill -STOP -1; kill -STOP $$", "kill -STOP 1 $$"])
def test_a_stopped_command_is_killed(box, script):
    assert box.run(script, limits=BRIEF).reason is Reason.TIMEOUT
    assert box.run("true").passed


# Memory, processes and disk are bounded


def test_a_fork_bomb_stays_in_its_box(box, new_box):
    script = "b() { b | b & }; b; sleep 0.5; while :; do sleep 63.5 & done 2>/dev/null"

    result = new_box.run(["bash", "-c", mark_sleeps(script)], limits=CommandLimits(seconds=3))

    assert result.reason in (Reason.TIMEOUT, Reason.EXIT)
    assert processes_with("63.5") == []
    assert box.run("true").passed


def test_processes_are_bounded(box):
    script = "i=0; while [ $i -lt 100 ]; do sleep 2 & i=$((i+1)); done 2>/dev/null & sleep 1; set -- /proc/[0-9]*; echo $#"

    assert int(box.run(script, limits=SOON).text().split()[-1]) <= SMALL.processes


def test_processes_are_bounded_per_box_and_not_for_all_boxes(box, new_box):
    hold = "i=0; while [ $i -lt 40 ]; do sleep 2 & i=$((i+1)); done; wait; echo held"
    results = []

    def work(each):
        results.append(each.run(hold, limits=SOON).text())

    workers = [threading.Thread(target=work, args=(each,)) for each in (box, new_box)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE)

    assert results == ["held\n"] * 2


def test_memory_is_bounded(box):
    result = box.run(python("a = bytearray(2 << 30); print(len(a))"), limits=SOON)

    assert not result.passed
    assert result.reason is Reason.OOM or "MemoryError" in result.text()
    assert box.run("true").passed


# Ways to hold 300 MB, of 256 that a box may use. Those of one file are many small ones: a file's size is limited too.
BLOCKS = "blocks = [bytearray(b'x') * (30 << 20)] * 10"
SYSTEM_V = "libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p; segment = libc.shmget(0, 300 << 20, 0o1600)"
MEMORY = {
    "several processes": "[os.fork() or (held.append(bytearray(b'x') * (60 << 20)), signal.pause()) for _ in range(5)]\n"
    "os.wait(); os._exit(1)",
    "memfds": f"{BLOCKS}; held = [os.write(os.memfd_create('held'), block) for block in blocks]",
    "memfds that are mapped and closed": f"{BLOCKS}\nfor block in blocks:\n"
    " fd = os.memfd_create('held'); os.write(fd, block); held.append(mmap.mmap(fd, 30 << 20)); held[-1].read(); os.close(fd)",
    "shared anonymous memory": "held = mmap.mmap(-1, 300 << 20); held.write(b'x' * (150 << 20)); held.write(b'x' * (150 << 20))",
}
LASTING_MEMORY = {  # in a container, after the command as well
    "a System V segment": f"{SYSTEM_V}; ctypes.memset(libc.shmat(segment, None, 0), 1, 300 << 20)",
    "a System V segment that is not attached": f"{SYSTEM_V}; at = ctypes.c_void_p(libc.shmat(segment, None, 0)); "
    "ctypes.memset(at, 1, 300 << 20); libc.shmdt(at)",
    "files in tmpfs, and some memory": f"{BLOCKS}; [open(f'/dev/shm/{{n}}', 'wb').write(blocks[n]) for n in range(8)]; "
    "held = bytearray(b'x') * (30 << 20)",
}


@pytest.mark.parametrize("form", MEMORY)
def test_memory_of_every_kind_counts_for_the_whole_box(box, form):
    check_memory_is_bounded(box, MEMORY[form])


@pytest.mark.parametrize("form", LASTING_MEMORY)
def test_memory_that_no_process_holds_counts_for_the_whole_box(new_box, form):
    check_memory_is_bounded(new_box, LASTING_MEMORY[form])


def check_memory_is_bounded(box, code):
    program = f"import ctypes, mmap, os, signal\nheld = []\n{code}\nsignal.pause()"
    ours = own_oom_kills()

    result = box.run(python(program), limits=SOON)

    assert (result.reason, result.passed) == (Reason.OOM, False)
    assert own_oom_kills() == ours, "the kernel killed no worker"
    assert "may take 256 MB together" in result.text()
    assert result.seconds < SOON.seconds


def test_memory_that_processes_share_counts_once(box):
    held = (
        "import contextlib, os, time; held = bytearray(b'x') * (100 << 20); os.fork(); os.fork(); time.sleep(2.5)\n"
        "print('kept', flush=True)\n"
        "with contextlib.suppress(ChildProcessError):\n"
        "    while True: os.wait()"  # a command ends with its first process
    )

    assert box.run(python(held), limits=SOON).text() == "kept\n" * 4


@pytest.mark.parametrize("folder", ["/dev/shm", "/workspace"])
def test_one_file_is_bounded(box, folder):
    result = box.run(
        f"head -c 200M /dev/zero > {folder}/big; stat -c %s {folder}/big; rm {folder}/big", limits=SOON
    )

    assert int(result.text().split()[-1]) == SMALL.file


def test_scratch_space_is_bounded(box):
    result = box.run(
        "for n in 1 2 3; do head -c 9M /dev/zero > /tmp/$n; done; du -sm /tmp; rm /tmp/[123]", limits=SOON
    )

    assert int(result.text().splitlines()[-1].split()[0]) <= 16
    assert "No space left" in result.text()


def test_a_command_that_fills_the_disk_is_ended(new_box):
    script = "for n in 1 2 3 4 5 6 7; do head -c 8M /dev/zero > f$n; done; sleep 100"

    result = new_box.run(script, limits=CommandLimits(seconds=90))

    assert result.reason is Reason.FLOOD


def test_a_command_that_creates_too_many_empty_files_is_ended(new_box):
    """They need no space, but a disk holds only so many files."""
    code = "import time\nfor n in range(20_500): open(f'/workspace/{n}', 'w').close()\ntime.sleep(100)"

    assert new_box.run(python(code), limits=CommandLimits(seconds=90)).reason is Reason.FLOOD


@pytest.mark.parametrize("folder", ["/workspace/hidden", "/opt/env/hidden"])
def test_a_folder_that_the_box_may_not_read_itself_counts(new_box, folder):
    """A few files are opened before the folder is shut, and filled afterwards; each is below the limit for one file."""
    code = f"""if True:
        import os, time
        os.mkdir('{folder}')
        files = [open(f'{folder}/{{n}}', 'wb') for n in range(3)]
        os.chmod('{folder}', 0)
        for file in files:
            file.write(b'x' * (24 << 20))
            file.flush()
        time.sleep(100)"""

    assert new_box.run(python(code), limits=CommandLimits(seconds=90)).reason is Reason.FLOOD


@pytest.mark.parametrize("mode", ["000", "u-x", "u-r", "u-w", "a-rwx,+t"])
def test_folders_that_a_command_shut_are_open_to_the_next(box, mode):
    box.run(f"echo kept > /workspace/w; chmod {mode} /opt/env /tmp/home /workspace")

    result = box.run(
        "set -e; pwd; cat w; for each in . /opt/env ~; do echo x > $each/new; ls $each | grep new; done"
    )

    assert result.passed, result.text()
    assert result.text() == "/workspace\nkept\nnew\nnew\nnew\n"


def test_a_workspace_over_a_snapshot_that_a_command_shut_is_open_to_the_next(sandbox):
    with sandbox.open() as first:
        first.run("echo kept > w; echo tool > /opt/env/t; chmod 000 /workspace /opt/env")
        snapshot = first.save("state-shut")
    with sandbox.open(origin=snapshot) as box:
        assert box.run("cat w /opt/env/t; chmod 000 /workspace").text() == "kept\ntool\n"
        assert box.run("cat w; pwd").text() == "kept\n/workspace\n"
    sandbox.delete_snapshots(["state-shut"])


def test_devices_and_hard_links_to_the_hosts_files_cannot_be_made(box):
    attempts = ("mknod d1 c 1 3", "mknod d2 b 8 0", "ln /etc/passwd d3", "ln /usr/bin/git d4")

    result = box.run(f"{each_that_succeeds(attempts)}; ls -d d1 d2 d3 d4 2>&-; echo looked")

    assert result.text() == "looked\n"


def test_nothing_can_be_written_outside_its_own_folders(box):
    folders = ("/", "/dev", "/etc", "/usr", "/opt", "/run", "/proc/sys")

    result = box.run(f"{each_that_succeeds(f'echo x > {folder}/planted' for folder in folders)}; echo looked")

    assert result.text() == "looked\n"


def each_that_succeeds(attempts):
    """A script that prints those of the attempts that succeed."""
    return "\n".join(f"({each}) >/dev/null 2>&1 && echo {shlex.quote(each)}" for each in attempts)


# The host cannot be seen or reached


def test_it_sees_only_its_own_processes(box):
    output = box.run("cat /proc/[0-9]*/comm /proc/[0-9]*/cmdline").text()

    assert "pytest" not in output
    assert "sh" in output


def test_the_hosts_sockets_and_files_are_not_visible(box):
    paths = ("/var/run/docker.sock", "/run/docker.sock", "/run/egress", __file__)

    result = box.run(f"{each_that_succeeds(f'test -e {path}' for path in paths)}; echo looked")

    assert result.text() == "looked\n"


def test_files_of_root_and_the_kernel_cannot_be_read(box):
    paths = ("/etc/shadow", "/root/*", "/home/*", "/proc/1/root/root", "/sys/kernel/debug/*")

    result = box.run(f"{each_that_succeeds(f'cat {path} || ls {path}/*' for path in paths)}; echo looked")

    assert result.text() == "looked\n"


def test_the_hosts_folders_are_not_visible(box, data):
    """Compared by device and inode: a box may have folders with these names, but not these folders."""
    for folder in ("/", "/etc", "/home", "/root", "/var", "/tmp", str(data)):
        host = Path(folder).stat()
        assert box.run(["stat", "-c", "%d:%i", folder]).text() != f"{host.st_dev}:{host.st_ino}\n"


def test_a_link_out_of_the_box_leads_nowhere(box, data):
    secret = data / "secret"
    secret.write_text("do-not-tell")
    secret.chmod(0o644)

    box.run(f"ln -s {secret} leak; ln -s /etc/shadow shadow; ln -s ../../.. up")

    assert not box.run("cat leak").passed
    assert not box.run("cat shadow").passed
    assert "do-not-tell" not in box.run("cat up/secret up/*/secret").text()


def test_other_boxes_are_not_visible(sandbox, box):
    box.run("echo mine > mine")
    with sandbox.open() as other:
        assert other.run("ls -A; ls -A /tmp/home /opt/env").text().split() == ["/opt/env:", "/tmp/home:"]


def test_it_has_no_capabilities(box):
    status = box.run("grep -E '^(Cap(Eff|Prm|Bnd)|NoNewPrivs|Seccomp):' /proc/self/status").text().split()

    assert status == [
        "CapPrm:",
        "0" * 16,
        "CapEff:",
        "0" * 16,
        "CapBnd:",
        "0" * 16,
        "NoNewPrivs:",
        "1",
        "Seccomp:",
        "2",
    ]


ATTEMPTS = (
    "libc.unshare(0x10000000)",  # a new user namespace
    "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "libc.ptrace(16, 1, 0, 0)",
    "libc.syscall(321, 0, 0, 0)",  # bpf
    "libc.syscall(250, 0, 0, 0)",  # keyctl
    "libc.syscall(435, 0, 0)",  # clone3
    "libc.syscall(425, 1, 0)",  # io_uring_setup
    "libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)",  # clone into a user namespace
    "libc.syscall(0x40000000 + 39)",  # getpid by its x32 number
    "libc.socket(17, 3, 0)",  # AF_PACKET
    "libc.socket(38, 5, 0)",  # AF_ALG
    "libc.socket(40, 1, 0)",  # AF_VSOCK
    "libc.socket(16, 3, 9)",  # netlink, but not about routes
    "libc.ioctl(0, 0x5412, b'x')",  # TIOCSTI: inject input into a terminal
    "libc.chroot(b'/tmp')",
    "libc.syscall(467, -100, b'/', 0, 0, 0)",  # open_tree_attr, of a kernel that is newer than our lists
    "libc.syscall(470, 0, 0, 0, 0)",  # listns, newer still
    "libc.setuid(0)",
)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86-64")
def test_dangerous_system_calls_are_refused(box):
    """Each in a process of its own: the filter may end it."""
    code = f"""if True:
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        for attempt in {ATTEMPTS!r}:
            if os.fork() == 0:
                result = eval(attempt)
                print(result, ctypes.get_errno(), flush=True)
                os._exit(0)
            if os.waitstatus_to_exitcode(os.wait()[1]) == -{ENDED_BY_FILTER}:
                print(-1, {REFUSALS[0]}, flush=True)"""

    answers = box.run(python(code)).text().splitlines()

    refused = {f"-1 {number}" for number in REFUSALS}
    assert [
        (attempt, answer) for attempt, answer in zip(ATTEMPTS, answers, strict=True) if answer not in refused
    ] == []


def test_the_memory_of_the_first_process_cannot_be_opened(box):
    """It belongs to the box's user in bubblewrap: who writes it decides how a command seems to have ended."""
    code = """if True:
        for path in ("/proc/1/mem", "/proc/1/task/1/mem"):
            for mode in ("rb", "r+b"):
                try:
                    open(path, mode)
                except (PermissionError, FileNotFoundError):
                    print("refused")"""

    assert box.run(python(code)).text() == "refused\n" * 4


def test_no_address_can_be_reached(box):
    with socket.create_server(("127.0.0.1", 0)) as server:
        addresses = [("127.0.0.1", server.getsockname()[1]), ("203.0.113.7", 443), ("169.254.169.254", 80)]
        for host, port in addresses:
            code = f"import socket; socket.create_connection(({host!r}, {port}), timeout=3)"
            result = box.run(python(code))
            assert not result.passed
            assert "unreachable" in result.text() or "refused" in result.text()
    assert not box.run("getent hosts example.com").passed


def test_names_of_hosts_are_the_boxs_own_and_cannot_be_changed(sandbox, box):
    code = "import socket; print([socket.gethostbyname(each) for each in ('localhost', 'db', 'db-test')])"
    with sandbox.open(hosts={"db": "127.0.0.1", "db-test": "127.0.0.3"}) as other:
        assert other.run(python(code)).text() == "['127.0.0.1', '127.0.0.1', '127.0.0.3']\n"
        assert not other.run("echo 127.0.0.9 db > /etc/hosts").passed
    assert not box.run("getent hosts db").passed


def test_the_hosts_sockets_cannot_be_reached(box, data):
    name = f"dayhand-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as abstract, socket.socket(socket.AF_UNIX) as plain:
        abstract.bind(f"\0{name}")
        abstract.listen()
        path = data / "s.sock"
        plain.bind(str(path))
        path.chmod(0o777)
        plain.listen()
        for address in (f"\\0{name}", path):
            code = f"import socket; socket.socket(socket.AF_UNIX).connect('{address}')"
            assert not box.run(python(code)).passed
    path.unlink()


def test_its_own_loopback_works(box):
    code = (
        "import socket, threading; s = socket.create_server(('localhost', 0));"
        "threading.Thread(target=lambda: s.accept()[0].sendall(b'hi')).start();"
        "print(socket.create_connection(s.getsockname()).recv(2))"
    )

    assert box.run(python(code)).text() == "b'hi'\n"


# What persists, and what is removed


def test_workspace_and_environment_persist(box):
    box.run("echo w > w; echo e > /opt/env/e; echo h > ~/h")

    assert box.run("cat w /opt/env/e").text() == "w\ne\n"


def test_nothing_of_a_closed_box_is_left_whatever_it_made_and_links_are_not_followed(sandbox, data, remains):
    before, kept = remains(), data / "kept"
    kept.mkdir(exist_ok=True)
    kept.chmod(0o777)
    (kept / "file").write_text("kept")
    with sandbox.open() as box:
        script = f"""
        mkdir -p canary-8d1f/er && echo x > canary-8d1f/er/f && chmod 0 canary-8d1f/er canary-8d1f
        mkdir shut odd && touch shut/f && chmod 0 shut/f shut && mkfifo odd/fifo && ln -s {kept} odd/link
        ln -s / odd/root; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("odd/socket")'
        touch -- "$(printf 'odd/new\nline')" 'odd/-rf' odd/hard && ln odd/hard odd/again
        """
        assert box.run(script).passed
        # Deeper than a path can be long, or a program may recurse.
        code = "import os\nfor _ in range(2_000): os.mkdir('deep'); os.chdir('deep')\nos.chmod('.', 0)"
        assert box.run(python(code), limits=SOON).passed
        assert remains() != before

    assert list(data.rglob("*canary-8d1f*")) == []
    assert remains() == before
    assert (kept / "file").read_text() == "kept"
    with pytest.raises(SandboxError, match="closed"):
        box.run("true")


def test_a_box_that_breaks_during_a_command_is_an_error_and_not_a_result(sandbox, break_box):
    began = threading.Event()
    errors: list[BaseException] = []

    def work():
        try:
            with sandbox.open() as box:
                box.run(
                    mark_sleeps("echo began; exec sleep 61.6"), limits=SOON, on_output=lambda _: began.set()
                )
        except SandboxError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert began.wait(PATIENCE)
    break_box()
    thread.join(PATIENCE)

    assert [type(error) for error in errors] == [SandboxError]
    assert "box broke" in str(errors[0])
    assert processes_with("61.6") == []


def test_other_boxes_start_from_a_snapshot_and_cannot_write_its_environment(sandbox):
    with sandbox.open() as first:
        first.run(
            "mkdir d; echo one > d/f; ln -s f d/link; echo '#!/bin/sh\necho tool' > /opt/env/t; chmod 700 /opt/env/t"
        )
        snapshot = first.save("state-one")
        with pytest.raises(SandboxError, match="closed"):
            first.run("true")
        assert sandbox.find_snapshot("state-one") == snapshot
        with sandbox.open(origin=snapshot) as second:  # while the first is being closed
            assert second.run("cat d/link; /opt/env/t").text() == "one\ntool\n"
            assert second.run("echo two >> d/f; mv d e; rm e/link; cat e/f; ls").text() == "one\ntwo\ne\n"
            assert second.run("ls; cat e/f").text() == "e\none\ntwo\n"
    with sandbox.open(origin=snapshot) as third:
        for attempt in ("echo x > /opt/env/t", "rm /opt/env/t", "touch /opt/env/new", "chmod 777 /opt/env"):
            assert not third.run(attempt).passed
        assert third.run("ls -A; cat d/f; /opt/env/t").text() == "d\none\ntool\n"
    sandbox.delete_snapshots(["state-one"])


def test_a_set_up_box_continues_from_a_snapshot_with_its_special_files(sandbox):
    special = "test -p fifo && readlink link && stat -c %h hard && cat again -- -rf"
    with sandbox.open() as first:
        first.run("echo w > w; echo one > /opt/env/t")
        first.run("mkfifo fifo; ln -s /etc/shadow link; echo x > hard; ln hard again; printf y > '-rf'")
        runtime = first.save("state-runtime")
    with sandbox.open(origin=runtime, egress=Egress(())) as second:
        assert second.run(special).text() == "/etc/shadow\n2\nx\ny"
        assert second.run("echo two >> /opt/env/t; echo more >> w").passed
        grown = second.save("state-grown")
    with sandbox.open(origin=grown) as third, sandbox.open(origin=runtime) as fourth:
        assert third.run("cat w /opt/env/t").text() == "w\nmore\none\ntwo\n"
        assert fourth.run("cat w /opt/env/t").text() == "w\none\n"
        assert fourth.run(special).text() == "/etc/shadow\n2\nx\ny"
    sandbox.delete_snapshots(["state-runtime", "state-grown"])


def test_a_box_over_a_snapshot_is_saved_as_a_layer_that_goes_with_that_snapshot(sandbox):
    with sandbox.open() as first:
        first.run("echo a > a; echo b > b; mkdir d; echo c > d/c; echo tool > /opt/env/t")
        below = first.save("state-below")
    with sandbox.open(origin=below) as second:
        assert second.run("rm a; echo more >> b; rm -r d; mkdir d; echo e > d/e").passed
        layer = second.save("state-layer")
    changed = "b\nmore\nd/e\ntool\n"
    show = "cat b; find d -type f; cat /opt/env/t; ! cat a 2>/dev/null"
    with sandbox.open(origin=layer) as box:
        assert box.run(show).text() == changed
        assert not box.run("touch /opt/env/t").passed
        box.run("rm b")
        assert box.save("state-top") == Snapshot("state-top")
    with sandbox.open(origin=layer, egress=Egress(())) as box:
        assert box.run(show).text() == changed
    with sandbox.open(origin=Snapshot("state-top")) as box:
        assert box.run("ls").text() == "d\n"
        sandbox.delete_snapshots(["state-below"])
        assert box.run("cat d/e /opt/env/t").text() == "e\ntool\n"
        assert sandbox.find_snapshot("state-layer") is sandbox.find_snapshot("state-top") is None


def test_a_box_knows_its_snapshots_commit_until_a_command_runs_and_a_set_up_box_does_not(sandbox):
    with sandbox.open() as first:
        first.save("state-commit")
    for egress, known in ((None, "c0ffee"), (Egress(()), "")):
        with sandbox.open(origin=Snapshot("state-commit", commit="c0ffee"), egress=egress) as box:
            assert box.checked_out == known
            box.run("true")
            assert box.checked_out == ""
    sandbox.delete_snapshots(["state-commit"])


def test_of_two_snapshots_with_the_same_key_the_first_stays(sandbox):
    for word in ("first", "second"):
        with sandbox.open() as box:
            box.run(f"echo {word} > w")
            box.save("state-race")
    with sandbox.open(origin=Snapshot("state-race")) as box:
        assert box.run("cat w").text() == "first\n"
    sandbox.delete_snapshots(["state-race"])


def test_a_deleted_snapshot_is_gone_but_not_for_a_box_over_it(sandbox):
    with sandbox.open() as first:
        first.run("echo x > w")
        snapshot = first.save("state-drop")
    with sandbox.open(origin=snapshot) as box:
        sandbox.delete_snapshots(["state-drop", "state-never-was"])
        assert sandbox.find_snapshot("state-drop") is None
        assert box.run("cat w").text() == "x\n"
        with sandbox.open() as again:
            again.run("echo y > w")
            again.save("state-drop")
        assert box.run("cat w").text() == "x\n"
    with sandbox.open(origin=snapshot) as box:
        assert box.run("cat w").text() == "y\n"
    sandbox.delete_snapshots(["state-drop"])
    with pytest.raises(SandboxError, match="gone"), sandbox.open(origin=snapshot):
        pass


@pytest.mark.parametrize("key", ["", "../x", "a/b", "a b", "ü", "x\n"])
def test_a_key_cannot_be_a_path(sandbox, key):
    with pytest.raises(SandboxError, match="cannot name"):
        sandbox.find_snapshot(key)


def test_boxes_work_side_by_side(sandbox):
    results = []
    all_run = threading.Barrier(4)

    def work(number):
        live = LiveInput()

        def meet(_):
            all_run.wait(PATIENCE)
            live.write(b"", end=True)

        with sandbox.open() as each:
            each.run(f"echo {number} > n")
            script = f"echo running; cat; test $(cat n) = {number}"
            results.append(each.run(script, stdin=live, on_output=meet, limits=SOON).passed)
        live.close()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE)

    assert results == [True] * 4


def test_the_fingerprint_stays_the_same_while_nothing_changes(sandbox, box):
    first = sandbox.fingerprint()
    box.run("touch /workspace/a /tmp/b")
    assert first
    assert sandbox.fingerprint() == first
