"""Images that the model is shown. Their bytes are passed on; nothing on the host decodes them."""

from __future__ import annotations

import base64

from dayhand.startup.records import dataclass

# Every later request, and the journal, contain the image.
MAX_IMAGE_BYTES = 2 * 1024 * 1024
MAX_TOTAL_IMAGE_BYTES = 8 * 1024 * 1024  # of all images that one worker shows during one task


@dataclass(frozen=True, slots=True)
class Image:
    """An image file that is complete, judged by its first and last bytes."""

    kind: str  # png, jpeg, gif or webp
    raw: bytes

    @property
    def url(self) -> str:
        return f"data:image/{self.kind};base64,{base64.b64encode(self.raw).decode('ascii')}"


def detect_image(raw: bytes) -> Image | None:
    """Recognize an image by its first and last bytes; None if it is not an image, or not complete.

    A server may reject half an image with a message that reads as if it supported no images at all.
    """
    end = raw[-64:].rstrip(b"\0\r\n")
    if raw.startswith(b"\x89PNG\r\n\x1a\n") and end.endswith(b"IEND\xaeB`\x82"):
        return Image("png", raw)
    if raw.startswith(b"\xff\xd8\xff") and end.endswith(b"\xff\xd9"):
        return Image("jpeg", raw)
    if raw.startswith((b"GIF87a", b"GIF89a")) and end.endswith(b";"):
        return Image("gif", raw)
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP" and int.from_bytes(raw[4:8], "little") <= len(raw) - 8:
        return Image("webp", raw)
    return None
