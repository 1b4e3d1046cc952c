"""Images that the model looks at: whole, small, inside the repository, and only where it can see."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable

import pytest

from dayhand.agent.model.base import Call
from dayhand.agent.tools.executor import ToolExecutor, ToolResult
from dayhand.agent.tools.image import MAX_IMAGE_BYTES, detect_image
from dayhand.sandbox.base import Box
from dayhand.scripted_model.moves import Fault, Finish, ToolCall
from tests.agent.conftest import Journal, Log, Play
from tests.agent.test_loop import work


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


DOT = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    + chunk(b"IEND", b"")
)
WEBP = b"RIFF" + struct.pack("<I", 12) + b"WEBPVP8 " + bytes(4)


def put(box: Box, path: str, raw: bytes) -> None:
    assert box.run(["/bin/sh", "-c", 'cat > "$1"', "sh", path], stdin=raw).passed


def view(box: Box, log: Log, path: str, *, sees: bool = True) -> ToolResult:
    call = Call("c", "view_image", json.dumps({"path": path}))
    return ToolExecutor(box, log, {}, supports_images=lambda: sees).execute(call, alone=True)


def test_an_image_is_shown_byte_for_byte(box: Box, log: Log) -> None:
    put(box, "src/dot.png", DOT)
    result = view(box, log, "/workspace/src/dot.png")
    assert result.text == f"src/dot.png: png, {len(DOT)} bytes"
    assert result.image == f"data:image/png;base64,{base64.b64encode(DOT).decode()}"
    assert not result.touched
    assert log.lines == [("command", "view_image src/dot.png")]


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (DOT, "png"),
        (b"\xff\xd8\xff\xe0 pixels \xff\xd9\n", "jpeg"),
        (b"GIF89a pixels ;", "gif"),
        (WEBP, "webp"),
        (DOT[:-8], None),
        (WEBP[:-1], None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"", None),
        (b"version https://git-lfs.github.com/spec/v1\n", None),
    ],
)
def test_an_image_is_known_by_its_two_ends(raw: bytes, kind: str | None) -> None:
    found = detect_image(raw)
    assert (found and found.kind) == kind


@pytest.mark.parametrize(
    ("set_up", "path", "words"),
    [
        ("true", "src/app.py", "src/app.py is not a complete PNG, JPEG, GIF or WebP image."),
        ("true", "nowhere.png", "There is no file nowhere.png."),
        ("true", "/etc/passwd", "/etc/passwd is outside the repository"),
        ("true", "../x.png", "contains “..”"),
        ("ln -s /etc/passwd link.png", "link.png", "goes through a symbolic link"),
        ("mkfifo pipe.png", "pipe.png", "is neither a file nor a directory"),
        ("head -c 5000000 /dev/zero > big.png", "big.png", "is larger than 4 MiB"),
    ],
)
def test_a_path_that_is_not_an_image_of_the_repository_is_refused(
    box: Box, log: Log, set_up: str, path: str, words: str
) -> None:
    assert box.run(set_up).passed
    result = view(box, log, path)
    assert words in result.text
    assert not result.image
    assert not result.passed


def test_large_images_are_not_shown(box: Box, log: Log) -> None:
    put(box, "large.png", DOT[:-12] + bytes(MAX_IMAGE_BYTES) + DOT[-12:])
    assert f"The limit is {MAX_IMAGE_BYTES} for one image" in view(box, log, "large.png").text


def test_many_images_are_not_shown(box: Box, log: Log) -> None:
    put(box, "dot.png", DOT[:-12] + bytes(MAX_IMAGE_BYTES - len(DOT)) + DOT[-12:])
    executor = ToolExecutor(box, log, {})
    calls = [Call(f"c{n}", "view_image", '{"path": "dot.png"}') for n in range(5)]
    assert [executor.execute(call, alone=True).passed for call in calls] == [True] * 4 + [False]


def test_a_model_that_cannot_see_is_told_so(box: Box, log: Log) -> None:
    put(box, "dot.png", DOT)
    result = view(box, log, "dot.png", sees=False)
    assert result.text.startswith("You cannot be shown images")
    assert not result.image


LOOK = ToolCall("view_image", '{"path": "dot.png"}')


@pytest.mark.parametrize("blind", [False, True])
def test_an_image_reaches_the_model_or_is_replaced_by_text(
    play: Play, boxes: Callable[[], Box], journal: Journal, log: Log, *, blind: bool
) -> None:
    refusal = Fault("status", status=400, body='{"error": {"message": "image input is not supported"}}')
    turns = [[LOOK], [refusal, LOOK] if blind else [LOOK], [Finish("Seen", "It is red.")]]
    played = play(*turns)
    box = boxes()
    put(box, "dot.png", DOT)
    assert work(played, box, journal, log).title == "Seen"
    *_, last = (json.loads(body)["input"] for body in played.server.bodies)
    first, second = (item["output"] for item in last if "output" in item)
    if blind:
        assert "This model cannot see images" in first
        assert second.startswith("You cannot be shown images")
    else:
        assert [part["type"] for part in first] == ["input_text", "input_image"]
        assert first == second
