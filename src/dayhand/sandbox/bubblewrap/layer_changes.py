"""Runs in a box: lists what the upper layer of its workspace changes in the layers below, each path with a NUL after it.

A path that ends with a slash is gone, with everything below it: an overlay shows what is deleted as a character device, and
a folder that hides the one below by an attribute (Documentation/filesystems/overlayfs.rst). What is no file and no link
counts as gone. A folder that cannot be read ends it.
"""

import os
import sys

OPAQUE = "user.overlay.opaque"


def is_opaque(folder: bytes) -> bool:
    try:
        return bool(os.getxattr(folder, OPAQUE, follow_symlinks=False))
    except OSError:
        return False


def main(top: bytes) -> None:
    folders = [top]
    while folders:
        folder = folders.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                path = entry.path[len(top) + 1 :]
                if path == b".git":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    if is_opaque(entry.path):
                        sys.stdout.buffer.write(path + b"/\0")
                    continue
                there = entry.is_file(follow_symlinks=False) or entry.is_symlink()
                sys.stdout.buffer.write(path + (b"\0" if there else b"/\0"))


if __name__ == "__main__":
    main(os.fsencode(sys.argv[1]))
