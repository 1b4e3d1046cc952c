"""The mark after a command's output, by which an output that arrived whole is told from one that the engine cut.

When a command has ended, an engine waits two seconds for its output to be read and then drops the rest without a word:
a worker that reads late, or a busy engine, would take a part of the output for all of it.
"""

from __future__ import annotations

import secrets

from dayhand.sandbox.docker.exec_stream import OutputSink


class EndMark:
    """Passes one stream of a command on, without the mark that our shell writes after it."""

    def __init__(self, sink: OutputSink) -> None:
        self._sink = sink
        self._name = secrets.token_hex(8)  # not in any output, whatever the command prints
        self._mark = f"\0{self._name}".encode()
        self._held = b""  # the end of what has arrived, as far as it may be the mark

    @property
    def printf(self) -> str:
        """The words of a shell that write the mark to its standard output."""
        return f"printf '\\000{self._name}'"

    @property
    def arrived(self) -> bool:
        """Whether the stream ends with the mark, so that nothing is missing."""
        return self._held == self._mark

    def write(self, chunk: bytes) -> None:
        data = self._held + chunk
        held = next(size for size in range(len(self._mark), -1, -1) if data.endswith(self._mark[:size]))
        self._held = data[len(data) - held :]
        if passed := data[: len(data) - held]:
            self._sink.write(passed)

    def finish(self) -> None:
        """Pass on what was held back, unless it is the mark."""
        if not self.arrived:
            self._sink.write(self._held)
            self._held = b""
