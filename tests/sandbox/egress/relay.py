"""The relay of bubblewrap set-up boxes, run outside of a box: a port of the loopback that leads to a unix socket."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from dayhand.child_process import reserved_port
from dayhand.sandbox.egress import relay_in_bubblewrap


@contextmanager
def relay(path: str, prefix: Sequence[str] = ()) -> Iterator[int]:
    """Run one and yield its port; ``prefix`` is a command that starts the relay."""
    program = [*prefix, sys.executable, "-I", "-S", relay_in_bubblewrap.__file__]
    command = ["sh", "-c", "echo up; read end"]
    with (
        reserved_port() as port,
        subprocess.Popen(
            [*program, str(port), path, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process,
    ):
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        try:
            yield port
        finally:
            _kill_server(port)
            process.stdin.close()


def _kill_server(port: int) -> None:
    """Kill the relay's server, which outlives the command. In a box, the end of the box kills it."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(port).encode() in words and relay_in_bubblewrap.__file__.encode() in words:
            with suppress(ProcessLookupError):
                os.kill(int(entry.parent.name), signal.SIGKILL)
