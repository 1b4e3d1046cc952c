"""What of a change is pushed, what waits for a person, and what is left out: decided file by file, so that the rest goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from dayhand.checkout.mirror import Entry, Mirror
from dayhand.checkout.policy.executed_files import executed_as, executes_other_parts, is_manifest, is_workflow
from dayhand.checkout.policy.links import MAX_TARGET_BYTES, leaves_repository, plain_name
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.errors import PolicyRefusal
from dayhand.file_kinds import SUBMODULES, is_lock
from dayhand.sandbox.worktree import DELETED, MAX_FILE_BYTES
from dayhand.startup.records import dataclass
from dayhand.untrusted_text import find_credentials, strip_hidden

MAX_FILES = 300
MAX_BYTES = MAX_FILE_BYTES
MAX_TOTAL_BYTES = 50 * 1024 * 1024  # of all changed files
MAX_HELD_BYTES = 5 * 1024 * 1024  # of all files that are held back: they are kept in Redis
BINARY_BYTES = 256 * 1024  # binary files of this size and above are listed
SNIFFED_BYTES = 8000  # looked at to tell binary files from text, as git does
SUBMODULE, SYMLINK = "160000", "120000"  # modes of git
SCRIPTS = "scripts of a package"  # the kinds of files that are held back, besides those of ``executed_files``
LOCK = "lock file of such a package"
GITIGNORE = "Keep build products and data out of the repository, for example through .gitignore."

# What the model is told before it begins.
BRIEFING = f"""\
What is taken from the work tree when you finish:
- Never pushed: files over {MAX_BYTES >> 20} MB, more than {MAX_FILES} files or {MAX_TOTAL_BYTES >> 20} MB in one change, submodules, symbolic \
links that leave the repository, names with hidden characters, and files with what looks like a credential.
- Held back until a person accepts it: what CI, developers' machines or coding agents execute or obey. That is CI \
configuration and local actions, git hooks, editor, container and package manager settings, AGENTS.md and its like, and a \
package.json whose scripts change. Your change is checked and proposed without these files, so it must work without them. \
Workflow files under .github/workflows can be applied by a person only.
Change such a file only if the request is about it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Why a file is never pushed, and what to do."""

    what: str  # as people read it beside the path
    advice: str


HIDDEN_NAME = Rule("its name has control characters or hidden characters", "Rename the file.")
SUBMODULE_CHANGE = Rule("Dayhand does not push submodules", "Make this part of the change by hand.")
TOO_LARGE = Rule(f"over {MAX_BYTES >> 20} MB", GITIGNORE)
TOO_MUCH_HELD = Rule(
    f"it would wait for a person, with over {MAX_HELD_BYTES >> 20} MB in total", "Make this part by hand."
)
OUTSIDE = Rule(
    "a symbolic link that leaves the repository, or points into .git",
    "Make it point to a relative path inside the repository, with .. only at its beginning.",
)
IN_THE_WAY = Rule("it takes the place of a path that stays", "Choose another path.")


@dataclass(frozen=True, slots=True)
class SortedChange:
    """The entries of a change by what happens to them. Each part but the last can be applied after those before it."""

    pushed: tuple[Entry, ...]
    held_back: Mapping[Entry, str]  # with the kind of file, as people read it; pushed once they are accepted
    by_hand: Mapping[Entry, str]  # the same, but GitHub lets only people push them
    left_out: Mapping[Entry, Rule]


def sort_change(mirror: Mirror, base: str, entries: tuple[Entry, ...]) -> SortedChange:
    """Sort what a change to the commit ``base`` contains.

    Raises ``PolicyRefusal`` if all of it must be left out, or if it is so large that nobody could say which part.
    """
    _check_size(entries)
    left_out = _left_out(mirror, base, entries)
    executed = _executed(mirror, base, _without(entries, left_out))
    left_out |= dict.fromkeys(_beyond_total(executed, MAX_HELD_BYTES), TOO_MUCH_HELD)
    if entries and len(left_out) == len(entries):
        rule = next(iter(left_out.values()))
        raise _refusal(f"The change contains only what is never pushed: {rule.what}.", left_out, rule.advice)
    rest = _without(entries, left_out)
    by_hand = {entry: kind for entry in rest if (kind := executed.get(entry)) and _is_workflow(entry)}
    by_hand |= dict.fromkeys(_in_the_way(_without(rest, by_hand), by_hand), IN_THE_WAY.what)
    rest = _without(rest, by_hand)
    held_back = {entry: kind for entry in rest if (kind := executed.get(entry))}
    held_back |= dict.fromkeys(_in_the_way(_without(rest, held_back), held_back), IN_THE_WAY.what)
    return SortedChange(_without(rest, held_back), held_back, by_hand, left_out)


def _check_size(entries: tuple[Entry, ...]) -> None:
    """Raise ``PolicyRefusal`` if there are too many files, or if they are too large together."""
    if len(entries) > MAX_FILES:
        raise _refusal(
            f"The change touches {len(entries)} files (limit: {MAX_FILES}).",
            entries,
            "Ask for a smaller step, or split the issue.",
        )
    total = sum(entry.size for entry in entries if entry.size <= MAX_BYTES)
    if total > MAX_TOTAL_BYTES:
        raise _refusal(
            f"The change contains {total >> 20} MB of files (limit: {MAX_TOTAL_BYTES >> 20} MB).",
            sorted(entries, key=lambda entry: -entry.size),
            GITIGNORE,
        )


def _left_out(mirror: Mirror, base: str, entries: tuple[Entry, ...]) -> dict[Entry, Rule]:
    found = {entry: rule for entry in entries if (rule := _broken_rule(mirror, base, entry))}
    return found | dict.fromkeys(_in_the_way(_without(entries, found), found), IN_THE_WAY)


def large_binaries(mirror: Mirror, entries: tuple[Entry, ...]) -> tuple[str, ...]:
    """The paths of binary files of at least 256 KiB."""
    large = (entry for entry in entries if entry.size >= BINARY_BYTES)
    return tuple(entry.path for entry in large if b"\0" in mirror.blob(entry.blob, MAX_BYTES)[:SNIFFED_BYTES])


def shown(path: str) -> str:
    """A path as text for people, whatever its bytes are."""
    visible = path if strip_hidden(path) == path and path.isprintable() else ascii(path)[1:-1]
    return visible.encode("utf-8", "backslashreplace").decode()


def _broken_rule(mirror: Mirror, base: str, entry: Entry) -> Rule | None:
    """The first rule that a file breaks by itself."""
    if strip_hidden(entry.path) != entry.path or set("\n\t") & set(entry.path):
        return HIDDEN_NAME
    if plain_name(entry.path) == SUBMODULES or entry.mode == SUBMODULE:
        return SUBMODULE_CHANGE
    if entry.size > MAX_BYTES:
        return TOO_LARGE
    if entry.mode == SYMLINK and leaves_repository(entry.path, mirror.blob(entry.blob, MAX_TARGET_BYTES)):
        return OUTSIDE
    kind = "" if entry.mode == DELETED else _new_credential(mirror, base, entry)
    return (
        Rule(f"what looks like {kind}", "Remove it; if it was ever pushed anywhere, revoke it.")
        if kind
        else None
    )


def _new_credential(mirror: Mirror, base: str, entry: Entry) -> str:
    found = find_credentials(mirror.blob(entry.blob, MAX_BYTES))
    before = mirror.blob_at(base, entry.path, MAX_BYTES) if found else b""
    return next((kind for credential, kind in found if credential not in before), "")


def _executed(mirror: Mirror, base: str, entries: Iterable[Entry]) -> dict[Entry, str]:
    """The files that CI or developers' machines execute, and the lock files of packages among them."""
    found = {entry: kind for entry in entries if (kind := _executed_as(mirror, base, entry))}
    manifests = {PurePosixPath(entry.path).name.lower() for entry, kind in found.items() if kind == SCRIPTS}
    ecosystems = tuple(each for each in ECOSYSTEMS if not manifests.isdisjoint(each.MANIFESTS))
    locks = (entry for entry in entries if ecosystems and is_lock(entry.path, ecosystems))
    return {**dict.fromkeys(locks, LOCK), **found}


def _executed_as(mirror: Mirror, base: str, entry: Entry) -> str:
    path = _plain(entry.path)
    if kind := executed_as(path):
        return kind
    if not is_manifest(path):
        return ""
    new = b"" if entry.mode == DELETED else mirror.blob(entry.blob, MAX_BYTES)
    return SCRIPTS if executes_other_parts(path, mirror.blob_at(base, entry.path, MAX_BYTES), new) else ""


def _beyond_total(entries: Collection[Entry], maximum: int) -> Iterator[Entry]:
    """The largest files, until the others fit."""
    total = sum(entry.size for entry in entries)
    for entry in sorted(entries, key=lambda entry: -entry.size):
        if total <= maximum:
            return
        total -= entry.size
        yield entry


def _in_the_way(entries: Iterable[Entry], withheld: Iterable[Entry]) -> list[Entry]:
    """The new paths that cannot be there while the deletions among ``withheld`` are not made: a file in place of a folder."""
    staying = [entry.path for entry in withheld if entry.mode == DELETED]
    return [
        entry
        for entry in entries
        if entry.mode != DELETED
        and any(path.startswith(f"{entry.path}/") or entry.path.startswith(f"{path}/") for path in staying)
    ]


def _without(entries: Iterable[Entry], removed: Collection[Entry]) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry not in removed)


def _is_workflow(entry: Entry) -> bool:
    return is_workflow(_plain(entry.path))


def _plain(path: str) -> str:
    """A path as HFS+ and NTFS read it."""
    return "/".join(map(plain_name, path.split("/")))


def _refusal(what: str, entries: Iterable[Entry], advice: str) -> PolicyRefusal:
    paths = tuple(shown(entry.path) for entry in entries)
    return PolicyRefusal(f"{what} ({', '.join(paths[:5])})", paths=paths, advice=advice)
