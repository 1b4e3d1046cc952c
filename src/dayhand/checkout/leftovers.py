"""Which of the changes in a box belong to the change, and what is left out of it, with the reason.

A new file is left out if its name is one of those that commands leave behind and the commit has no such file there; if
it is part of a new folder with more files than a change may have; or if it is too large. The model makes a file with
such a name part of the change on purpose: it writes it with ``apply_patch``, or lists it under ``keep`` in ``finish``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator

from dayhand.checkout.policy.sort_change import MAX_BYTES, MAX_FILES, MAX_TOTAL_BYTES, SUBMODULE
from dayhand.file_kinds import by_product
from dayhand.sandbox.worktree import DELETED, Found
from dayhand.startup.records import dataclass
from dayhand.task import LeftOut

LEFT_BEHIND = "commands leave such files behind"
TOO_LARGE = f"over {MAX_BYTES >> 20} MB"
TOO_MANY = f"a new folder with more than {MAX_FILES} files"
IN_LFS = "a Git LFS file, whose content Dayhand cannot upload"
IN_SUBMODULE = "a submodule, which Dayhand cannot push; what changed in it is in the task's log"
TOO_MUCH = f"with it, the change would have more than {MAX_TOTAL_BYTES >> 20} MB of files"


@dataclass(frozen=True, slots=True)
class Sorted:
    """What is taken, and what is not."""

    chosen: tuple[Found, ...]
    left_out: tuple[LeftOut, ...]


def sort_out(
    found: Iterable[Found],
    tracked: Iterable[str],
    purpose: Iterable[str] = (),
    *,
    in_lfs: Container[str] = (),
) -> Sorted:
    """Sort what a box reports.

    ``tracked`` are the paths of the commit, ``purpose`` the paths and folders to keep, ``in_lfs`` the blobs that are
    pointers of Git LFS.
    """
    changed = tuple(found)
    names = frozenset(tracked) if any(_is_new(one) for one in changed) else ()  # of no use for other changes
    tracked_folders = frozenset(folder for path in names for folder in _folders(path))
    kept = frozenset(path.strip("/") for path in purpose)
    counts = Counter(folder for one in changed if _is_new(one) for folder in _folders(one.path))
    chosen, reasons = list[Found](), list[tuple[str, str]]()
    for one in changed:
        what, reason = "", ""
        if SUBMODULE in (one.mode, one.old_mode):
            what, reason = one.path, IN_SUBMODULE
        elif one.blob in in_lfs and one.mode != DELETED:
            what, reason = one.path, IN_LFS
        elif one.size > MAX_BYTES:
            what, reason = one.path, TOO_LARGE
        elif _is_new(one) and not (one.path in kept or kept.intersection(_plain_folders(one.path))):
            what, reason = _left_behind(one.path, tracked_folders), LEFT_BEHIND
            if not what:
                new = (folder for folder in _folders(one.path) if folder not in tracked_folders)
                what, reason = next((folder for folder in new if counts[folder] > MAX_FILES), ""), TOO_MANY
        if what:
            reasons.append((what, reason))
        else:
            chosen.append(one)
    total = 0
    fits = list[Found]()
    for one in sorted(chosen, key=lambda one: one.size):
        total += one.size
        if total > MAX_TOTAL_BYTES:
            reasons.append((one.path, TOO_MUCH))
        else:
            fits.append(one)
    return Sorted(tuple(sorted(fits, key=lambda one: one.path)), _named(reasons))


def _is_new(found: Found) -> bool:
    return found.old_mode == DELETED


def _left_behind(path: str, tracked_folders: frozenset[str]) -> str:
    """The by-product that the path belongs to; "" if the commit has files in such a folder."""
    what = by_product(path)
    while what in tracked_folders:  # a folder that the repository uses for its own files
        inner = by_product(path.removeprefix(what))
        what = f"{what}{inner}" if inner else ""
    return what


def _folders(path: str) -> Iterator[str]:
    """The folders above a file, from the top, each with a slash at its end."""
    position = path.find("/")
    while position >= 0:
        yield path[: position + 1]
        position = path.find("/", position + 1)


def _plain_folders(path: str) -> Iterator[str]:
    return (folder[:-1] for folder in _folders(path))


def _named(reasons: Iterable[tuple[str, str]]) -> tuple[LeftOut, ...]:
    return tuple(LeftOut(path, reason, files) for (path, reason), files in sorted(Counter(reasons).items()))
