"""Packs as a hostile sandbox could send them, built object by object: git's own commands refuse to make most of them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha1

KINDS = {"commit": 1, "tree": 2, "blob": 3, "delta": 7}
FILE, FOLDER = "100644", "40000"


@dataclass(frozen=True, slots=True)
class Object:
    """One object; ``base`` is the id that a delta applies to."""

    kind: str
    data: bytes
    base: bytes = b""

    @property
    def id(self) -> bytes:
        name = sha1(f"{self.kind} {len(self.data)}".encode() + b"\0")
        name.update(self.data)  # without a copy of 700 MB
        return name.digest()


@dataclass(frozen=True, slots=True)
class Sent:
    """What a sandbox sends: a pack, and the id that it gives as its tree's."""

    tree: str
    pack: bytes


def pack(objects: Iterable[Object]) -> bytes:
    """A pack, https://git-scm.com/docs/gitformat-pack."""
    packed = [_packed(each) for each in objects]
    whole = b"PACK" + struct.pack(">II", 2, len(packed)) + b"".join(packed)
    return whole + sha1(whole).digest()


def _packed(each: Object) -> bytes:
    size = len(each.data)
    head = [KINDS[each.kind] << 4 | size & 15]
    size >>= 4
    while size:
        head[-1] |= 0x80
        head.append(size & 0x7F)
        size >>= 7
    return bytes(head) + each.base + zlib.compress(each.data, level=1)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def folder(*entries: tuple[str, bytes, Object]) -> Object:
    """A tree: the mode, name and object of each entry, in git's order, where a folder's name ends with a slash."""
    ordered = sorted(entries, key=lambda entry: entry[1] + (b"/" if entry[0] == FOLDER else b""))
    return Object(
        "tree", b"".join(mode.encode() + b" " + name + b"\0" + each.id for mode, name, each in ordered)
    )


def commit(tree: Object) -> Object:
    person = b"Ada <ada@example.org> 1 +0000"
    text = b"tree %s\nauthor %s\ncommitter %s\n\nx\n" % (tree.id.hex().encode(), person, person)
    return Object("commit", text)


HELLO = Object("blob", b"hello\n")


def trees(levels: int, width: int, files: int = 0) -> tuple[Object, ...]:
    """In each folder ``width`` folders, which are all the same one, and some files; the top is the last one."""
    made = [HELLO, folder((FILE, b"a", HELLO))]
    beside = [(FILE, b"f%06d" % number, HELLO) for number in range(files)]
    for _ in range(levels):
        made.append(folder(*((FOLDER, b"%02d" % number, made[-1]) for number in range(width)), *beside))
    return tuple(made)


def sent(*objects: Object) -> Sent:
    """A pack of these objects, of which the last one is the tree."""
    return Sent(objects[-1].id.hex(), pack(objects))


def nested(levels: int, width: int, files: int = 0) -> Sent:
    """``width`` to the power of ``levels`` paths in as many trees as there are levels."""
    return sent(*trees(levels, width, files))


def wide(files: int) -> Sent:
    return sent(HELLO, folder(*((FILE, b"f%06d" % number, HELLO) for number in range(files))))


def one_file(data: bytes, name: bytes = b"file") -> Sent:
    blob = Object("blob", data)
    return sent(blob, folder((FILE, name, blob)))


@cache
def zeros(size: int) -> Sent:
    """One file of zeros, in a pack of a thousandth of its size."""
    return one_file(bytes(size))


def many_zeros(files: int, size: int) -> Sent:
    blobs = [Object("blob", b"%d" % number + bytes(size)) for number in range(files)]
    return sent(*blobs, folder(*((FILE, b"f%04d" % number, blob) for number, blob in enumerate(blobs))))


def growing_delta(size: int) -> Sent:
    """A delta of a few bytes that claims to unpack to ``size`` bytes."""
    source = Object("blob", bytes(0x10000))
    copies = b"\x80" * 64  # each copies 64 KiB from the start of its source
    delta = Object("delta", varint(len(source.data)) + varint(size) + copies, base=source.id)
    return sent(source, delta, folder((FILE, b"a", source)))


def named(tree: str) -> Sent:
    """A good pack, with another id given as its tree's."""
    return Sent(tree, wide(1).pack)


def a_commit_as_tree() -> Sent:
    top = folder((FILE, b"a", HELLO))
    return sent(HELLO, top, commit(top))


def a_file_as_folder() -> Sent:
    return sent(HELLO, folder((FOLDER, b"a", HELLO)))


# What a sandbox sends, and what the sentence says about it: a new form is one line.
HOSTILE: dict[str, tuple[Callable[[], Sent], str]] = {
    "hundred-million-paths": (lambda: nested(8, 10), "more than 10,000 files and folders"),
    "paths-without-end": (lambda: nested(60, 99), "more than 10,000 files and folders"),
    "twice-the-same-folder": (lambda: nested(60, 2, 3000), "more than 10,000 files and folders"),
    "one-path-per-level": (lambda: nested(40_000, 1), "nested more than 100 deep"),
    "a-hundred-thousand-levels": (lambda: nested(100_000, 1), "consists of 100,002 git objects"),
    "a-little-too-deep": (lambda: nested(101, 1), "nested more than 100 deep"),
    "300,000-files": (lambda: wide(300_000), "more than 10,000 files and folders"),
    "a-little-too-many-files": (lambda: wide(10_001), "more than 10,000 files and folders"),
    "many-files": (lambda: wide(9_998), "touches 10000 files"),
    "long-name": (lambda: one_file(b"x", b"n" * 5000), "a path of more than 4095 bytes"),
    "700-MB-of-zeros": (lambda: zeros(700 << 20), "unpacks to more than 256 MB"),
    "many-files-of-zeros": (lambda: many_zeros(60, 5 << 20), "unpacks to more than 256 MB"),
    "delta-to-4-GB": (lambda: growing_delta(4 << 30), "more than 512 MiB of memory"),
    "delta-to-an-exabyte": (lambda: growing_delta(1 << 60), "index-pack"),
    "id-of-a-file": (lambda: named(HELLO.id.hex()), "not a tree"),
    "id-of-a-commit": (a_commit_as_tree, "not a tree"),
    "id-of-nothing": (lambda: named("1" * 40), "not a tree"),
    "a-file-as-folder": (a_file_as_folder, "index-pack"),
}
