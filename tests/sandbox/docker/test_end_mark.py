"""The mark after a command's output, over output that comes in any pieces."""

from __future__ import annotations

import subprocess

import pytest

from dayhand.sandbox.docker.end_mark import EndMark
from dayhand.sandbox.output import OutputCapture

OUTPUTS = [b"", b"one\n", b"\0", b"\0\0\0", b"a\0b", "é\0🎉".encode()]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize("output", OUTPUTS)
def test_output_is_passed_on_without_the_mark(output, size):
    capture = OutputCapture(1000, 1000)
    end = EndMark(capture)
    written = output + subprocess.check_output(["/bin/sh", "-c", end.printf])

    for at in range(0, len(written), size):
        end.write(written[at : at + size])
    end.finish()

    assert (capture.head, end.arrived) == (output, True)


@pytest.mark.parametrize("missing", [1, 5, 17, 19])
def test_a_missing_end_is_noticed_and_the_rest_is_kept(missing):
    capture = OutputCapture(1000, 1000)
    end = EndMark(capture)
    written = (b"one\0" + subprocess.check_output(["/bin/sh", "-c", end.printf]))[:-missing]

    end.write(written)
    end.finish()

    assert (capture.head, end.arrived) == (written, False)


def test_what_may_be_a_prompt_is_not_held_back():
    capture = OutputCapture(1000, 1000)

    EndMark(capture).write(b"Password: ")

    assert capture.head == b"Password: "
