"""Which images of the texts the model is shown, and why it is not shown the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dayhand.startup.records import dataclass

MAX_IMAGES = 4  # of the whole conversation; each later request contains them
MAX_FAILED = 8  # after that no more are fetched
MAX_IMAGE_BYTES = 2 * 1024 * 1024
MAX_LISTED = 20  # of one text
MAX_ADDRESS_CHARS = 2_000  # a signed address has about 700
NO_WRITE_ACCESS = "its author has no write access"
OTHER_HOST = "it is not an attachment on GitHub"
EDITED_TEXT = "its text was edited after the request"
TOO_MANY = f"at most {MAX_IMAGES} images are shown, and others came first"
TOO_LARGE = f"it is larger than {MAX_IMAGE_BYTES // 2**20} MiB"
NO_IMAGE = "it is not a complete PNG, JPEG, GIF or WebP image"
NOT_FETCHED = "GitHub did not send it"


@dataclass(frozen=True, slots=True)
class SnapshotImage:
    """One image of a text, and whether the model got it."""

    address: str
    number: int = 0  # under which the model got it, counted from 1; 0 if it did not
    reason: str = ""  # why it was dropped; "" if it was not


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """What became of an attempt to fetch an image."""

    url: str = ""  # with its bytes, as a "data:" URL; "" if it was not fetched
    reason: str = ""


def list_images(
    addresses: Sequence[str], reason: str, is_attachment: Callable[[str], bool]
) -> tuple[SnapshotImage, ...]:
    """The images of one text, which are all dropped if there is a ``reason``."""
    return tuple(
        SnapshotImage(
            address[:MAX_ADDRESS_CHARS], reason=reason or ("" if is_attachment(address) else OTHER_HOST)
        )
        for address in addresses[:MAX_LISTED]
    )
