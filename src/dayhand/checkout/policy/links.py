"""Where a symbolic link in a change points to, on every file system that a developer may check it out on."""

from __future__ import annotations

import posixpath
import re

MAX_TARGET_BYTES = 4095  # PATH_MAX of Linux, without the NUL
# HFS+ ignores these characters in names: https://github.com/git/git/blob/v2.39.5/utf8.c (next_hfs_char).
_IGNORED_BY_HFS = dict.fromkeys(
    [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
)
_SHORT_NAME = re.compile(r"git~\d+")  # NTFS: also the name of .git


def leaves_repository(path: str, target: bytes) -> bool:
    """Whether the link ``path`` could point outside the repository or into its ``.git`` folder.

    ``..`` is accepted only at the beginning: after a name, which may be another link, it could lead anywhere.
    """
    text = target.decode("utf-8", "replace").replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    below = [*parts]
    while below and below[0] == "..":
        del below[0]
    depth = len([part for part in posixpath.dirname(path).split("/") if part])
    return (
        not target
        or len(target) > MAX_TARGET_BYTES
        or b"\0" in target
        or text.startswith("/")
        or bool(re.match("[A-Za-z]:", text))  # a drive of Windows
        or len(parts) - len(below) > depth
        or ".." in below
        or any(is_git_folder(part) for part in below)
    )


def is_git_folder(name: str) -> bool:
    """Whether a file system takes this name for ``.git``: in any case, with characters that it ignores, or a short name."""
    plain = plain_name(name)
    return plain == ".git" or bool(_SHORT_NAME.fullmatch(plain))


def plain_name(name: str) -> str:
    """A name as HFS+ and NTFS read it: without ignored characters, a stream's name, and dots and spaces at its end."""
    return name.translate(_IGNORED_BY_HFS).partition(":")[0].rstrip(". ").lower()
