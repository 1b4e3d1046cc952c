"""What never leaves the sandbox in a change, whatever the model or the repository says."""

from __future__ import annotations

import posixpath
import re
import unicodedata

from dayhand.checkout.mirror import Entry, Mirror
from dayhand.errors import PolicyRefusal
from dayhand.file_kinds import SUBMODULES, is_workflow

MAX_FILES = 300
MAX_BYTES = 5 * 1024 * 1024
BINARY_BYTES = 256 * 1024  # a binary file from here on is named
SNIFFED_BYTES = 8000  # as git does, to tell bytes from text
SUBMODULE, SYMLINK = "160000", "120000"
SECRETS = (
    (re.compile(rb"\bgh[pousr]_[A-Za-z0-9._]{36,}"), "a GitHub token"),
    (re.compile(rb"\bsk-[A-Za-z0-9_-]{32,}"), "a model provider's key"),
    (re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"), "a private key"),
    (re.compile(rb"\bgithub_pat_[A-Za-z0-9_]{22,}"), "a GitHub token"),
    (re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), "a cloud access key"),
    (re.compile(rb"\bAIza[A-Za-z0-9_-]{35}\b"), "a cloud API key"),
    (re.compile(rb"\bxox[abprs]-[A-Za-z0-9-]{20,}"), "a Slack token"),
    (re.compile(rb"\bglpat-[A-Za-z0-9_-]{20,}"), "a GitLab token"),
    (re.compile(rb"\bnpm_[A-Za-z0-9]{36}\b"), "an npm token"),
    (re.compile(rb"\bpypi-AgEI[A-Za-z0-9_-]{40,}"), "a PyPI token"),
    (re.compile(rb"\b[rs]k_live_[A-Za-z0-9]{20,}"), "a payment provider's key"),
)


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
    strange = [entry for entry in entries if any(_unseen(c) for c in entry.path)]
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
        for pattern, what in SECRETS:
            found = pattern.search(new)
            if found and found.group() not in _before(mirror, base, entry.path):
                _refuse(
                    f"The change holds what looks like {what}.",
                    [entry],
                    "Take it out; if it was ever pushed anywhere, revoke it.",
                )


def _before(mirror: Mirror, base: str, path: str) -> bytes:
    status, out, _ = mirror.git.attempt("cat-file", "blob", f"{base}:{path}")
    return out if status == 0 else b""


def _unseen(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs")


def _refuse(what: str, entries: list[Entry] | tuple[Entry, ...], advice: str) -> None:
    paths = tuple(entry.path.encode("unicode_escape").decode() for entry in entries)
    raise PolicyRefusal(f"{what} ({', '.join(paths[:5])})", paths=paths, advice=advice)
