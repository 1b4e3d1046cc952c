"""Runs in a box: lists what the upper layer of its workspace changes in the layers below, each path with a NUL after it.

A path that ends with a slash is everything below it: an overlay shows what is deleted as a character device, and a folder
that hides the one below by an attribute (Documentation/filesystems/overlayfs.rst). A folder that cannot be read ends it.
"""

import os
import stat
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
                sys.stdout.buffer.write(path + b"\0")
                if stat.S_ISCHR(entry.stat(follow_symlinks=False).st_mode):
                    sys.stdout.buffer.write(path + b"/\0")


if __name__ == "__main__":
    main(os.fsencode(sys.argv[1]))
