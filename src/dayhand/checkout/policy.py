"""What a change may never contain, whatever the model or the repository says."""

from __future__ import annotations

from dayhand.checkout.links import MAX_TARGET_BYTES, leaves_repository, plain_name
from dayhand.checkout.mirror import Entry, Mirror
from dayhand.errors import PolicyRefusal
from dayhand.file_kinds import SUBMODULES, is_workflow
from dayhand.sandbox.worktree import MAX_FILE_BYTES
from dayhand.untrusted_text import find_credentials, strip_hidden

MAX_FILES = 300
MAX_BYTES = MAX_FILE_BYTES
MAX_TOTAL_BYTES = 50 * 1024 * 1024  # of all changed files
BINARY_BYTES = 256 * 1024  # binary files of this size and above are listed
SNIFFED_BYTES = 8000  # looked at to tell binary files from text, as git does
SUBMODULE, SYMLINK, DELETED = "160000", "120000", "000000"  # modes of git


def check_policy(mirror: Mirror, base: str, entries: tuple[Entry, ...]) -> None:
    """Raise ``PolicyRefusal`` for the first rule that a change breaks, with the paths and what to do."""
    if len(entries) > MAX_FILES:
        _refuse(
            f"The change touches {len(entries)} files (limit: {MAX_FILES}).",
            entries[:5],
            "Ask for a smaller step, or split the issue.",
        )
    _check_names(entries)
    _check_kinds(mirror, entries)
    _check_credentials(mirror, base, entries)


def large_binaries(mirror: Mirror, entries: tuple[Entry, ...]) -> tuple[str, ...]:
    """The paths of binary files of at least 256 KiB."""
    large = (entry for entry in entries if entry.size >= BINARY_BYTES)
    return tuple(entry.path for entry in large if b"\0" in mirror.blob(entry.blob, MAX_BYTES)[:SNIFFED_BYTES])


def _check_names(entries: tuple[Entry, ...]) -> None:
    hidden = [
        entry for entry in entries if strip_hidden(entry.path) != entry.path or set("\n\t") & set(entry.path)
    ]
    if hidden:
        _refuse(
            "The change contains file names with control characters or hidden characters.",
            hidden,
            "Rename the files.",
        )
    workflows = [entry for entry in entries if is_workflow(entry.path)]
    if workflows:
        _refuse(
            "The change touches workflow files. Dayhand never pushes these, because they run with your secrets.",
            workflows,
            "Make this part of the change by hand.",
        )
    modules = [entry for entry in entries if plain_name(entry.path) == SUBMODULES or entry.mode == SUBMODULE]
    if modules:
        _refuse(
            "The change touches submodules, which Dayhand never pushes.",
            modules,
            "Make this part of the change by hand.",
        )


def _check_kinds(mirror: Mirror, entries: tuple[Entry, ...]) -> None:
    large = [entry for entry in entries if entry.size > MAX_BYTES]
    if large:
        _refuse(
            f"The change contains files over {MAX_BYTES // 1024 // 1024} MB.",
            large,
            "Keep build products and data out of the repository, for example through .gitignore.",
        )
    total = sum(entry.size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        _refuse(
            f"The change contains {total >> 20} MB of files (limit: {MAX_TOTAL_BYTES >> 20} MB).",
            sorted(entries, key=lambda entry: -entry.size),
            "Keep build products and data out of the repository, for example through .gitignore.",
        )
    links = [entry for entry in entries if entry.mode == SYMLINK]
    outside = [
        link for link in links if leaves_repository(link.path, mirror.blob(link.blob, MAX_TARGET_BYTES))
    ]
    if outside:
        _refuse(
            "The change contains a symbolic link that leaves the repository or points into .git.",
            outside,
            "Make it point to a relative path inside the repository, with .. only at its beginning.",
        )


def _check_credentials(mirror: Mirror, base: str, entries: tuple[Entry, ...]) -> None:
    for entry in entries:
        if entry.mode in (SUBMODULE, DELETED):
            continue
        new = mirror.blob(entry.blob, MAX_BYTES)
        found = find_credentials(new)
        before = mirror.blob_at(base, entry.path, MAX_BYTES) if found else b""
        for credential, kind in found:
            if credential not in before:
                _refuse(
                    f"The change contains what looks like {kind}.",
                    [entry],
                    "Remove it; if it was ever pushed anywhere, revoke it.",
                )


def _refuse(what: str, entries: list[Entry] | tuple[Entry, ...], advice: str) -> None:
    paths = tuple(entry.path.encode("unicode_escape").decode() for entry in entries)
    raise PolicyRefusal(f"{what} ({', '.join(paths[:5])})", paths=paths, advice=advice)
