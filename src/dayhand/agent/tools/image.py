"""An image of the repository, as the model is shown it. Its bytes are passed on; nothing here opens it as an image."""

from __future__ import annotations

import base64
from dataclasses import dataclass

# Every request from now on carries it, and so does the journal.
PICTURE_BYTES = 2 * 1024 * 1024
PICTURES_BYTES = 8 * 1024 * 1024  # of all that one task is shown by one worker


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole image file, as far as its two ends tell."""

    kind: str  # png, jpeg, gif or webp
    raw: bytes

    @property
    def url(self) -> str:
        return f"data:image/{self.kind};base64,{base64.b64encode(self.raw).decode('ascii')}"


def recognise(raw: bytes) -> Picture | None:
    """The image that bytes are by their beginning and their end; None where they are none, or only a part of one.

    A server that is sent half an image may refuse it in words that sound as if it could see none.
    """
    end = raw[-64:].rstrip(b"\0\r\n")
    if raw.startswith(b"\x89PNG\r\n\x1a\n") and end.endswith(b"IEND\xaeB`\x82"):
        return Picture("png", raw)
    if raw.startswith(b"\xff\xd8\xff") and end.endswith(b"\xff\xd9"):
        return Picture("jpeg", raw)
    if raw.startswith((b"GIF87a", b"GIF89a")) and end.endswith(b";"):
        return Picture("gif", raw)
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP" and int.from_bytes(raw[4:8], "little") <= len(raw) - 8:
        return Picture("webp", raw)
    return None
