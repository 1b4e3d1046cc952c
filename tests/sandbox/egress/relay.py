"""The forwarder of set-up boxes, run outside of one: a port of the loopback that leads to a unix socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from dayhand.sandbox.egress import relay_in_bubblewrap


@contextmanager
def forwarding(path: str, around: Sequence[str] = ()) -> Iterator[int]:
    """The port; ``around`` are words in front of the forwarder's own."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [*around, sys.executable, "-I", "-S", relay_in_bubblewrap.__file__]
    words = [*program, str(port), path, "sh", "-c", "echo up; read end"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        try:
            yield port
        finally:
            _end(port)
            process.stdin.close()


def _end(port: int) -> None:
    """Its server outlives the command: in a box the box's end takes it along."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(port).encode() in words and relay_in_bubblewrap.__file__.encode() in words:
            with suppress(ProcessLookupError):
                os.kill(int(entry.parent.name), signal.SIGKILL)
