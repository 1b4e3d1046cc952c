"""How much a pack from a sandbox unpacks to, counted before git reads it: a megabyte can contain a gigabyte of zeros.

https://git-scm.com/docs/gitformat-pack. A pack that is not valid is left to ``git index-pack``, which says what is wrong.
"""

from __future__ import annotations

import zlib

from dayhand.checkout.process import ADVICE
from dayhand.errors import CheckoutError

MAX_OBJECTS = 50_000  # the policy allows 300 files; each may have new folders above it
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
HEADER_BYTES, CHECKSUM_BYTES, ID_BYTES = 12, 20, 20
OFFSET_DELTA, ID_DELTA = 6, 7
INPUT_BYTES, OUTPUT_BYTES = 4096, 1 << 20  # inflated at a time


def check_size(pack: bytes) -> None:
    """Raise ``CheckoutError`` if a pack has too many objects, or they are too large together.

    What a delta makes of its base is not counted: the limits of ``git index-pack`` bound that.
    """
    count = int.from_bytes(pack[8:HEADER_BYTES], "big")
    if pack.startswith(b"PACK") and count > MAX_OBJECTS:
        raise _refusal(f"consists of {count:,} git objects (limit: {MAX_OBJECTS:,})")
    position, total = HEADER_BYTES, 0
    for _ in range(count):
        if position >= len(pack) - CHECKSUM_BYTES:
            return
        size, position = _skip_header(pack, position)
        total += size
        if total > MAX_UNPACKED_BYTES:
            raise _refusal(f"unpacks to more than {MAX_UNPACKED_BYTES >> 20} MB")
        position = _skip_data(pack, position, size)


def _skip_header(pack: bytes, position: int) -> tuple[int, int]:
    """The size that an object's data unpack to, and where they begin."""
    byte = pack[position]
    kind, size, shift = byte >> 4 & 7, byte & 15, 4
    while byte & 0x80 and position + 1 < len(pack):
        position += 1
        byte = pack[position]
        size |= (byte & 0x7F) << shift
        shift += 7
    position += 1
    if kind == OFFSET_DELTA:
        while position < len(pack) and pack[position] & 0x80:
            position += 1
        position += 1
    return size, position + (ID_BYTES if kind == ID_DELTA else 0)


def _skip_data(pack: bytes, position: int, size: int) -> int:
    """Where an object's data end. The end of the pack if they are not what their header says."""
    stream, unpacked = zlib.decompressobj(), 0
    while position < len(pack) and unpacked <= size:
        data = pack[position : position + INPUT_BYTES]
        position += len(data)
        try:
            while data and not stream.eof:
                unpacked += len(stream.decompress(data, OUTPUT_BYTES))
                data = stream.unconsumed_tail
        except zlib.error:
            break
        if stream.eof:
            return position - len(stream.unused_data)
    return len(pack)


def _refusal(what: str) -> CheckoutError:
    return CheckoutError(f"The change {what}.", advice=ADVICE)
