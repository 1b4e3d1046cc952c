"""One git process under limits: its memory, processor time and file sizes, and how much is read from it.

A pack of a few hundred bytes can describe a hundred million paths, so nothing that reads a pack may run without them.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from dayhand.errors import CheckoutError
from dayhand.exit_codes import NOT_EXECUTABLE
from dayhand.startup.records import dataclass

TIMEOUT_SECONDS = 600.0
END_SECONDS = 2.0  # for git to end its own children after SIGTERM
CHECK_SECONDS = 1.0
CHUNK_BYTES = 64 * 1024
ERROR_BYTES = 64 * 1024
ADVICE = (
    "Make the change smaller, and keep generated files and data out of it, for example through .gitignore."
)

# A limit that is lower already stays. One that cannot be set ends the command: git never runs without limits.
_LIMITED = (
    """
umask 077
limit() { ulimit "-$1" "-$2" "$3" 2>/dev/null || [ "$(ulimit "-$1" "-$2")" -le "$3" ]; }
limit S d "$1" && limit H d "$1" && limit S t "$2" && limit H t "$(($2 + 5))" && limit S f "$3" && limit H f "$3" &&
    ulimit -c 0 && shift 3 && exec "$@"
echo "fatal: the limits of this process cannot be set" >&2
"""
    f"exit {NOT_EXECUTABLE}\n"
)


@dataclass(frozen=True, slots=True)
class GitLimits:
    """What one git command may use; memory and processor time count for each process that it starts."""

    memory: int = 512 << 20  # bytes, without mapped files (RLIMIT_DATA)
    processor_seconds: int = 30
    file_size: int = 1 << 30  # bytes
    output: int = 8 << 20  # bytes of standard output

    def with_output(self, output: int) -> GitLimits:
        return replace(self, output=output)

    def command(self, command: Sequence[str]) -> list[str]:
        """A command that runs ``command`` under these limits, and makes its files readable by this user only."""
        numbers = (self.memory // 1024, self.processor_seconds, self.file_size // 512)
        return ["/bin/sh", "-c", _LIMITED, "sh", *map(str, numbers), *command]


READ = GitLimits()  # for what a sandbox made
# A repository's whole history or list of files is as large as its owners made it; these limits only protect the machine.
HISTORY = GitLimits(memory=8 << 30, processor_seconds=1200, file_size=1 << 40)
LISTING = GitLimits(output=128 << 20)  # about a million files


@dataclass(frozen=True, slots=True)
class Ended:
    """What a git process left: its exit code (negative: the signal that ended it) and what was read from it."""

    status: int
    out: bytes
    err: str
    cut: bool = False  # it was stopped because its output reached the limit

    def check(self, name: str, limits: GitLimits) -> None:
        """Raise ``CheckoutError`` if the command that is called ``name`` failed."""
        self.check_limits(name, limits)
        if self.status != 0:
            raise CheckoutError(f"git {name} failed: {last_lines(self.err)}")

    def check_limits(self, name: str, limits: GitLimits) -> None:
        """Raise ``CheckoutError`` if a limit ended the command that is called ``name``."""
        if self.cut:
            what = f"returned more than {limits.output >> 20} MiB"
        elif self.status == -signal.SIGXCPU or "died of signal 24" in self.err:
            what = f"used more than {limits.processor_seconds} s of processor time"
        elif self.status == -signal.SIGXFSZ or "File too large" in self.err:
            what = f"wrote a file of more than {limits.file_size >> 20} MiB"
        elif self.status != 0 and re.search("out of memory|cannot allocate memory", self.err, re.IGNORECASE):
            what = f"needed more than {limits.memory >> 20} MiB of memory"
        elif self.status < 0 and self.status != -signal.SIGPIPE:  # that: what git wrote to had ended
            what = f"was ended by the signal {signal.Signals(-self.status).name}"
        else:
            return
        raise CheckoutError(f"git {name} was stopped: it {what}.", advice=ADVICE)


def never_cancelled() -> None:
    """The check of a process that nothing cancels."""


def collect(
    process: subprocess.Popen[bytes],
    name: str,
    limits: GitLimits,
    *,
    check: Callable[[], None] = never_cancelled,
) -> Ended:
    """Read what a process writes, up to its limit, and wait for its end. However this is left, the process is gone.

    ``check`` is called about once a second, and raises to cancel. Raises ``CheckoutError`` if it takes longer than ten minutes.
    """
    ends = time.monotonic() + TIMEOUT_SECONDS
    out, err = bytearray(), bytearray()
    try:
        cut = not _read(process, (out, err), limits=limits, ends=ends, check=check)
        if not cut:
            process.wait(max(0.0, ends - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise CheckoutError(
            f"git {name} was stopped: it took more than {TIMEOUT_SECONDS / 60:.0f} minutes.",
            advice="Check whether the server is slow or the machine is overloaded, then ask again.",
        ) from error
    finally:
        _end(process)
    return Ended(process.returncode, bytes(out[: limits.output]), err.decode("utf-8", "replace"), cut)


def last_lines(err: str) -> str:
    """The last informative lines of git's standard error, without credentials in URLs."""
    lines = [line for line in err.replace("\r", "\n").splitlines() if line.strip()]
    informative = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", " !"))] or lines
    text = " · ".join(informative[-3:])
    return re.sub(r"//[^/@\s]+@", "//", text)[:600] or "it gave no reason"


def _read(
    process: subprocess.Popen[bytes],
    targets: tuple[bytearray, bytearray],
    *,
    limits: GitLimits,
    ends: float,
    check: Callable[[], None],
) -> bool:
    """Read both streams to their ends; False if standard output reached its limit before."""
    out, err = targets
    with selectors.DefaultSelector() as streams:
        for stream, target in ((process.stdout, out), (process.stderr, err)):
            if stream is not None:
                streams.register(stream, selectors.EVENT_READ, target)
        next_check = time.monotonic() + CHECK_SECONDS
        while streams.get_map():
            ready = streams.select(max(0.0, min(ends, next_check) - time.monotonic()))
            if (now := time.monotonic()) >= ends:
                raise TimeoutError
            if now >= next_check:
                check()
                next_check = now + CHECK_SECONDS
            for key, _ in ready:
                chunk = os.read(key.fd, CHUNK_BYTES)
                key.data.extend(chunk)
                if not chunk:
                    streams.unregister(key.fileobj)
            if len(out) > limits.output:
                return False
            del err[:-ERROR_BYTES]
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that still runs, and close its streams. SIGTERM lets git end its own children."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
    if process.poll() is None:
        process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
