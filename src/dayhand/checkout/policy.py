"""What never leaves the sandbox in a change, whatever the model or the repository says."""

from __future__ import annotations

import posixpath

from dayhand.checkout.mirror import Entry, Mirror
from dayhand.errors import PolicyRefusal
from dayhand.file_kinds import SUBMODULES, is_workflow
from dayhand.untrusted_text import find_credentials, strip_hidden

MAX_FILES = 300
MAX_BYTES = 5 * 1024 * 1024
BINARY_BYTES = 256 * 1024  # a binary file from here on is named
SNIFFED_BYTES = 8000  # as git does, to tell bytes from text
SUBMODULE, SYMLINK = "160000", "120000"


def check_policy(mirror: Mirror, base: str, entries: tuple[Entry, ...]) -> None:
    """Raise ``PolicyRefusal`` for the first rule that a change breaks, naming the paths and what to do."""
    if len(entries) > MAX_FILES:
        _refuse(
            f"The change touches {len(entries)} files; {MAX_FILES} are the most that one task may touch.",
            entries[:5],
            "Ask for a smaller step, or split the issue.",
        )
    _check_names(entries)
    _check_kinds(mirror, entries)
    _check_secrets(mirror, base, entries)


def large_binaries(mirror: Mirror, entries: tuple[Entry, ...]) -> tuple[str, ...]:
    """The paths of files that are no text and at least 256 KiB large."""
    large = (entry for entry in entries if entry.size >= BINARY_BYTES)
    return tuple(one.path for one in large if b"\0" in mirror.blob(one.blob, MAX_BYTES)[:SNIFFED_BYTES])


def _check_names(entries: tuple[Entry, ...]) -> None:
    strange = [
        entry for entry in entries if strip_hidden(entry.path) != entry.path or set("\n\t") & set(entry.path)
    ]
    if strange:
        _refuse("The change holds file names with control characters.", strange, "Name the files plainly.")
    workflows = [entry for entry in entries if is_workflow(entry.path)]
    if workflows:
        _refuse(
            "The change touches workflow files, which Dayhand never pushes: they run with your secrets.",
            workflows,
            "Make this part of the change by hand.",
        )
    modules = [entry for entry in entries if entry.path == SUBMODULES or entry.mode == SUBMODULE]
    if modules:
        _refuse("The change touches submodules.", modules, "Make this part of the change by hand.")


def _check_kinds(mirror: Mirror, entries: tuple[Entry, ...]) -> None:
    large = [entry for entry in entries if entry.size > MAX_BYTES]
    if large:
        _refuse(
            f"The change holds files over {MAX_BYTES // 1024 // 1024} MB.",
            large,
            "Keep build products and data out of the repository, for example through .gitignore.",
        )
    for entry in entries:
        if entry.mode == SYMLINK:
            target = mirror.blob(entry.blob, 4096).decode("utf-8", "replace")
            place = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), target))
            if target.startswith("/") or place.startswith("..") or place.split("/")[0] == ".git":
                _refuse(
                    "The change holds a symbolic link that leaves the repository.",
                    [entry],
                    "Link to a relative path inside the repository.",
                )


def _check_secrets(mirror: Mirror, base: str, entries: tuple[Entry, ...]) -> None:
    for entry in entries:
        if entry.mode in (SUBMODULE, "000000"):
            continue
        new = mirror.blob(entry.blob, MAX_BYTES)
        found = find_credentials(new)
        before = _before(mirror, base, entry.path) if found else b""
        for credential, kind in found:
            if credential not in before:
                _refuse(
                    f"The change holds what looks like {kind}.",
                    [entry],
                    "Take it out; if it was ever pushed anywhere, revoke it.",
                )


def _before(mirror: Mirror, base: str, path: str) -> bytes:
    status, out, _ = mirror.git.attempt("cat-file", "blob", f"{base}:{path}")
    return out if status == 0 else b""


def _refuse(what: str, entries: list[Entry] | tuple[Entry, ...], advice: str) -> None:
    paths = tuple(entry.path.encode("unicode_escape").decode() for entry in entries)
    raise PolicyRefusal(f"{what} ({', '.join(paths[:5])})", paths=paths, advice=advice)
