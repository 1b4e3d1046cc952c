"""What is logged of a command's output while it runs, and what at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

from dayhand.sandbox.base import Reason, Result
from dayhand.sandbox.output import LiveOutput, OutputCapture


@dataclass
class CommandOutput:
    """A command whose output and clock the test controls."""

    keep: int = 1000
    now: float = 0.0
    logged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.live = LiveOutput(self.logged.append, self.keep, lambda: self.now)
        self.capture = OutputCapture(self.keep, 10**9, self.live.write)

    def end(self) -> Result:
        capture = self.capture
        result = Result(0, capture.head, capture.tail, capture.size, Reason.EXIT, self.now)
        self.live.finish(result)
        return result


def test_lines_are_logged_whole_and_at_most_once_a_second() -> None:
    command = CommandOutput(now=10.0)
    command.capture.write(b"one\n")
    assert command.logged == []
    command.now = 11.0
    command.capture.write(b"two\nthr")
    assert command.logged == ["one\ntwo\n"]
    command.now = 11.5
    command.capture.write(b"ee\nfour\n")
    assert command.logged == ["one\ntwo\n"]
    command.now = 12.1
    assert command.live.flush_if_due() is False
    assert command.logged == ["one\ntwo\n", "three\nfour\n"]


def test_a_silent_command_logs_nothing() -> None:
    command = CommandOutput()
    command.live.flush_if_due()
    command.capture.write(b"\n\n")
    command.end()
    assert command.logged == []


def test_the_log_holds_what_the_result_shows() -> None:
    command = CommandOutput(keep=100)
    for n in range(300):
        command.now += 0.3
        command.capture.write(f"line {n}\n".encode())
    result = command.end()
    assert "".join(command.logged) == result.text()
    assert "bytes cut" in command.logged[-1]
    assert command.logged[-1].endswith("line 299\n")


def test_a_flood_is_logged_in_few_entries_of_bounded_size() -> None:
    command = CommandOutput(keep=1000)
    for _ in range(2000):
        command.now += 1
        command.capture.write(b"y\n" * 5000)
    command.end()
    assert len(command.logged) == 2
    assert sum(map(len, command.logged)) < 2100


def test_terminal_codes_are_not_logged() -> None:
    command = CommandOutput()
    command.capture.write(b"\x1b[31mre")
    command.capture.write(b"d\x1b[0m \x1b]0;title\x07\x07end\x08\n")
    command.end()
    assert command.logged == ["red end\n"]


def test_a_character_that_arrives_in_two_chunks_is_whole() -> None:
    command = CommandOutput()
    command.capture.write(b"caf\xc3")
    command.now = 5
    command.live.flush_if_due()
    command.capture.write(b"\xa9\n")
    assert command.logged == ["café\n"]
